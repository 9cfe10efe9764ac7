/** Groups of the project: saved filters, and lists of members by hand. */
import { Badge, Button, Modal, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApiList } from '../../app/api';
import { formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { GroupForm } from './group-form';

const HEADS = [
  { text: 'Name', width: '22%' },
  'Members are',
  { text: 'Devices', align: 'right' as const, width: 96 },
  { text: 'Counted', width: 120 },
  ACTIONS,
];

export function GroupsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const { filter } = useSearch({ from: '/p/$project/groups' });
  const navigate = useNavigate();
  const may = useMay(project);
  // A filter in the address: "save as a group" on the fleet page.
  const [opened, { open, close }] = useDisclosure(filter !== undefined);
  const groups = useApiList('groupList', { params: { project }, query: { limit: 100 } });
  const rows = groups.data?.pages.flatMap((page) => page.items) ?? [];
  const leave = () => {
    close();
    void navigate({ to: '/p/$project/groups', params: { project }, search: {}, replace: true });
  };
  return (
    <Page
      title="Groups"
      about="Name devices once; then filter, roll out and watch by the name."
      actions={
        may('operator') ? (
          <Button size="xs" onClick={open}>
            Make a group
          </Button>
        ) : null
      }
    >
      {groups.error === null ? null : <Problem error={groups.error} onRetry={() => void groups.refetch()} />}
      {groups.data !== undefined && rows.length === 0 ? (
        <NoGroup project={project} />
      ) : (
        <Section title="All groups">
          <DataTable label="Groups" heads={HEADS}>
            {groups.data === undefined ? <SkeletonRows rows={4} columns={HEADS.length} /> : null}
            {rows.map((group) => (
              <Row key={group.name} project={project} group={group} mayChange={may('operator')} />
            ))}
          </DataTable>
          <More
            hasNextPage={groups.hasNextPage}
            isFetching={groups.isFetchingNextPage}
            onMore={() => void groups.fetchNextPage()}
          />
        </Section>
      )}
      <Modal opened={opened} onClose={leave} title="Make a group" size="lg">
        <GroupForm
          project={project}
          filter={filter ?? ''}
          onMade={({ name }) =>
            void navigate({ to: '/p/$project/groups/$group', params: { project, group: name } })
          }
        />
      </Modal>
    </Page>
  );
}

function Row(props: { project: string; group: Resource<'Group'>; mayChange: boolean }) {
  const { project, group } = props;
  return (
    <Table.Tr>
      <Table.Td>
        <Link className="row-link" to="/p/$project/groups/$group" params={{ project, group: group.name }}>
          {group.name}
        </Link>
        {group.notes === '' ? null : (
          <Text size="xs" c="dimmed" lineClamp={1}>
            {group.notes}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {group.filter === null ? (
          <Badge variant="default" tt="none" fw={500}>
            chosen by hand
          </Badge>
        ) : (
          <span className="mono" style={{ overflowWrap: 'anywhere' }}>
            {group.filter}
          </span>
        )}
      </Table.Td>
      <Table.Td ta="right">{group.count === null ? '…' : formatInteger(group.count)}</Table.Td>
      <Table.Td>
        {group.filter === null ? 'always exact' : <Moment at={group.countedAt} none="not yet" />}
      </Table.Td>
      <Table.Td ta="right">
        {props.mayChange ? <RemoveGroup project={project} group={group} /> : null}
      </Table.Td>
    </Table.Tr>
  );
}

export function RemoveGroup(props: {
  project: string;
  group: Resource<'Group'>;
  variant?: 'subtle' | 'default';
  onRemoved?: () => void;
}) {
  const { name, revision } = props.group;
  const remove = useAction('groupDelete', props.onRemoved, { refresh: props.onRemoved === undefined });
  return (
    <Confirm
      verb="Remove"
      subject={`group ${name}`}
      title={`Remove the group “${name}”?`}
      {...(props.variant === undefined ? {} : { variant: props.variant })}
      run={() =>
        remove.mutateAsync({
          params: { project: props.project, group: name },
          headers: { 'if-match': `"${revision}"` },
        })
      }
    >
      Its devices stay as they are. Filters that name the group are refused from then on.
    </Confirm>
  );
}

function NoGroup({ project }: { project: string }) {
  return (
    <Empty
      title="No group yet"
      commands={[
        `npx tinyfleet group create hall-2 --filter 'site = "hall-2"' --project ${project}`,
        `npx tinyfleet group create pilot --static --project ${project}`,
        `npx tinyfleet group add pilot --filter 'tag = "eu"' --project ${project}`,
      ]}
      about="A group with a filter follows the fleet: devices come and go as they match. A group by hand keeps the devices you put in. Both are named in filters, as in group = pilot, and so in rollouts."
    />
  );
}
