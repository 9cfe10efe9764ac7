/** Rollouts of the project, newest first. */
import { Button, Table, Text } from '@mantine/core';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useApiList } from '../../app/api';
import { useMay } from '../../app/role';
import { StateBadge } from '../../components/badges';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { Moment } from '../../components/time';
import { deploymentShares } from './deployment-shares';

export function RolloutsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const may = useMay(project);
  const rollouts = useApiList('rolloutList', { params: { project }, query: {} });
  const rows = rollouts.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Rollouts"
      about="Move a part of the fleet to a release, step by step."
      actions={
        may('operator') ? (
          <Button
            size="xs"
            renderRoot={(props) => <Link to="/p/$project/rollouts/new" params={{ project }} {...props} />}
          >
            Start a rollout
          </Button>
        ) : null
      }
    >
      {rollouts.error === null ? null : <Problem error={rollouts.error} />}
      {rollouts.data !== undefined && rows.length === 0 ? (
        <Empty
          title="No rollout yet"
          about="A rollout moves a part of the fleet to a release, step by step, and stops when a step does not prove itself."
          commands={[`npx tinyfleet rollout start my-model@1.1.0 --to 'tag = "pilot"' --project ${project}`]}
        />
      ) : null}
      {rows.length === 0 ? null : (
        <Section title="All rollouts">
          <div className="scroll-x" tabIndex={0} role="region" aria-label="Rollouts">
            <Table miw={760} verticalSpacing="sm">
              <Table.Tbody>
                {rows.map((row) => (
                  <RolloutRow key={row.number} row={row} project={project} />
                ))}
              </Table.Tbody>
            </Table>
          </div>
          <More
            hasNextPage={rollouts.hasNextPage}
            isFetching={rollouts.isFetchingNextPage}
            onMore={() => void rollouts.fetchNextPage()}
          />
        </Section>
      )}
    </Page>
  );
}

function RolloutRow({ row, project }: { row: Resource<'Rollout'>; project: string }) {
  return (
    <Table.Tr>
      <Table.Td w={60}>
        <Link
          className="row-link"
          to="/p/$project/rollouts/$number"
          params={{ project, number: String(row.number) }}
        >
          #{row.number}
        </Link>
      </Table.Td>
      <Table.Td w={180}>
        <Text size="sm" fw={500}>
          {row.release}
        </Text>
        <Text size="xs" c="dimmed" className="mono">
          {row.filter}
        </Text>
      </Table.Td>
      <Table.Td w={110}>
        <StateBadge state={row.state} />
      </Table.Td>
      <Table.Td>
        <StackedBar label={`Rollout ${row.number}`} shares={deploymentShares(row.counts)} />
      </Table.Td>
      <Table.Td w={110}>
        <Moment at={row.createdAt} />
      </Table.Td>
    </Table.Tr>
  );
}
