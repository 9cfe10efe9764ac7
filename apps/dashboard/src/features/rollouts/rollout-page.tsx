/** One rollout, live: how far it is, where its devices stand, what its gates know, what was decided, and who is where. */
import { Alert, Anchor, Badge, Group, SimpleGrid, Text } from '@mantine/core';
import { Link, useParams, useSearch } from '@tanstack/react-router';
import type { Resource } from '@tinyfleet/contracts';
import type { ReactNode } from 'react';
import { useApi } from '../../app/api';
import { formatActor, formatInteger } from '../../app/format';
import { StateBadge } from '../../components/badges';
import { Loaded, Page, Section } from '../../components/page';
import { StackedBar } from '../../components/stacked-bar';
import { Moment } from '../../components/time';
import { TimeChart } from '../../components/time-chart';
import { Decisions } from './decisions';
import { deploymentShares } from './deployment-shares';
import { Deployments } from './deployments';
import { durationText } from './duration-text';
import { GateEvidence } from './gate-evidence';
import { stateHistory } from './history';
import { ReportSection } from './report';
import { RolloutActions } from './rollout-actions';
import './rollouts.css';
import { Wave } from './wave';

type Rollout = Resource<'Rollout'>;

export function RolloutPage() {
  const { project, number } = useParams({ from: '/p/$project/rollouts/$number' });
  const { state } = useSearch({ from: '/p/$project/rollouts/$number' });
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
      actions={
        rollout.data === undefined ? null : <RolloutActions rollout={rollout.data} project={project} />
      }
    >
      <Loaded query={rollout} height={320}>
        {(data) => (
          <>
            <Progressed rollout={data} project={project} />
            {data.kind === 'update' ? null : <ReportSection project={project} rollout={data} />}
            {hasGates(data) ? <Gates rollout={data} /> : null}
            <SimpleGrid cols={{ base: 1, lg: 2 }}>
              <OverTime rollout={data} project={project} />
              <Decisions project={project} number={params.number} />
            </SimpleGrid>
            <Deployments project={project} rollout={data} state={state} />
          </>
        )}
      </Loaded>
    </Page>
  );
}

const isOpen = ({ state }: Rollout): boolean =>
  ['running', 'paused', 'awaiting-approval', 'rolling-back'].includes(state);

function Progressed({ rollout, project }: { rollout: Rollout; project: string }) {
  const { counts, state, step } = rollout;
  const isShadow = rollout.kind === 'shadow';
  const done = isShadow ? (counts.shadow ?? 0) + (counts.compared ?? 0) : (counts.active ?? 0);
  const members = rollout.deviceCount - (counts.control ?? 0) - (counts.incompatible ?? 0);
  return (
    <Section
      title={rollout.release}
      about={
        <>
          to <span className="mono">{rollout.filter}</span> · started <Moment at={rollout.createdAt} /> by{' '}
          {formatActor(rollout.createdBy)}
          {rollout.finishedAt === null ? null : (
            <>
              {' '}
              · ended <Moment at={rollout.finishedAt} />
            </>
          )}
          {' · '}
          <Anchor
            component={Link}
            to={`/p/${project}/releases/${encodeURIComponent(rollout.release)}`}
            inherit
            underline="always"
          >
            the release
          </Anchor>
          <Parts project={project} release={rollout.release} />
        </>
      }
      actions={
        <Group gap={6}>
          {rollout.kind === 'update' ? null : (
            <Badge variant="outline" color="gray" tt="none" fw={500}>
              {rollout.kind === 'shadow' ? 'shadow' : 'comparison'}
            </Badge>
          )}
          <StateBadge state={state} />
        </Group>
      }
    >
      <Group align="baseline" gap="xs">
        <Text className="tile-value" data-testid="active-count">
          {formatInteger(done)} of {formatInteger(rollout.deviceCount)}
        </Text>
        <Text c="dimmed">{isShadow ? 'devices ran it as shadow' : 'devices verified active'}</Text>
      </Group>
      <StackedBar label="Devices by state" shares={deploymentShares(counts)} />
      {rollout.reason === '' ? null : (
        <Text size="sm" mt="md" role="status">
          {rollout.reason.replace(/\bperson:/g, '')}
        </Text>
      )}
      {rollout.warnings.map((warning) => (
        <Alert key={warning} color="orange" variant="light" mt="sm">
          {warning}
        </Alert>
      ))}
      {rollout.steps.length > 1 ? (
        <div style={{ marginTop: 20 }}>
          <Wave
            label="Steps"
            {...(state === 'succeeded' ? { step: rollout.steps.length } : { step })}
            progress={state === 'succeeded' ? 0 : progressOf(rollout, members)}
            isStill={state !== 'running' && state !== 'succeeded'}
            steps={rollout.steps.map((percent, index) => ({
              percent,
              title: `${percent} %`,
              lines: linesOf(rollout, index, members),
            }))}
          />
        </div>
      ) : null}
    </Section>
  );
}

/** What a release of firmware and a model installs, in order. */
function Parts({ project, release }: { project: string; release: string }) {
  const { data } = useApi('releaseGet', { params: { project, release } });
  if (data === undefined || data.firmware === null) return null;
  return (
    <>
      : firmware{' '}
      <Anchor
        component={Link}
        to={`/p/${project}/firmware/${data.firmware.ref.split('@')[0] ?? ''}`}
        inherit
        underline="always"
      >
        {data.firmware.ref}
      </Anchor>
      , then the model
    </>
  );
}

/** Of the step that runs: how many of its devices, and all before, have ended. */
function progressOf({ counts, steps, step }: Rollout, members: number): number {
  const before = (members * (steps[step - 1] ?? 0)) / 100;
  const size = (members * (steps[step] ?? 100)) / 100 - before;
  const ended = (
    ['active', 'failed', 'reverted', 'silent', 'unreached', 'returning', 'returned'] as const
  ).reduce((sum, state) => sum + (counts[state] ?? 0), 0);
  return size <= 0 ? 1 : Math.max(0, Math.min(1, (ended - before) / size));
}

function linesOf(rollout: Rollout, index: number, members: number): ReactNode[] {
  const { steps, step, state, policy, stepEndedAt } = rollout;
  const devices = Math.round((members * ((steps[index] ?? 0) - (steps[index - 1] ?? 0))) / 100);
  const own = policy.steps[index];
  const soak = typeof own === 'object' ? own.soakSeconds : 0;
  const size = `+${formatInteger(devices)}`;
  const planned = soak === 0 ? [] : [`soaks ${durationText(soak)}`];
  if (index < step || state === 'succeeded') return [size, 'done'];
  if (index > step || !isOpen(rollout)) return [size, ...planned];
  if (stepEndedAt === null || soak === 0) return [size, 'now', ...planned];
  const until = new Date(Date.parse(stepEndedAt) + 1_000 * soak);
  if (until < new Date()) return [size, 'now, soaked', ...planned];
  return [
    size,
    <>
      soak over <Moment at={until.toISOString()} />
    </>,
  ];
}

const hasGates = ({ gates, policy, steps, step }: Rollout): boolean =>
  gates !== null || (policy.gates !== undefined && step < steps.length);

function Gates({ rollout }: { rollout: Rollout }) {
  return (
    <Section
      title="Gates"
      about="The new version against devices that still run the one before, in units of each margin. Right of the margin for sure: passed. Left of it for sure: failed. Few devices can only fail"
    >
      {rollout.gates === null ? (
        <Text size="sm" c="dimmed">
          {isOpen(rollout)
            ? 'Judged as soon as a device of the step is active and both sides have reported.'
            : 'There is no evidence of the last step: it was over before, or a person let it go on.'}
        </Text>
      ) : (
        <GateEvidence verdict={rollout.gates} />
      )}
    </Section>
  );
}

function OverTime({ rollout, project }: { rollout: Rollout; project: string }) {
  const history = useApi('rolloutHistory', {
    params: { project, number: rollout.number },
    query: { points: 300 },
  });
  return (
    <Section title="Over time" about="Devices by state, since it began">
      <Loaded query={history} height={290}>
        {({ points }) => {
          const now = {
            at: new Date(history.dataUpdatedAt).toISOString(),
            step: rollout.step,
            counts: rollout.counts,
          };
          const { times, series, marks } = stateHistory(points, isOpen(rollout) ? now : undefined);
          return (
            <TimeChart
              stacked
              stepped
              height={240}
              label={`Devices by state over time: ${series.map(({ label, values }) => `${label} ${values.at(-1)}`).join(', ')}`}
              times={times}
              series={series}
              marks={marks}
              format={(value) => formatInteger(Math.round(value))}
              empty="Events of rollouts are kept for 14 days."
            />
          );
        }}
      </Loaded>
    </Section>
  );
}
