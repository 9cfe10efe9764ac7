/** The one-time link of an administrator with which somebody sets a new password. */
import { Button, PasswordInput, Stack, Text } from '@mantine/core';
import { useLocation, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { queryClient, useAction } from '../../app/api';
import { Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

export function ResetPage() {
  const token = useLocation().hash;
  const navigate = useNavigate();
  const [password, setPassword] = useState('');
  const reset = useAction('passwordReset', () => {
    queryClient.clear();
    void navigate({ to: '/login', search: {} });
  });
  return (
    <DoorFrame title="Set a new password">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          reset.mutate({ body: { token, password } });
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            Every session of your account ends; log in again afterwards.
          </Text>
          <PasswordInput
            label="New password"
            description="At least 10 characters"
            required
            minLength={10}
            autoComplete="new-password"
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          {reset.error === null ? null : <Problem error={reset.error} />}
          <Button type="submit" loading={reset.isPending}>
            Set password
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
