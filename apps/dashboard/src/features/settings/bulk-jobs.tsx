/** Changes of so many devices that they run as jobs: how far each is, who began it, and the button that stops it. */
import { Progress, Table, Text } from '@mantine/core';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApiList } from '../../app/api';
import { formatActor, formatInteger } from '../../app/format';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Confirm } from '../../components/confirm';
import { ACTIONS, DataTable, SkeletonRows } from '../../components/data-table';
import { Empty, More, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';
import { describeChange } from '../fleet/change-draft';

type Job = Resource<'BulkAction'>;
const HEADS = ['State', 'Change', 'Devices', 'By', 'Begun', 'Ended', ACTIONS];

export function BulkJobs({ project }: { project: string }) {
  const list = useApiList('bulkActionList', { params: { project }, query: { limit: 25 } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  if (list.data !== undefined && rows.length === 0)
    return (
      <Empty
        title="No bulk job yet"
        about="A change of more devices than fit one transaction runs as a job: from “Change all that match” on the fleet page, or from the command line. How far it is shows here, live."
        commands={[
          `npx tinyfleet device bulk --filter 'site = "hall 2"' --tag pilot --dry-run --project ${project}`,
        ]}
      />
    );
  return (
    <Section title="Bulk jobs" about="Newest first; what a stopped one has changed stays changed">
      {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
      <DataTable label="Bulk jobs" minWidth={860} heads={HEADS}>
        {list.data === undefined ? <SkeletonRows rows={3} columns={HEADS.length} /> : null}
        {rows.map((job) => (
          <Row key={job.id} project={project} job={job} />
        ))}
      </DataTable>
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}

function Row({ project, job }: { project: string; job: Job }) {
  const may = useMay(project);
  const cancel = useAction('bulkActionCancel');
  const isOver = job.finishedAt !== null;
  const share = job.matched === 0 ? 100 : (job.handled / job.matched) * 100;
  const what = describeChange(job.change).join('; ');
  return (
    <Table.Tr>
      <Table.Td>
        <StateBadge state={job.state} />
        {job.problem === null ? null : (
          <Text size="xs" c="dimmed">
            {job.problem.title}
          </Text>
        )}
        {job.cancelledBy === null ? null : (
          <Text size="xs" c="dimmed">
            by {formatActor(job.cancelledBy)}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {what === '' ? 'notes or location' : what}
        <Text size="xs" c="dimmed" className="mono">
          {job.filter}
        </Text>
      </Table.Td>
      <Table.Td miw={170}>
        {formatInteger(job.handled)} of {formatInteger(job.matched)}
        <Text size="xs" c="dimmed" component="span">
          {' '}
          · {formatInteger(job.changed)} changed
        </Text>
        {isOver ? null : (
          <Progress value={share} size="sm" mt={4} aria-label={`${Math.floor(share)} % done`} />
        )}
      </Table.Td>
      <Table.Td>{formatActor(job.createdBy)}</Table.Td>
      <Table.Td>
        <Moment at={job.createdAt} />
      </Table.Td>
      <Table.Td>
        <Moment at={job.finishedAt} none="not yet" />
      </Table.Td>
      <Table.Td ta="right">
        {isOver || !may('operator') ? null : (
          <Confirm
            verb="Stop"
            subject={`the job that is to ${what}`}
            title="Stop this job?"
            run={() => cancel.mutateAsync({ params: { project, action: job.id } })}
          >
            {formatInteger(job.changed)} devices are changed and stay so; the others stay as they are.
          </Confirm>
        )}
      </Table.Td>
    </Table.Tr>
  );
}
