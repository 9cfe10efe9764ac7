/** A one-time invitation link: says what it is for, makes the account when there is none, and logs in. */
import { Button, PasswordInput, Stack, Text, TextInput } from '@mantine/core';
import { useLocation } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { queryClient, useAction } from '../../app/api';
import { Problem } from '../../components/page';
import { DoorFrame } from './door-frame';

export function InvitePage() {
  // The token is the fragment of the address, so that no server log and no referrer ever holds it.
  const token = useLocation().hash;
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const {
    mutate: look,
    data: invitation,
    error,
  } = useAction('invitationPreview', undefined, { refresh: false });
  const accept = useAction('invitationAccept', (me) => {
    queryClient.clear();
    const first = invitation?.project ?? me.projects[0]?.name;
    location.assign(first === undefined ? '/' : `/p/${first}`);
  });
  useEffect(() => {
    if (token !== '') look({ body: { token } });
  }, [token, look]);

  if (token === '') {
    return (
      <DoorFrame title="An invitation needs its link">
        <Text size="sm">Open the whole link that you were given; what follows the # is the invitation.</Text>
      </DoorFrame>
    );
  }
  if (error !== null) {
    return (
      <DoorFrame title="This invitation cannot be used">
        <Problem error={error} />
      </DoorFrame>
    );
  }
  if (invitation === undefined) return <DoorFrame title="Invitation">{null}</DoorFrame>;
  const purpose =
    invitation.project === null
      ? invitation.isAdmin
        ? 'You are invited as an administrator.'
        : 'You are invited.'
      : `You are invited to project ${invitation.project} as ${invitation.role}.`;
  return (
    <DoorFrame title="Welcome to TinyFleet">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          accept.mutate({ body: { token, password, ...(name.trim() === '' ? {} : { name: name.trim() }) } });
        }}
      >
        <Stack>
          <Text size="sm">{purpose}</Text>
          <TextInput label="Email" value={invitation.email} readOnly autoComplete="username" />
          {invitation.hasAccount ? null : (
            <TextInput
              label="Name"
              autoComplete="name"
              maxLength={120}
              value={name}
              onChange={(e) => setName(e.currentTarget.value)}
            />
          )}
          <PasswordInput
            label="Password"
            description={invitation.hasAccount ? 'Of your account' : 'At least 10 characters'}
            required
            minLength={invitation.hasAccount ? 1 : 10}
            autoComplete={invitation.hasAccount ? 'current-password' : 'new-password'}
            value={password}
            onChange={(e) => setPassword(e.currentTarget.value)}
          />
          {accept.error === null ? null : <Problem error={accept.error} />}
          <Button type="submit" loading={accept.isPending}>
            Accept
          </Button>
        </Stack>
      </form>
    </DoorFrame>
  );
}
