/** Where the person is logged in, and the password. */
import { Alert, Badge, Button, Group, PasswordInput, Stack, Table, Text } from '@mantine/core';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Loaded, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { browserName } from './browser-name';

const VIA = { password: 'password', oidc: 'provider', link: 'one-time link' } as const;

export function Sessions() {
  const sessions = useApi('sessionList');
  const revoke = useAction('sessionDelete');
  const revokeOthers = useAction('sessionDeleteOthers');
  const others = sessions.data?.items.filter(({ isCurrent }) => !isCurrent).length ?? 0;
  return (
    <Stack gap="lg">
      <Section
        title="My sessions"
        about="Browsers in which you are logged in"
        actions={
          others === 0 ? null : (
            <Confirm
              verb="End all others"
              subject="sessions"
              variant="default"
              title="End all your other sessions?"
              run={() => revokeOthers.mutateAsync({})}
            >
              {others === 1 ? 'One browser has' : `${others} browsers have`} to log in again. This one stays.
            </Confirm>
          )
        }
      >
        <Loaded query={sessions} height={120}>
          {({ items }) => (
            <DataTable
              label="My sessions"
              minWidth={680}
              heads={['Browser', 'From', 'By', 'Begun', 'Used', 'Ends', ACTIONS]}
            >
              {items.map((one) => (
                <Table.Tr key={one.id}>
                  <Table.Td title={one.userAgent ?? undefined}>
                    {browserName(one.userAgent)}{' '}
                    {one.isCurrent ? (
                      <Badge size="sm" variant="light" tt="none">
                        this one
                      </Badge>
                    ) : null}
                  </Table.Td>
                  <Table.Td className="mono">{one.address ?? '–'}</Table.Td>
                  <Table.Td>{VIA[one.via]}</Table.Td>
                  <Table.Td>
                    <Moment at={one.createdAt} />
                  </Table.Td>
                  <Table.Td>
                    <Moment at={one.lastUsedAt} />
                  </Table.Td>
                  <Table.Td>
                    <Moment at={one.expiresAt} />
                  </Table.Td>
                  <Table.Td ta="right">
                    {one.isCurrent ? null : (
                      <Confirm
                        verb="End"
                        subject={`session from ${one.address ?? 'elsewhere'}, ${one.id.slice(-6)}`}
                        title="End this session?"
                        run={() => revoke.mutateAsync({ params: { id: one.id } })}
                      >
                        {browserName(one.userAgent)} has to log in again.
                      </Confirm>
                    )}
                  </Table.Td>
                </Table.Tr>
              ))}
            </DataTable>
          )}
        </Loaded>
      </Section>
      <Password />
    </Stack>
  );
}

const MIN_LENGTH = 10;

function Password() {
  const me = useApi('me');
  const [current, setCurrent] = useState('');
  const [next, setNext] = useState('');
  const change = useAction('passwordChange', () => {
    setCurrent('');
    setNext('');
  });
  return (
    <Section title="Password" about="Your other sessions end when it changes">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate({ body: { current, password: next } });
        }}
      >
        <Stack gap="sm" maw={420}>
          {/* Password managers want to know whose it is. */}
          <input
            type="hidden"
            name="username"
            autoComplete="username"
            value={me.data?.email ?? ''}
            readOnly
          />
          <PasswordInput
            label="Present password"
            autoComplete="current-password"
            required
            value={current}
            onChange={(e) => setCurrent(e.currentTarget.value)}
          />
          <PasswordInput
            label="New password"
            description={`At least ${MIN_LENGTH} characters`}
            autoComplete="new-password"
            required
            value={next}
            onChange={(e) => setNext(e.currentTarget.value)}
          />
          {change.error === null ? null : <Problem error={change.error} />}
          {change.isSuccess ? (
            <Alert color="teal" variant="light" role="status">
              <Text size="sm">The password is changed.</Text>
            </Alert>
          ) : null}
          <Group>
            <Button
              type="submit"
              variant="default"
              loading={change.isPending}
              disabled={current === '' || next.length < MIN_LENGTH}
            >
              Change it
            </Button>
          </Group>
        </Stack>
      </form>
    </Section>
  );
}
