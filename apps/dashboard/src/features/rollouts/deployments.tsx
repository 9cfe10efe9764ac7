/** Devices of a rollout by state, page by page; each leads to its own story on the device's page. */
import { Chip, Group, Progress, Table, Text } from '@mantine/core';
import { Link, useNavigate } from '@tanstack/react-router';
import { DeploymentState, type Resource } from '@tinyfleet/contracts';
import { useApiList } from '../../app/api';
import { formatBytes, formatInteger, formatPercent } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { DataTable, SkeletonRows } from '../../components/data-table';
import { More, Problem, Section } from '../../components/page';
import { Moment } from '../../components/time';

const HEADS = ['Device', 'State', 'Step', { text: 'Received', width: 150 }, 'Tries', 'Why', 'Since'];

export function Deployments(props: {
  project: string;
  rollout: Resource<'Rollout'>;
  /** From the address: it may be anything. */
  state: string | undefined;
}) {
  const { project, rollout } = props;
  const navigate = useNavigate();
  const state = DeploymentState.options.find((one) => one === props.state);
  const list = useApiList('rolloutDeployments', {
    params: { project, number: rollout.number },
    query: { limit: 25, ...(state === undefined ? {} : { state }) },
  });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  const states = DeploymentState.options.filter((one) => (rollout.counts[one] ?? 0) > 0 || one === state);
  return (
    <Section title="Devices" about="By name; a device leads to its own story">
      <Chip.Group
        value={state ?? 'all'}
        onChange={(next) =>
          void navigate({
            to: '.',
            search: next === 'all' ? {} : { state: next },
            replace: true,
            resetScroll: false,
          })
        }
      >
        <Group gap={6} mb="sm" role="group" aria-label="State">
          <Chip value="all" size="xs">
            all {formatInteger(rollout.deviceCount)}
          </Chip>
          {states.map((one) => (
            <Chip key={one} value={one} size="xs">
              {one} {formatInteger(rollout.counts[one] ?? 0)}
            </Chip>
          ))}
        </Group>
      </Chip.Group>
      {list.error === null ? null : <Problem error={list.error} onRetry={() => void list.refetch()} />}
      <DataTable label="Devices of this rollout" minWidth={760} heads={HEADS}>
        {list.data === undefined ? <SkeletonRows rows={6} columns={HEADS.length} /> : null}
        {rows.map((row) => (
          <Row key={row.device} project={project} row={row} />
        ))}
      </DataTable>
      {list.data !== undefined && rows.length === 0 ? (
        <Text size="sm" c="dimmed" ta="center" py="sm">
          No device is {state ?? 'in it'} now.
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

function Row({ project, row }: { project: string; row: Resource<'Deployment'> }) {
  const share = row.bytes === 0 ? 0 : row.offset / row.bytes;
  return (
    <Table.Tr>
      <Table.Td>
        <Link
          className="row-link"
          to="/p/$project/devices/$device"
          params={{ project, device: row.device }}
          search={{ deployment: row.number }}
        >
          {row.device}
        </Link>
      </Table.Td>
      <Table.Td>
        <StateBadge state={row.state} />
        {row.component === 'firmware' ? (
          <Text span size="xs" c="dimmed">
            {' '}
            firmware
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td>{row.state === 'control' ? '–' : row.step + 1}</Table.Td>
      <Table.Td>
        <Group gap={8} wrap="nowrap" title={`${formatBytes(row.offset)} of ${formatBytes(row.bytes)}`}>
          <Progress
            value={share * 100}
            w={70}
            aria-label={`${formatBytes(row.offset)} of ${formatBytes(row.bytes)}`}
          />
          <Text size="xs" c="dimmed">
            {row.offset === 0 ? '' : formatPercent(share, 0)}
          </Text>
        </Group>
      </Table.Td>
      <Table.Td>{row.attempts}</Table.Td>
      <Table.Td>
        {row.errorTitle ?? ''}
        {row.errorCode === null ? null : (
          <Text span size="xs" c="dimmed">
            {' '}
            code {row.errorCode}
          </Text>
        )}
        {row.notBefore !== null && row.state === 'waiting' ? (
          <Text span size="xs" c="dimmed">
            {' '}
            next try <Moment at={row.notBefore} />
          </Text>
        ) : null}
      </Table.Td>
      <Table.Td style={{ whiteSpace: 'nowrap' }}>
        <Moment at={row.updatedAt} />
      </Table.Td>
    </Table.Tr>
  );
}
