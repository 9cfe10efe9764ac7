/** Keys that sign releases: which one does, which may follow, and changing them without touching a device by hand. */
import { Alert, Button, Group, Modal, SegmentedControl, Stack, Table, Text, Textarea } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Loaded, Problem, Section } from '../../components/page';
import { MakerAndList } from '../../components/secret';
import { Moment } from '../../components/time';
import { publicKeyHexOf } from './public-key';

type Key = Resource<'SigningKey'>;
const HEADS = ['Key', 'State', 'Private half', 'Devices that trust it', 'Made', ACTIONS];

export function SigningKeys({ project }: { project: string }) {
  const keys = useApi('signingKeyList', { params: { project } });
  const may = useMay(project);
  const next = keys.data?.items.find(({ state }) => state === 'next');
  return (
    <MakerAndList
      maker={
        may('admin') && keys.data !== undefined && next === undefined ? <Rotate project={project} /> : null
      }
    >
      <Section
        title="Signing keys"
        about="Devices install only what a key signed that they trust. A new one is handed to them, signed by the one they have"
      >
        {next === undefined ? null : (
          <Alert variant="light" mb="md" role="status">
            The next key is with {plural(next.devices.next, 'device')}. It signs nothing before it is
            activated; devices that do not have it by then are offered nothing until they do.
          </Alert>
        )}
        <Loaded query={keys} height={120}>
          {({ items }) => (
            <DataTable label="Signing keys" minWidth={820} heads={HEADS}>
              {items.map((key) => (
                <Row key={key.keyId} project={project} row={key} isOurs={may('admin')} />
              ))}
            </DataTable>
          )}
        </Loaded>
      </Section>
    </MakerAndList>
  );
}

function Row({ project, row, isOurs }: { project: string; row: Key; isOurs: boolean }) {
  const { keyId, devices, state } = row;
  const params = { project, keyId };
  const activate = useAction('signingKeyActivate');
  const withdraw = useAction('signingKeyWithdraw');
  const revoke = useAction('signingKeyRevoke');
  return (
    <Table.Tr>
      <Table.Td>
        <span className="mono">{keyId}</span>
        <Text size="xs" c="dimmed" className="mono" title={row.publicKeyHex} truncate maw={240}>
          {row.algorithm} {row.publicKeyHex}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge state={state} />
      </Table.Td>
      <Table.Td>{row.held ? 'here, sealed' : 'elsewhere'}</Table.Td>
      <Table.Td>
        {formatInteger(devices.current)}
        {devices.next === 0 ? null : (
          <Text size="xs" c="dimmed">
            {formatInteger(devices.next)} as the one that may follow
          </Text>
        )}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={row.createdAt} />
      </Table.Td>
      <Table.Td ta="right">
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {isOurs && state === 'next' ? (
            <>
              <Confirm
                isHarmless
                verb="Activate"
                subject={`key ${keyId}`}
                title="Sign with this key from now on?"
                run={() => activate.mutateAsync({ params, body: {} })}
              >
                All signed releases are signed again with it, and the present key is retired. It is refused
                while devices do not have it.
              </Confirm>
              <Confirm
                verb="Withdraw"
                subject={`key ${keyId}`}
                title="Withdraw the next key?"
                asksWhy
                run={(reason) => withdraw.mutateAsync({ params, body: { reason } })}
              >
                It never signs anything. Devices that have it keep it, unused, until they are given another.
              </Confirm>
              <Confirm
                verb="Force"
                subject={`key ${keyId} to be active`}
                title="Activate it although devices do not have it?"
                run={() => activate.mutateAsync({ params, body: { force: true } })}
              >
                Devices that do not have it yet are offered nothing until they do. Use it when the present key
                is in other hands.
              </Confirm>
            </>
          ) : null}
          {isOurs && state === 'retired' ? (
            <Confirm
              verb="Revoke"
              subject={`key ${keyId}`}
              title="Revoke this retired key?"
              asksWhy
              run={(reason) => revoke.mutateAsync({ params, body: { reason } })}
            >
              This cannot be undone. Nothing that only this key has signed is offered any more. It still hands
              over to the active key: devices that know no other one would be lost.
            </Confirm>
          ) : null}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

function Rotate({ project }: { project: string }) {
  const [opened, { open, close }] = useDisclosure();
  const [where, setWhere] = useState('here');
  const [pem, setPem] = useState('');
  const rotate = useAction('signingKeyRotate', close);
  const publicKeyHex = publicKeyHexOf(pem);
  const isHere = where === 'here';
  return (
    <>
      <Button size="xs" onClick={open}>
        Make the next key
      </Button>
      <Modal opened={opened} onClose={close} title="Make the next signing key?" size="lg">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            rotate.mutate({
              params: { project },
              body: isHere || publicKeyHex === undefined ? {} : { publicKeyHex },
            });
          }}
        >
          <Stack gap="sm">
            <Text size="sm">
              It is handed to every device, signed by the present key; devices that are away get it when they
              come back. Nothing is signed with it before you activate it.
            </Text>
            <SegmentedControl
              aria-label="Its private half"
              data={[
                { value: 'here', label: 'Made and kept here, sealed' },
                { value: 'elsewhere', label: 'Kept elsewhere' },
              ]}
              value={where}
              onChange={setWhere}
            />
            {isHere ? null : (
              <Textarea
                label="Its public key (PEM, Ed25519)"
                description="openssl genpkey -algorithm ed25519 -out key.pem && openssl pkey -in key.pem -pubout"
                classNames={{ input: 'mono' }}
                autosize
                minRows={3}
                maxRows={8}
                required
                value={pem}
                error={
                  pem.trim() === '' || publicKeyHex !== undefined
                    ? undefined
                    : 'This is no Ed25519 public key in PEM.'
                }
                onChange={(e) => setPem(e.currentTarget.value)}
              />
            )}
            {rotate.error === null ? null : <Problem error={rotate.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button
                type="submit"
                loading={rotate.isPending}
                disabled={!isHere && publicKeyHex === undefined}
              >
                Make it
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
