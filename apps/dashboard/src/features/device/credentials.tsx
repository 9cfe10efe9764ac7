/** What a device proves itself with: tokens and certificates, replaced with an overlap, revoked at once. */
import { Button, Group, NativeSelect, Stack, Table, Text, Tooltip } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatActor } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Loaded, Problem, Section } from '../../components/page';
import { SecretDialog } from '../../components/secret';
import { Moment } from '../../components/time';

export function Credentials({ project, device }: { project: string; device: Resource<'Device'> }) {
  const may = useMay(project);
  const params = { project, device: device.name };
  const list = useApi('credentialList', { params });
  const revokeAll = useAction('credentialRevokeAll');
  const isOurs = may('operator') && device.state !== 'retired';
  const alive = list.data?.items.filter(({ state }) => state !== 'expired' && state !== 'revoked') ?? [];
  return (
    <Section
      title="Credentials"
      about="What it proves itself with when it connects"
      actions={
        isOurs ? (
          <Group gap="xs">
            <Rotate project={project} device={device.name} />
            {alive.length === 0 ? null : (
              <Confirm
                verb="Revoke all"
                subject={`credentials of ${device.name}`}
                variant="default"
                title={`Revoke all credentials of ${device.name}?`}
                run={() => revokeAll.mutateAsync({ params })}
              >
                Its connection drops within a second, and it cannot come back until it has a new token.
              </Confirm>
            )}
          </Group>
        ) : null
      }
    >
      <Loaded query={list} height={100}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              None. It connects once it has a token, has claimed, or brings a certificate.
            </Text>
          ) : (
            <DataTable
              label="Credentials"
              minWidth={720}
              heads={['Kind', 'State', 'Made', 'Ends', 'Last used', ACTIONS]}
            >
              {items.map((one) => (
                <Row key={one.id} params={params} credential={one} isOurs={isOurs} />
              ))}
            </DataTable>
          )
        }
      </Loaded>
    </Section>
  );
}

function Row(props: {
  params: { project: string; device: string };
  credential: Resource<'Credential'>;
  isOurs: boolean;
}) {
  const { credential } = props;
  const revoke = useAction('credentialRevoke');
  const isAlive = credential.state !== 'revoked' && credential.state !== 'expired';
  const kind = credential.kind === 'token' ? 'token' : `certificate of ${credential.authority ?? '–'}`;
  return (
    <Table.Tr>
      <Table.Td>
        {kind}
        {credential.serial === null ? null : (
          <Tooltip label={<span className="mono">SHA-256 {credential.fingerprint}</span>}>
            <Text size="xs" c="dimmed" className="mono" tabIndex={0} truncate maw={220}>
              {credential.serial}
            </Text>
          </Tooltip>
        )}
      </Table.Td>
      <Table.Td>
        <StateBadge state={credential.state} />
      </Table.Td>
      <Table.Td>
        <Moment at={credential.createdAt} />
        <Text size="xs" c="dimmed">
          by {formatActor(credential.createdBy)}
        </Text>
      </Table.Td>
      <Table.Td>
        <Moment at={credential.revokedAt ?? credential.expiresAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={credential.lastUsedAt} />
      </Table.Td>
      <Table.Td ta="right">
        {props.isOurs && isAlive ? (
          <Confirm
            verb="Revoke"
            subject={`${kind}, ${credential.id.slice(-6)}`}
            title="Revoke this credential?"
            run={() => revoke.mutateAsync({ params: { ...props.params, credential: credential.id } })}
          >
            A connection made with it drops within a second. Its other credentials stay good.
          </Confirm>
        ) : null}
      </Table.Td>
    </Table.Tr>
  );
}

const OVERLAPS = [
  { value: '3600', label: 'one hour' },
  { value: '86400', label: 'one day' },
  { value: '604800', label: '7 days' },
  { value: '2592000', label: '30 days' },
  { value: '0', label: 'not at all: they end at once' },
];

function Rotate({ project, device }: { project: string; device: string }) {
  return (
    <SecretDialog<string>
      button={(open) => (
        <Button size="compact-sm" variant="default" onClick={open}>
          New token
        </Button>
      )}
      title={() => `A new token for ${device}`}
      form={(onMade, leave) => (
        <RotateForm project={project} device={device} onMade={onMade} onLeave={leave} />
      )}
      secret={(token) => ({ lines: [{ name: 'Token: the MQTT password', text: token }] })}
    />
  );
}

function RotateForm(props: {
  project: string;
  device: string;
  onMade: (token: string) => void;
  onLeave: () => void;
}) {
  const { project, device } = props;
  const [overlap, setOverlap] = useState('86400');
  const rotate = useAction('deviceToken', ({ token }) => props.onMade(token));
  return (
    <Stack gap="sm">
      <NativeSelect
        label="The tokens it has now stay good for"
        description="Or until shortly after it has used the new one, whichever is first"
        data={OVERLAPS}
        value={overlap}
        onChange={(e) => setOverlap(e.currentTarget.value)}
      />
      {rotate.error === null ? null : <Problem error={rotate.error} />}
      <Group justify="flex-end">
        <Button variant="default" onClick={props.onLeave}>
          Cancel
        </Button>
        <Button
          color={overlap === '0' ? 'red' : undefined}
          loading={rotate.isPending}
          onClick={() =>
            rotate.mutate({ params: { project, device }, body: { overlapSeconds: Number(overlap) } })
          }
        >
          Make a new token
        </Button>
      </Group>
    </Stack>
  );
}
