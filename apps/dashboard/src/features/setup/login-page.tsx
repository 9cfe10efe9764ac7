/** Email and password. */
import { Button, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction } from '../../app/api';
import { Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

export function LoginPage() {
  const { next } = useSearch({ from: '/login' });
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const login = useAction('login', () => location.assign(next ?? '/'));
  return (
    <DoorFrame title="Log in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          login.mutate({ body: { email, password } });
        }}
      >
        <Stack>
          <TextInput
            label="Email"
            type="email"
            required
            autoComplete="username"
            value={email}
            onChange={(e) => setEmail(e.currentTarget.value)}
          />
          <PasswordInput
            label="Password"
            required
            autoComplete="current-password"
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          {login.error === null ? null : <Problem error={login.error} />}
          <Button type="submit" loading={login.isPending}>
            Log in
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
