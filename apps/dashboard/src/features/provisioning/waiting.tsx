/** Devices that registered themselves: let in, kept out, or still to be looked at. */
import { Button, Group, SegmentedControl, Table, Text } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState, type ReactNode } from 'react';
import { client, queryClient, useAction, useApiList } from '../../app/api';
import { useMay } from '../../app/role';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Empty, More, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

type State = Resource<'Enrolment'>['state'];
const NONE: Readonly<Record<State, string>> = {
  pending: 'Nobody waits.',
  approved: 'Nobody was let in so far.',
  rejected: 'Nobody was kept out so far.',
};
const HEADS = ['Device', 'Type', 'By', 'From', 'Asked', ACTIONS];

export function Waiting({ project }: { project: string }) {
  const [state, setState] = useState<State>('pending');
  const may = useMay(project);
  const list = useApiList('enrolmentList', { params: { project }, query: { limit: 100, state } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const approve = useAction('enrolmentApprove');
  if (state === 'pending' && list.data !== undefined && rows.length === 0) {
    return (
      <Nobody project={project}>
        <Choice state={state} onChange={setState} />
      </Nobody>
    );
  }
  return (
    <Section
      title="Devices that registered themselves"
      actions={
        <Group gap="sm">
          {state === 'pending' && may('operator') ? <LetAllIn project={project} rows={rows} /> : null}
          <Choice state={state} onChange={setState} />
        </Group>
      }
    >
      {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {approve.error === null ? null : <Problem error={approve.error} />}
      <DataTable label="Devices that registered themselves" minWidth={700} heads={HEADS}>
        {list.data === undefined ? <SkeletonRows rows={4} columns={HEADS.length} /> : null}
        {rows.map((one) => (
          <Table.Tr key={one.device}>
            <Table.Td>
              <Link
                className="row-link"
                to="/p/$project/devices/$device"
                params={{ project, device: one.device }}
              >
                {one.device}
              </Link>
            </Table.Td>
            <Table.Td>{one.type}</Table.Td>
            <Table.Td>{one.by ?? 'removed since'}</Table.Td>
            <Table.Td className="mono">{one.address}</Table.Td>
            <Table.Td>
              <Moment at={one.askedAt} />
            </Table.Td>
            <Table.Td ta="right">
              {may('operator') ? (
                <Group gap={4} justify="flex-end" wrap="nowrap">
                  {one.state === 'approved' ? null : (
                    <Button
                      size="compact-xs"
                      variant="light"
                      aria-label={`Let in ${one.device}`}
                      onClick={() => approve.mutate({ params: { project, device: one.device } })}
                    >
                      Let in
                    </Button>
                  )}
                  {one.state === 'rejected' ? null : <KeepOut project={project} device={one.device} />}
                </Group>
              ) : null}
            </Table.Td>
          </Table.Tr>
        ))}
      </DataTable>
      {list.data !== undefined && rows.length === 0 ? (
        <Text c="dimmed" size="sm" ta="center" py="md">
          {NONE[state]}
        </Text>
      ) : null}
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function Choice(props: { state: State; onChange: (state: State) => void }) {
  return (
    <SegmentedControl
      size="xs"
      aria-label="Which"
      data={[
        { value: 'pending', label: 'waiting' },
        { value: 'approved', label: 'let in' },
        { value: 'rejected', label: 'kept out' },
      ]}
      value={props.state}
      onChange={(value) => props.onChange(value === 'approved' || value === 'rejected' ? value : 'pending')}
    />
  );
}

function KeepOut({ project, device }: { project: string; device: string }) {
  const reject = useAction('enrolmentReject');
  return (
    <Confirm
      verb="Keep out"
      subject={device}
      title={`Keep ${device} out?`}
      run={() => reject.mutateAsync({ params: { project, device } })}
    >
      Its credentials end and it is refused from now on. You can still let it in later.
    </Confirm>
  );
}

/** One call for each, as the command line does; what was let in before a failure stays in. */
function LetAllIn({ project, rows }: { project: string; rows: readonly Resource<'Enrolment'>[] }) {
  if (rows.length < 2) return null;
  const run = async () => {
    try {
      for (const { device } of rows) await client.call('enrolmentApprove', { params: { project, device } });
    } finally {
      await queryClient.invalidateQueries({ queryKey: [project] });
    }
  };
  return (
    <Confirm
      verb={`Let all ${rows.length} in`}
      subject="that are shown"
      variant="default"
      isHarmless
      title={`Let ${plural(rows.length, 'device')} in?`}
      run={run}
    >
      Each of them may connect from now on. Look at where they asked from first: a provisioning key that
      leaked shows itself there.
    </Confirm>
  );
}

function Nobody(props: { project: string; children: ReactNode }) {
  return (
    <Empty
      title="Nobody waits"
      commands={[
        `npx tinyfleet provisioning-key create line-1 --type posix --quota 500 --project ${props.project}`,
        `curl -H 'content-type: application/json' -d '{"key":"KEY","name":"sn-0042"}' ${location.origin}/api/v1/provision`,
      ]}
      about="Units that carry a provisioning key register themselves. With approval they wait here until somebody lets them in. Make a key, put it into the firmware, and this list fills by itself."
    >
      <div>{props.children}</div>
    </Empty>
  );
}
