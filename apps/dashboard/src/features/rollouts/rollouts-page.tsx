/** Rollouts of the project, newest first, and the form that starts one. */
import { Button, Group, Modal, Stack, Table, Text, TextInput, NativeSelect } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { plural, type Resource } from '@tinyfleet/contracts';
import { useState } from 'react';
import { useAction, useApi, useApiList } from '../../app/api';
import { StateBadge } from '../../components/badges';
import { Empty, More, Page, Problem, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { Moment } from '../../components/time';
import { deploymentShares } from './deployment-shares';

export function RolloutsPage() {
  const { project } = useParams({ from: '/p/$project' });
  const [starting, { open, close }] = useDisclosure();
  const rollouts = useApiList('rolloutList', { params: { project }, query: {} });
  const rows = rollouts.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Page
      title="Rollouts"
      about="Move a part of the fleet to a release, step by step."
      actions={<Button onClick={open}>Start a rollout</Button>}
    >
      {rollouts.error === null ? null : <Problem error={rollouts.error} />}
      {rollouts.data !== undefined && rows.length === 0 ? (
        <Empty
          title="No rollout yet"
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
      <Modal opened={starting} onClose={close} title="Start a rollout" size="lg">
        <StartForm project={project} />
      </Modal>
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

function StartForm({ project }: { project: string }) {
  const navigate = useNavigate();
  const releases = useApi('releaseList', { params: { project }, query: { limit: 50 } });
  const signed = (releases.data?.items ?? [])
    .filter(
      (release) =>
        release.signedAt !== null && (release.state === 'approved' || release.state === 'deprecated'),
    )
    .map((release) => release.ref);
  const [chosen, setChosen] = useState('');
  const [filter, setFilter] = useState('');
  const [steps, setSteps] = useState('100');
  const release = chosen === '' ? signed[0] : chosen;
  const preview = useApi(
    'deviceList',
    { params: { project }, query: { limit: 500, filter } },
    { enabled: filter !== '' },
  );
  const start = useAction('rolloutCreate', (made) => {
    void navigate({ to: '/p/$project/rollouts/$number', params: { project, number: String(made.number) } });
  });
  const percents = steps.split(',').map((step) => Number(step.trim().replace('%', '')));
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (release !== undefined)
          start.mutate({ params: { project }, body: { release, filter, steps: percents } });
      }}
    >
      <Stack>
        <NativeSelect
          label="Release"
          data={signed.length === 0 ? ['no signed release yet'] : signed}
          disabled={signed.length === 0}
          value={release ?? ''}
          onChange={(e) => setChosen(e.currentTarget.value)}
        />
        <TextInput
          label="To"
          description="Devices that match this filter"
          placeholder='tag = "demo"'
          className="mono"
          required
          value={filter}
          onChange={(e) => setFilter(e.currentTarget.value)}
        />
        {preview.error === null ? (
          <Text size="xs" c="dimmed" mih={18}>
            {filter === '' || preview.data === undefined
              ? ''
              : preview.data.nextCursor === null
                ? `Matches: ${plural(preview.data.items.length, 'device')}`
                : `Matches: more than ${plural(preview.data.items.length, 'device')}`}
          </Text>
        ) : (
          <Problem error={preview.error} />
        )}
        <TextInput
          label="Steps"
          description="Cumulative percent, comma separated"
          placeholder="10, 50, 100"
          required
          value={steps}
          onChange={(e) => setSteps(e.currentTarget.value)}
        />
        {start.error === null ? null : <Problem error={start.error} />}
        <Group justify="flex-end">
          <Button type="submit" disabled={release === undefined} loading={start.isPending}>
            Start
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
