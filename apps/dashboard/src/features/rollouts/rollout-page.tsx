/** One rollout, live: where every device of it stands and why it is in its state. */
import { Anchor, Button, Group, Modal, Progress, Stack, Stepper, Table, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { Link, useParams } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import { useAction, useApi, useApiList } from '../../app/api';
import { formatActor, formatBytes, formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Loaded, More, Page, Problem, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { Moment } from '../../components/time';
import { deploymentShares } from './deployment-shares';

export function RolloutPage() {
  const { project, number } = useParams({ from: '/p/$project/rollouts/$number' });
  const params = { project, number: Number(number) };
  const rollout = useApi('rolloutGet', { params });
  return (
    <Page
      title={`Rollout #${number}`}
      about={
        <Anchor component={Link} to={`/p/${project}/rollouts`} size="sm">
          ← Rollouts
        </Anchor>
      }
      actions={rollout.data === undefined ? null : <Actions rollout={rollout.data} project={project} />}
    >
      <Loaded query={rollout} height={220}>
        {(data) => <Progressed rollout={data} />}
      </Loaded>
      <DeploymentTable project={project} number={params.number} />
    </Page>
  );
}

function Progressed({ rollout }: { rollout: Resource<'Rollout'> }) {
  const active = rollout.counts.active ?? 0;
  return (
    <Section
      title={rollout.release}
      about={
        <>
          to <span className="mono">{rollout.filter}</span> · started <Moment at={rollout.createdAt} /> by{' '}
          {formatActor(rollout.createdBy)}
        </>
      }
      actions={<StateBadge state={rollout.state} />}
    >
      <Group align="baseline" gap="xs">
        <Text className="tile-value" data-testid="active-count">
          {formatInteger(active)} of {formatInteger(rollout.deviceCount)}
        </Text>
        <Text c="dimmed">devices verified active</Text>
      </Group>
      <StackedBar label="Devices by state" shares={deploymentShares(rollout.counts)} />
      <Text size="sm" mt="md">
        {rollout.reason}
      </Text>
      {rollout.steps.length > 1 ? (
        <Stepper
          active={rollout.state === 'succeeded' ? rollout.steps.length : rollout.step}
          size="xs"
          mt="md"
        >
          {rollout.steps.map((percent) => (
            <Stepper.Step key={percent} label={`${percent} %`} />
          ))}
        </Stepper>
      ) : null}
    </Section>
  );
}

function Actions({ rollout, project }: { rollout: Resource<'Rollout'>; project: string }) {
  const [asking, { open, close }] = useDisclosure();
  const params = { project, number: rollout.number };
  const pause = useAction('rolloutPause');
  const resume = useAction('rolloutResume');
  const abort = useAction('rolloutAbort', close);
  const error = pause.error ?? resume.error;
  return (
    <>
      {error === null ? null : <Problem error={error} />}
      {rollout.state === 'running' ? (
        <Button variant="default" loading={pause.isPending} onClick={() => pause.mutate({ params })}>
          Pause
        </Button>
      ) : null}
      {rollout.state === 'paused' ? (
        <Button loading={resume.isPending} onClick={() => resume.mutate({ params })}>
          Resume
        </Button>
      ) : null}
      {rollout.state === 'running' || rollout.state === 'paused' ? (
        <Button color="red" variant="light" onClick={open}>
          Abort
        </Button>
      ) : null}
      <Modal opened={asking} onClose={close} title={`Abort rollout #${rollout.number}?`} centered>
        <Stack>
          <Text size="sm">
            No further device is offered {rollout.release}. Devices that already run it keep it.
          </Text>
          {abort.error === null ? null : <Problem error={abort.error} />}
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Go on
            </Button>
            <Button color="red" loading={abort.isPending} onClick={() => abort.mutate({ params })}>
              Abort
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}

function DeploymentTable({ project, number }: { project: string; number: number }) {
  const list = useApiList('rolloutDeployments', { params: { project, number }, query: { limit: 100 } });
  const rows = list.data?.pages.flatMap((page) => page.items) ?? [];
  return (
    <Section title="Devices">
      {list.error === null ? null : <Problem error={list.error} />}
      <div className="scroll-x" tabIndex={0} role="region" aria-label="Devices of this rollout">
        <Table miw={640} verticalSpacing={6} striped>
          <Table.Thead>
            <Table.Tr>
              <Table.Th>Device</Table.Th>
              <Table.Th>State</Table.Th>
              <Table.Th w={220}>Received</Table.Th>
              <Table.Th>Error</Table.Th>
              <Table.Th>Since</Table.Th>
            </Table.Tr>
          </Table.Thead>
          <Table.Tbody>
            {rows.map((row) => (
              <Table.Tr key={row.device}>
                <Table.Td>
                  <Link
                    className="row-link"
                    to="/p/$project/devices/$device"
                    params={{ project, device: row.device }}
                  >
                    {row.device}
                  </Link>
                </Table.Td>
                <Table.Td>
                  <StateBadge state={row.state} />
                </Table.Td>
                <Table.Td>
                  <Progress
                    value={row.bytes === 0 ? 0 : (row.offset / row.bytes) * 100}
                    aria-label={`${formatBytes(row.offset)} of ${formatBytes(row.bytes)}`}
                  />
                </Table.Td>
                <Table.Td>
                  {row.errorCode === null ? '' : `${row.errorCode} ${row.errorTitle ?? ''}`}
                </Table.Td>
                <Table.Td>
                  <Moment at={row.updatedAt} />
                </Table.Td>
              </Table.Tr>
            ))}
          </Table.Tbody>
        </Table>
      </div>
      <More
        hasNextPage={list.hasNextPage}
        isFetching={list.isFetchingNextPage}
        onMore={() => void list.fetchNextPage()}
      />
    </Section>
  );
}
