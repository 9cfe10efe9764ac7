/** Certificate authorities of devices: your own, whose key you prove to hold, and ours, which sign requests. */
import { Button, Group, Menu, Modal, Stack, Table, Text, TextInput } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Empty, Loaded, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { AddAuthority, EditAuthority, Prove } from './authority-forms';

type Authority = Resource<'Authority'>;

export function Authorities({ project }: { project: string }) {
  const may = useMay(project);
  const list = useApi('authorityList', { params: { project } });
  const add = may('admin') ? <AddAuthority project={project} /> : null;
  return (
    <Loaded query={list}>
      {({ items }) =>
        items.length === 0 ? (
          <Empty
            title="No certificate authority yet"
            about="Devices with a certificate send no password. Upload the authority of your factory, and each unit registers itself at its first connect; or make one here, and devices get their certificates from it by a request whose key never leaves them."
          >
            <div>{add}</div>
          </Empty>
        ) : (
          <Section title="Certificate authorities" actions={add}>
            <DataTable
              label="Certificate authorities"
              minWidth={860}
              heads={['Name', 'State', 'Registers', 'Certificates', 'Ends', 'Fingerprint', ACTIONS]}
            >
              {items.map((one) => (
                <Row key={one.name} project={project} authority={one} />
              ))}
            </DataTable>
          </Section>
        )
      }
    </Loaded>
  );
}

function Row({ project, authority }: { project: string; authority: Authority }) {
  const may = useMay(project);
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {authority.name}
        </Text>
        <Text size="xs" c="dimmed">
          {authority.signs ? 'signs here' : authority.subject}
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge state={authority.state} />
      </Table.Td>
      <Table.Td>
        {authority.type === null ? (
          'only devices you registered'
        ) : (
          <>
            {authority.type}
            <Text size="xs" c="dimmed">
              {formatInteger(authority.registered)} of {formatInteger(authority.quota)}
              {[...authority.tags, ...(authority.site === null ? [] : [authority.site])]
                .map((word) => ` · ${word}`)
                .join('')}
            </Text>
          </>
        )}
      </Table.Td>
      <Table.Td>{formatInteger(authority.certificates)} in use</Table.Td>
      <Table.Td>
        <Moment at={authority.notAfter} />
      </Table.Td>
      <Table.Td className="mono" title={authority.fingerprint}>
        {authority.fingerprint.slice(0, 16)}…
      </Table.Td>
      <Table.Td ta="right">
        <Group gap={4} justify="flex-end" wrap="nowrap">
          {authority.state === 'unproven' && may('admin') ? (
            <Prove project={project} authority={authority} />
          ) : null}
          {may('operator') ? <More project={project} authority={authority} /> : null}
          {may('admin') ? <Remove project={project} authority={authority} /> : null}
        </Group>
      </Table.Td>
    </Table.Tr>
  );
}

type Asked = 'edit' | 'serial' | 'disable';

function More({ project, authority }: { project: string; authority: Authority }) {
  const may = useMay(project);
  const [asked, setAsked] = useState<Asked>();
  const update = useAction('authorityUpdate', () => setAsked(undefined));
  const done = () => {
    update.reset();
    setAsked(undefined);
  };
  const put = (state: 'active' | 'disabled') =>
    update.mutate({ params: { project, authority: authority.name }, body: { state } });
  const titles: Readonly<Record<Asked, string>> = {
    edit: `What ${authority.name} registers`,
    serial: `Refuse a certificate of ${authority.name}`,
    disable: `Disable ${authority.name}?`,
  };
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button size="compact-xs" variant="subtle" aria-label={`More for ${authority.name}`}>
            More ▾
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {may('admin') ? <Menu.Item onClick={() => setAsked('edit')}>What it registers…</Menu.Item> : null}
          <Menu.Item onClick={() => setAsked('serial')}>Refuse a certificate…</Menu.Item>
          {!may('admin') || authority.state === 'unproven' ? null : authority.state === 'disabled' ? (
            <Menu.Item onClick={() => put('active')}>Enable</Menu.Item>
          ) : (
            <Menu.Item color="red" onClick={() => setAsked('disable')}>
              Disable…
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
      <Modal opened={asked !== undefined} onClose={done} title={asked === undefined ? '' : titles[asked]}>
        {asked === 'edit' ? <EditAuthority project={project} authority={authority} onDone={done} /> : null}
        {asked === 'serial' ? <RefuseSerial project={project} name={authority.name} onDone={done} /> : null}
        {asked === 'disable' ? (
          <Stack>
            <Text size="sm">
              All {formatInteger(authority.certificates)} certificates of it are refused at once, and the
              connections made with them drop. Enabling it lets them in again.
            </Text>
            {update.error === null ? null : <Problem error={update.error} />}
            <Group justify="flex-end">
              <Button variant="default" onClick={done}>
                Cancel
              </Button>
              <Button color="red" loading={update.isPending} onClick={() => put('disabled')}>
                Disable
              </Button>
            </Group>
          </Stack>
        ) : null}
      </Modal>
    </>
  );
}

function RefuseSerial(props: { project: string; name: string; onDone: () => void }) {
  const [serial, setSerial] = useState('');
  const [reason, setReason] = useState('');
  const revoke = useAction('authorityRevokeSerial', props.onDone);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        revoke.mutate({
          params: { project: props.project, authority: props.name },
          body: { serial: serial.trim(), reason: reason.trim() },
        });
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Serial number"
          description="Hexadecimal, colons allowed; it stays refused for good"
          required
          maxLength={80}
          classNames={{ input: 'mono' }}
          value={serial}
          onChange={(e) => setSerial(e.currentTarget.value)}
          data-autofocus
        />
        <TextInput
          label="Reason"
          maxLength={200}
          value={reason}
          onChange={(e) => setReason(e.currentTarget.value)}
        />
        {revoke.error === null ? null : <Problem error={revoke.error} />}
        <Group justify="flex-end">
          <Button
            type="submit"
            color="red"
            loading={revoke.isPending}
            disabled={!/^[0-9A-Fa-f:]+$/.test(serial.trim())}
          >
            Refuse it
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function Remove({ project, authority }: { project: string; authority: Authority }) {
  const remove = useAction('authorityDelete');
  return (
    <Confirm
      verb="Remove"
      subject={`authority ${authority.name}`}
      title={`Remove ${authority.name}?`}
      run={() => remove.mutateAsync({ params: { project, authority: authority.name } })}
    >
      The {formatInteger(authority.certificates)} certificates it signed are refused from now on
      {authority.signs ? ', and its key is destroyed' : ''}. This cannot be undone.
    </Confirm>
  );
}
