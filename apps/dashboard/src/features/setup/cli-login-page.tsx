/** A command line asks to be let in: says as whom and where, and hands the code over when it is approved. */
import { Alert, Button, Code, Stack, Text } from '@mantine/core';
import { plural } from '@tinyfleet/contracts';
import { useLocation } from '@tanstack/react-router';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Command, Problem } from '../../components/page';
import { cliCallback, parseCliRequest } from './cli-request';
import { DoorFrame } from './door-frame';

export function CliLoginPage() {
  const request = parseCliRequest(useLocation().hash);
  const me = useApi('me').data;
  const [isRefused, setRefused] = useState(false);
  const approve = useAction(
    'cliLoginApprove',
    ({ code }) => {
      if (request) goBack(cliCallback(request, { code }));
    },
    { refresh: false },
  );

  if (request === undefined) {
    return (
      <DoorFrame title="This address is not whole">
        <Text size="sm">Open all of the address that the command line shows.</Text>
      </DoorFrame>
    );
  }
  if (isRefused) {
    return (
      <DoorFrame title="Not let in">
        <Text size="sm">Nothing was handed over. You may close this page.</Text>
      </DoorFrame>
    );
  }
  if (approve.data !== undefined) {
    return (
      <DoorFrame title="Let in">
        <Text size="sm">
          {request.port === undefined
            ? 'Paste this code into the terminal that waits for it. It works once, for five minutes.'
            : 'The command line goes on. You may close this page.'}
        </Text>
        {request.port === undefined ? <Command text={approve.data.code} /> : null}
      </DoorFrame>
    );
  }
  return (
    <DoorFrame title="Let a command line in?">
      <Stack>
        <Text size="sm">
          <Code>tinyfleet</Code> on <b>{request.machine}</b> asks to act as <b>{me?.email ?? '…'}</b> for{' '}
          {plural(request.expiresInDays, 'day')}.
        </Text>
        <Alert color="yellow">Only go on when you have just started this sign-in yourself.</Alert>
        {approve.error === null ? null : <Problem error={approve.error} />}
        <Button
          loading={approve.isPending}
          onClick={() => {
            const { challenge, machine, expiresInDays } = request;
            approve.mutate({ body: { challenge, machine, expiresInDays } });
          }}
        >
          Let it in
        </Button>
        <Button
          variant="default"
          onClick={() => {
            setRefused(true);
            goBack(cliCallback(request, { error: 'refused' }));
          }}
        >
          Refuse
        </Button>
      </Stack>
    </DoorFrame>
  );
}

function goBack(address: string | undefined): void {
  if (address !== undefined) location.assign(address);
}
