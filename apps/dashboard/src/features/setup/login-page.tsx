/** Email and password, or the account at the provider that is configured. */
import { Alert, Button, Divider, PasswordInput, Stack, TextInput } from '@mantine/core';
import { useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

/** Why the provider's way back ended here, by code; anything else is shown as it is, which is a code too. */
const PROBLEMS: Readonly<Record<string, string>> = {
  'auth.oidc-failed': 'The provider did not confirm who you are. Try again; the server log has the reason.',
  'auth.oidc-expired': 'That took too long, or was started in another browser. Start again.',
  'auth.oidc-email-unverified': 'The provider gives no verified e-mail address for your account.',
  'auth.oidc-no-account':
    'There is no account for your address here. Ask an administrator for an invitation.',
  'auth.oidc-account-unproven':
    'Nothing proves yet that the account for your address is yours. Log in with its password and link single sign-on under Settings, or ask an administrator.',
  'auth.oidc-identity-taken': 'That account at the provider leads to another person here already.',
};

export function LoginPage() {
  const { next, problem } = useSearch({ from: '/login' });
  const provider = useApi('loginOptions').data?.provider ?? null;
  const [email, setEmail] = useState('');
  const [password, setPassword] = useState('');
  const login = useAction('login', () => location.assign(next ?? '/'));
  return (
    <DoorFrame title="Log in">
      {problem === undefined ? null : (
        <Alert color="red" title="That did not work">
          {PROBLEMS[problem] ?? problem}
        </Alert>
      )}
      {provider === null ? null : (
        <>
          <Button
            component="a"
            variant="default"
            href={`${provider.path}?next=${encodeURIComponent(next ?? '/')}`}
          >
            Log in with {provider.name}
          </Button>
          <Divider label="or" />
        </>
      )}
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
