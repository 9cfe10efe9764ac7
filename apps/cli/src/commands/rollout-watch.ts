/** Follows a rollout: redrawn on a terminal, lines elsewhere; the exit code tells the outcome. */
import type { CallOutput } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { EventPulse } from '../events.js';
import { bar, duration, percent, plural, state } from '../output/format.js';
import { LiveView } from '../output/live.js';
import type { Session } from '../session.js';

type Rollout = CallOutput<'rolloutGet'>;
type Deployment = CallOutput<'rolloutDeployments'>['items'][number];

/** In the order a device passes them. */
const ORDER = [
  'waiting', 'held', 'offered', 'fetching', 'verified', 'staged', 'shadow', 'compared', 'trial', 'soak', 'active',
  'returning', 'returned',
  'reverted', 'failed', 'incompatible', 'silent', 'unreached', 'aborted', 'control',
] as const; // prettier-ignore
const OPEN: ReadonlySet<Rollout['state']> = new Set([
  'awaiting-approval',
  'running',
  'paused',
  'rolling-back',
]);
const TROUBLE = ['failed', 'reverted', 'incompatible', 'silent'] as const;

export function countsText(counts: Rollout['counts']): string {
  return ORDER.filter((name) => (counts[name] ?? 0) > 0)
    .map((name) => `${counts[name]} ${state(name)}`)
    .join(', ');
}

/** The states without colours, for logs. */
function plainCounts(counts: Rollout['counts']): string {
  return ORDER.filter((name) => (counts[name] ?? 0) > 0)
    .map((name) => `${counts[name]} ${name}`)
    .join(', ');
}

/** @throws rollouts.failed, rollouts.aborted when it ends so */
export async function watchRollout(session: Session, number: number): Promise<void> {
  const client = await session.client();
  const project = await session.project();
  const { url, token } = session.context;
  const params = { project, number };
  const names = ['rollout.changed', 'deployment.changed'];
  const pulse = new EventPulse({ url, token, project, names });
  const view = new LiveView();
  let rollout: Rollout;
  let wasPaused = false;
  let hasSoaked = false;
  try {
    for (;;) {
      rollout = await client.call('rolloutGet', { params });
      const moving = await movingDevices(session, params, rollout);
      if (!session.out.isPlain)
        view.draw(
          lines(rollout, moving),
          `rollout ${rollout.number} ${rollout.state}: ${plainCounts(rollout.counts)}`,
        );
      if (!hasSoaked && (rollout.counts.soak ?? 0) > 0) {
        session.out.hint(
          'Soak: they run the new model and count as active after its soak time without a fault.',
        );
        view.done();
        hasSoaked = true;
      }
      if (!OPEN.has(rollout.state)) break;
      const waitsForPeople = rollout.state === 'paused' || rollout.state === 'awaiting-approval';
      if (waitsForPeople && !wasPaused) {
        const verb = rollout.state === 'paused' ? 'resume' : 'approve';
        session.out.hint(
          `${rollout.state}: ${rollout.reason} Go on with: npx tinyfleet rollout ${verb} ${number}`,
        );
        view.done();
      }
      wasPaused = waitsForPeople;
      await pulse.wait(1_000);
      // A rollout of many devices gives many events: at most 5 drawings a second.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  } finally {
    pulse.close();
  }
  view.done();
  const seconds = Date.parse(rollout.finishedAt ?? new Date().toISOString()) - Date.parse(rollout.createdAt);
  const active = rollout.counts.active ?? 0;
  if (session.out.isPlain) session.out.one(rollout, () => '');
  else if (rollout.state === 'succeeded' && rollout.kind !== 'update')
    session.out.line(`${pc.green('succeeded')}  ${rollout.reason}`);
  else if (rollout.state === 'succeeded')
    session.out.line(
      `${pc.green('succeeded')}  ${active} of ${plural(rollout.deviceCount, 'device')} verified active on ${rollout.release} in ${duration(seconds)}`,
    );
  if (rollout.state === 'failed' || rollout.state === 'rolled-back')
    throw new FleetError('rollouts.failed', { rollout: number, reason: rollout.reason });
  if (rollout.state === 'aborted') throw new FleetError('rollouts.aborted', { rollout: number });
  if (rollout.kind !== 'update') session.out.hint(`Next: npx tinyfleet rollout report ${number}`);
  else if (active > 0) session.out.hint('Next: npx tinyfleet device list');
}

function lines(rollout: Rollout, moving: readonly Deployment[]): string[] {
  const { active = 0, shadow = 0, compared = 0 } = rollout.counts;
  const done = (active + shadow + compared) / Math.max(1, rollout.deviceCount);
  const step =
    rollout.steps.length > 1
      ? `  step ${rollout.step + 1} of ${rollout.steps.length} (${rollout.steps[rollout.step] ?? 100} %)`
      : '';
  const out = [
    `${pc.bold(rollout.release)} to ${plural(rollout.deviceCount, 'device')}  ${state(rollout.state)}${step}`,
    `${bar(done, 40)} ${percent(done)}  ${countsText(rollout.counts)}`,
    ...(rollout.reason === '' ? [] : [`  ${rollout.reason}`]),
    ...(rollout.gates === null ? [] : [`  gates: ${state(rollout.gates.outcome)}  ${rollout.gates.words}`]),
  ];
  for (const d of moving) {
    const fetched = d.bytes > 0 && d.offset < d.bytes ? ` ${percent(d.offset / d.bytes)}` : '';
    const error = d.errorCode === null ? '' : pc.red(`  ${d.errorTitle ?? ''} (${d.errorCode})`);
    out.push(`  ${d.device}  ${state(d.state)}${fetched}${error}`);
  }
  return out;
}

/** A few devices worth showing: in trouble first, then in the middle of their update. */
async function movingDevices(
  session: Session,
  params: { project: string; number: number },
  rollout: Rollout,
): Promise<Deployment[]> {
  if (session.out.isPlain || !process.stderr.isTTY) return [];
  const client = await session.client();
  const wanted = [...TROUBLE, 'trial', 'staged', 'verified', 'fetching', 'soak'] as const;
  const shown: Deployment[] = [];
  for (const name of wanted) {
    if ((rollout.counts[name] ?? 0) === 0 || shown.length >= 6) continue;
    const { items } = await client.call('rolloutDeployments', {
      params,
      query: { state: name, limit: Math.min(3, 6 - shown.length) },
    });
    shown.push(...items);
  }
  return shown;
}
