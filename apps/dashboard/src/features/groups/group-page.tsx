/** One group and its devices; those of a group by hand come and go here. */
import { Anchor, Button, Group, Modal, Stack, Tabs, TagsInput, Text } from '@mantine/core';
import { useDebouncedValue, useDisclosure } from '@mantine/hooks';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { resetList, useAction, useApi, useApiList } from '../../app/api';
import { formatActor } from '../../app/format';
import { useMay } from '../../app/role';
import { FilterBox } from '../../components/filter/filter-box';
import { useFilter } from '../../components/filter/use-filter';
import { Loaded, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { deviceRows, DeviceTable, type DeviceRow, type DeviceSort } from '../fleet/device-table';
import { EditGroup } from './group-form';
import { RemoveGroup } from './groups-page';

export function GroupPage() {
  const { project, group: name } = useParams({ from: '/p/$project/groups/$group' });
  const group = useApi('groupGet', { params: { project, group: name } });
  return (
    <Page
      title={name}
      about={
        <Anchor component={Link} to={`/p/${project}/groups`} size="sm">
          ← Groups
        </Anchor>
      }
      actions={group.data === undefined ? null : <Actions project={project} group={group.data} />}
    >
      <Loaded query={group} height={80}>
        {(data) => (
          <>
            <Section title={data.kind === 'dynamic' ? 'All that match' : 'Chosen by hand'}>
              <Stack gap={6}>
                {data.filter === null ? null : <Text className="mono">{data.filter}</Text>}
                {data.notes === '' ? null : (
                  <Text size="sm" style={{ whiteSpace: 'pre-wrap' }}>
                    {data.notes}
                  </Text>
                )}
                <Text size="sm" c="dimmed" component="div">
                  {data.count === null ? 'Being counted' : plural(data.count, 'device')}
                  {data.kind === 'dynamic' && data.countedAt !== null ? (
                    <>
                      , counted <Moment at={data.countedAt} />
                    </>
                  ) : null}{' '}
                  · made by {formatActor(data.createdBy)}
                </Text>
              </Stack>
            </Section>
            <Members project={project} group={data} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

function Actions({ project, group }: { project: string; group: Resource<'Group'> }) {
  const [opened, { open, close }] = useDisclosure();
  const may = useMay(project);
  const navigate = useNavigate();
  return (
    <>
      <Button
        size="compact-sm"
        variant="default"
        component={Link}
        to={`/p/${project}?filter=${encodeURIComponent(`group = ${group.name}`)}`}
      >
        Show in the fleet
      </Button>
      {may('operator') ? (
        <>
          <Button size="compact-sm" variant="default" onClick={open}>
            Edit
          </Button>
          <RemoveGroup
            project={project}
            group={group}
            variant="default"
            onRemoved={() => void navigate({ to: '/p/$project/groups', params: { project }, search: {} })}
          />
        </>
      ) : null}
      <Modal opened={opened} onClose={close} title={`Edit ${group.name}`} size="lg">
        <EditGroup project={project} group={group} onDone={close} />
      </Modal>
    </>
  );
}

function Members({ project, group }: { project: string; group: Resource<'Group'> }) {
  const [sort, setSort] = useState<DeviceSort>('name');
  const may = useMay(project);
  const input = { params: { project, group: group.name }, query: { limit: 100, sort } };
  const members = useApiList('groupMembers', input, deviceRows);
  const remove = useAction('groupMembersRemove');
  const isOurs = group.kind === 'static' && may('operator');
  return (
    <Section title="Devices" actions={isOurs ? <AddMembers project={project} group={group.name} /> : null}>
      {remove.error === null ? null : <Problem error={remove.error} />}
      <DeviceTable
        project={project}
        list={members}
        onReset={() => resetList('groupMembers', input)}
        sort={sort}
        onSort={setSort}
        none={group.kind === 'static' ? 'Nobody is in it yet.' : 'No device matches its filter now.'}
        {...(isOurs
          ? {
              action: (device: DeviceRow) => (
                <Button
                  size="compact-xs"
                  variant="subtle"
                  color="red"
                  aria-label={`Take out ${device.name}`}
                  onClick={() =>
                    remove.mutate({
                      params: { project, group: group.name },
                      body: { devices: [device.name] },
                    })
                  }
                >
                  Take out
                </Button>
              ),
            }
          : {})}
      />
    </Section>
  );
}

function AddMembers({ project, group }: { project: string; group: string }) {
  const [opened, { open, close }] = useDisclosure();
  return (
    <>
      <Button size="compact-sm" onClick={open}>
        Add devices
      </Button>
      <Modal opened={opened} onClose={close} title={`Add devices to ${group}`} size="lg">
        <Tabs defaultValue="names" keepMounted={false}>
          <Tabs.List mb="sm">
            <Tabs.Tab value="names">By name</Tabs.Tab>
            <Tabs.Tab value="filter">All that match now</Tabs.Tab>
          </Tabs.List>
          <Tabs.Panel value="names">
            <AddByName project={project} group={group} onDone={close} />
          </Tabs.Panel>
          <Tabs.Panel value="filter">
            <AddByFilter project={project} group={group} onDone={close} />
          </Tabs.Panel>
        </Tabs>
      </Modal>
    </>
  );
}

interface AddProps {
  readonly project: string;
  readonly group: string;
  readonly onDone: () => void;
}

function AddByName({ project, group, onDone }: AddProps) {
  const [names, setNames] = useState<string[]>([]);
  const [typed, setTyped] = useState('');
  const [search] = useDebouncedValue(typed.trim().toLowerCase(), 200);
  const add = useAction('groupMembersAdd', onDone);
  const prefix = /^[a-z0-9._-]+$/.test(search) ? `name = "${search}*"` : undefined;
  const found = useApi('deviceList', {
    params: { project },
    query: { limit: 20, ...(prefix === undefined ? {} : { filter: prefix }) },
  });
  return (
    <Stack gap="sm">
      <TagsInput
        label="Devices"
        description="Choose, or paste names separated by commas or blanks"
        splitChars={[',', ' ', '\n', '\t']}
        data={found.data?.items.map(({ name }) => name) ?? []}
        maxTags={1_000}
        value={names}
        onChange={setNames}
        searchValue={typed}
        onSearchChange={setTyped}
        data-autofocus
      />
      {add.error === null ? null : <Problem error={add.error} />}
      <Group justify="flex-end">
        <Button
          disabled={names.length === 0}
          loading={add.isPending}
          onClick={() => add.mutate({ params: { project, group }, body: { devices: names } })}
        >
          Add {names.length === 0 ? 'devices' : plural(names.length, 'device')}
        </Button>
      </Group>
    </Stack>
  );
}

function AddByFilter({ project, group, onDone }: AddProps) {
  const filter = useFilter('');
  const add = useAction('groupMembersAdd', onDone);
  const count = useAction('deviceBulkAction', undefined, { refresh: false });
  const isCounted = count.data !== undefined && count.variables.body.filter === filter.applied;
  const body = { filter: filter.applied, change: { addToGroup: group }, dryRun: true };
  return (
    <Stack gap="sm">
      <div className="filter-room">
        <FilterBox project={project} filter={filter} label="Filter" error={count.error} />
      </div>
      {isCounted ? (
        <Text size="sm">
          <b>{plural(count.data.matched, 'device')}</b>
          {count.data.sample.length === 0 ? '' : `: ${count.data.sample.join(', ')}`}
          {count.data.matched > count.data.sample.length ? ', …' : ''}
        </Text>
      ) : null}
      {add.error === null ? null : <Problem error={add.error} />}
      <Group justify="flex-end">
        {isCounted ? (
          <Button
            disabled={count.data.matched === 0}
            loading={add.isPending}
            onClick={() => add.mutate({ params: { project, group }, body: { filter: filter.applied } })}
          >
            Add {plural(count.data.matched, 'device')}
          </Button>
        ) : (
          <Button
            disabled={!filter.isSettled || filter.applied === ''}
            loading={count.isPending}
            onClick={() => count.mutate({ params: { project }, body })}
          >
            Count them first
          </Button>
        )}
      </Group>
    </Stack>
  );
}
