/** Provisioning keys: one secret for a whole production line, bounded by quota, end and approval. */
import {
  Button,
  Group,
  MultiSelect,
  NativeSelect,
  NumberInput,
  Progress,
  Stack,
  Switch,
  Table,
  TagsInput,
  Text,
  TextInput,
} from '@mantine/core';
import { NAME_PATTERN, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi } from '../../app/api';
import { formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable } from '../../components/data-table';
import { Empty, Loaded, Problem, Section } from '../../components/page';
import { MakerAndList, SecretDialog } from '../../components/secret';
import { Moment } from '../../components/time';

export function Keys({ project }: { project: string }) {
  const keys = useApi('provisioningKeyList', { params: { project } });
  return (
    <MakerAndList maker={<MakeKey project={project} />}>
      <Loaded query={keys}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty
              title="No provisioning key yet"
              about="One secret that all units of a production line carry: each registers itself with it, once, and gets a credential of its own. Whoever reads one unit's flash has the key, so it has a quota, an end, and by default a person lets each device in."
            />
          ) : (
            <Section title="Provisioning keys">
              <DataTable
                label="Provisioning keys"
                minWidth={860}
                heads={['Name', 'State', 'For', 'Devices made', 'Approval', 'Ends', 'Last used', ACTIONS]}
              >
                {items.map((key) => (
                  <Row key={key.name} project={project} row={key} />
                ))}
              </DataTable>
            </Section>
          )
        }
      </Loaded>
    </MakerAndList>
  );
}

function Row({ project, row }: { project: string; row: Resource<'ProvisioningKey'> }) {
  const revoke = useAction('provisioningKeyRevoke');
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {row.name}
        </Text>
        <Text size="xs" c="dimmed" className="mono">
          {row.prefix}…
        </Text>
      </Table.Td>
      <Table.Td>
        <StateBadge state={row.state} />
      </Table.Td>
      <Table.Td>
        {row.types.join(', ')}
        <Text size="xs" c="dimmed">
          {[row.nameTemplate, ...row.tags, ...(row.site === null ? [] : [row.site])].join(' · ')}
        </Text>
      </Table.Td>
      <Table.Td w={150}>
        <Text size="sm">
          {formatInteger(row.used)} of {formatInteger(row.quota)}
        </Text>
        <Progress value={(100 * row.used) / row.quota} size={4} aria-label={`Quota of ${row.name} used`} />
      </Table.Td>
      <Table.Td>{row.needsApproval ? 'by a person' : 'none'}</Table.Td>
      <Table.Td>
        <Moment at={row.expiresAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={row.lastUsedAt} />
      </Table.Td>
      <Table.Td ta="right">
        {row.state === 'revoked' ? null : (
          <Confirm
            verb="Revoke"
            subject={`key ${row.name}`}
            title={`Revoke the key “${row.name}”?`}
            run={() => revoke.mutateAsync({ params: { project, key: row.name } })}
          >
            Units that carry it cannot register themselves any more. The {formatInteger(row.used)} devices it
            made stay.
          </Confirm>
        )}
      </Table.Td>
    </Table.Tr>
  );
}

function MakeKey({ project }: { project: string }) {
  return (
    <SecretDialog<Resource<'ProvisioningKeyCreated'>>
      button={(open) => (
        <Button size="xs" onClick={open}>
          Make a key
        </Button>
      )}
      title={(made) => (made === undefined ? 'Make a provisioning key' : `The key “${made.name}”`)}
      size="lg"
      form={(onMade) => <KeyForm project={project} onMade={onMade} />}
      secret={({ key }) => ({
        lines: [{ name: 'Provisioning key, for the firmware of the line', text: key }],
      })}
    />
  );
}

const AGAIN = [
  { value: 'until-connected', label: 'answer as long as it never connected' },
  { value: 'never', label: 'refuse' },
  { value: 'always', label: 'always answer: whoever has the key can take its devices over' },
];
const DAY_S = 86_400;

function KeyForm(props: { project: string; onMade: (made: Resource<'ProvisioningKeyCreated'>) => void }) {
  const types = useApi('deviceTypeList', { params: { project: props.project } });
  const [name, setName] = useState('');
  const [chosen, setChosen] = useState<string[]>([]);
  const [template, setTemplate] = useState('{name}');
  const [tags, setTags] = useState<string[]>([]);
  const [site, setSite] = useState('');
  const [quota, setQuota] = useState<number | string>(1_000);
  const [days, setDays] = useState<number | string>(90);
  const [needsApproval, setNeedsApproval] = useState(true);
  const [again, setAgain] = useState<Resource<'ProvisioningKey'>['again']>('until-connected');
  const create = useAction('provisioningKeyCreate', props.onMade);
  const isReady = NAME_PATTERN.test(name.trim()) && chosen.length > 0 && Number(quota) >= 1;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        create.mutate({
          params: { project: props.project },
          body: {
            name: name.trim(),
            types: chosen,
            nameTemplate: template.trim(),
            tags,
            site: site.trim() === '' ? null : site.trim(),
            quota: Number(quota),
            needsApproval,
            again,
            expiresInSeconds: days === '' ? null : Number(days) * DAY_S,
          },
        });
      }}
    >
      <Stack gap="sm">
        <Group grow align="flex-start">
          <TextInput
            label="Name"
            placeholder="line-1"
            required
            maxLength={63}
            classNames={{ input: 'mono' }}
            value={name}
            onChange={(e) => setName(e.currentTarget.value)}
            data-autofocus
          />
          <MultiSelect
            label="For devices of type"
            required
            searchable
            data={types.data?.items.map((one) => one.name) ?? []}
            value={chosen}
            onChange={setChosen}
          />
        </Group>
        <TextInput
          label="Names of devices"
          description="{name}: as the device proposes, {type}, {number}: counts up, {random}"
          required
          maxLength={63}
          classNames={{ input: 'mono' }}
          value={template}
          onChange={(e) => setTemplate(e.currentTarget.value)}
        />
        <Group grow align="flex-start">
          <TagsInput label="Tags they get" value={tags} onChange={setTags} maxTags={32} />
          <TextInput
            label="Site"
            maxLength={63}
            value={site}
            onChange={(e) => setSite(e.currentTarget.value)}
          />
        </Group>
        <Group grow align="flex-start">
          <NumberInput
            label="Quota"
            description="Devices it may make"
            required
            min={1}
            max={1_000_000}
            allowDecimal={false}
            value={quota}
            onChange={setQuota}
          />
          <NumberInput
            label="Ends after"
            description="Days; empty: it does not end"
            min={1}
            max={3_650}
            allowDecimal={false}
            suffix=" d"
            value={days}
            onChange={setDays}
          />
        </Group>
        <Switch
          label="A person lets each device in"
          checked={needsApproval}
          onChange={(e) => setNeedsApproval(e.currentTarget.checked)}
        />
        <NativeSelect
          label="A device that asks once more"
          data={AGAIN}
          value={again}
          onChange={(e) => setAgain(e.currentTarget.value as typeof again)}
        />
        {create.error === null ? null : <Problem error={create.error} />}
        <Group justify="flex-end">
          <Button type="submit" loading={create.isPending} disabled={!isReady}>
            Make the key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
