/** First visit with the one-time link: makes the first administrator. */
import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useLocation, useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { queryClient, useAction } from '../../app/api';
import { Command, Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

export function SetupPage() {
  // The token is the fragment of the address, so that no server log and no referrer ever holds it.
  const token = useLocation().hash;
  const navigate = useNavigate();
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const setup = useAction('setup', () => {
    queryClient.clear();
    void navigate({ to: '/' });
  });

  if (token === '') {
    return (
      <DoorFrame title="Set-up needs its link">
        <Text size="sm">The link was printed where TinyFleet was started. This prints a new one:</Text>
        <Command text="npx tinyfleet setup-link" />
      </DoorFrame>
    );
  }
  return (
    <DoorFrame title="Welcome to TinyFleet">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setup.mutate({ body: { token, email, password } });
        }}
      >
        <Stack>
          <Text size="sm" c="dimmed">
            Make the first administrator. Nothing leaves this machine.
          </Text>
          <TextInput
            label="Email"
            type="email"
            required
            autoComplete="username"
            value={email}
            onChange={(e) => setEmail(e.currentTarget.value)}
            data-autofocus
          />
          <PasswordInput
            label="Password"
            description="At least 10 characters"
            required
            minLength={10}
            autoComplete="new-password"
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          {setup.error === null ? null : <Problem error={setup.error} />}
          <Button type="submit" loading={setup.isPending}>
            Start
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
