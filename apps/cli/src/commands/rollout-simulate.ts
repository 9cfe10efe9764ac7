/** `tinyfleet rollout plan --simulate`: asks for each loss by itself, so that one sees how far it is. */
import { Option, type Command } from 'commander';
import type { CallOutput, RolloutCreateInput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { commaList, integer, usage } from '../arguments.js';
import { duration, percent, plural } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderTable } from '../output/output.js';
import type { Session } from '../session.js';

type Plan = CallOutput<'rolloutPlan'>;
type Simulation = NonNullable<Plan['simulation']>;

export interface SimulateOptions {
  simulate?: boolean;
  worseBy?: number[];
  rollouts?: number;
  source?: 'recorded' | 'simulated';
  days?: number;
  simulationSeed?: number;
  who?: boolean;
}

export const withSimulation = (command: Command): Command =>
  command
    .option('--simulate', 'play it: who gets it when, and how likely a worse version is stopped')
    .option('--worse-by <points>', 'of accuracy; default 0,1,2,5,10', points)
    .option('--rollouts <n>', 'played for each; default 100', integer('--rollouts', 10, 1_000))
    .addOption(
      new Option('--source <source>', 'telemetry of the target, or an assumed fleet').choices([
        'recorded',
        'simulated',
      ]),
    )
    .option('--days <n>', 'of telemetry; default 7', integer('--days', 1, 31))
    .option(
      '--simulation-seed <n>',
      'the same seed gives the same answer; default: of --seed',
      integer('--simulation-seed', 0, 4_294_967_295),
    )
    .option('--who', 'list each device and its step');

/** @throws cli.usage */
export function points(text: string): number[] {
  const values = commaList(text).map((item) => {
    const value = /^\d{1,3}(\.\d{1,2})?$/.test(item) ? Number(item) : NaN;
    if (!(value <= 100)) usage(`"${item}" is not a number of points from 0 to 100.`);
    return value;
  });
  if (values.length > 10) usage(`${values.length} losses are more than 10.`);
  return values;
}

export async function simulatedPlan(
  session: Session,
  body: RolloutCreateInput,
  options: SimulateOptions,
): Promise<Plan> {
  const client = await session.client();
  const params = { project: await session.project() };
  const view = new LiveView();
  const losses = options.worseBy ?? [0, 1, 2, 5, 10];
  let whole: Plan | undefined;
  for (const [i, worseBy] of losses.entries()) {
    const progress = `plays ${plural(options.rollouts ?? 100, 'rollout')} of a version worse by ${worseBy} points (${i + 1} of ${losses.length})`;
    if (!session.out.isPlain) view.draw([pc.dim(progress)], progress);
    const { rollouts, source, days, simulationSeed: seed } = options;
    const plan: Plan = await client.call('rolloutPlan', {
      params,
      body: {
        ...body,
        // One plan, however often it is asked for.
        ...(whole && { seed: whole.seed }),
        simulate: {
          worseBy: [worseBy],
          rollouts,
          source,
          days,
          seed,
          members: options.who === true && i === 0,
        },
      },
    });
    whole = merge(whole, plan);
  }
  view.clear();
  return whole!;
}

/** Times are those of the version that is no worse. */
function merge(before: Plan | undefined, next: Plan): Plan {
  const [known, more] = [before?.simulation, next.simulation];
  if (!before || !known || !more) return next;
  const chances = [...known.chances, ...more.chances];
  const timeline = more.chances[0]?.worseBy === 0 ? more.timeline : known.timeline;
  return { ...before, simulation: { ...known, timeline, chances } };
}

export function renderSimulation(simulation: Simulation): string {
  const hours = (value: number | null): string => (value === null ? '-' : duration(3_600_000 * value));
  const { timeline, chances, members, assumptions, source, devices, seed } = simulation;
  const parts = [
    `${pc.bold('simulated')} on ${source === 'recorded' ? 'a fleet like the recorded one' : 'an assumed fleet'} of ${plural(devices, 'device')}, seed ${seed}`,
    renderTable(timeline, [
      { header: 'step', value: (one) => one.step + 1 },
      { header: 'to', value: (one) => one.percent, text: (one) => `${one.percent} %` },
      { header: 'devices', value: (one) => one.devices },
      { header: 'begins after', value: (one) => one.beginsHours, text: (one) => hours(one.beginsHours) },
      { header: 'has passed after', value: (one) => one.endsHours, text: (one) => hours(one.endsHours) },
      { header: 'who', value: (one) => strataOf(one.strata) },
    ]),
    renderTable(chances, [
      { header: 'worse by', value: (one) => one.worseBy, text: (one) => `${one.worseBy} points` },
      {
        header: 'is stopped',
        value: (one) => one.stopped,
        text: (one) => `${percent(one.stopped)} (${percent(one.low)} to ${percent(one.high)})`,
      },
      {
        header: 'exposed',
        value: (one) => one.exposedPercent,
        text: (one) => `${one.exposedPercent.toFixed(1)} %`,
      },
      { header: 'stopped after', value: (one) => one.stopHours, text: (one) => hours(one.stopHours) },
      { header: 'everywhere after', value: (one) => one.fullHours, text: (one) => hours(one.fullHours) },
      { header: 'played', value: (one) => one.rollouts },
    ]),
    assumptions.map((text) => pc.dim(`- ${text}`)).join('\n'),
  ];
  if (members.length > 0)
    parts.push(
      renderTable(members, [
        { header: 'device', value: (one) => one.device },
        { header: 'type', value: (one) => one.type },
        { header: 'site', value: (one) => one.site },
        { header: 'step', value: (one) => (one.step === null ? 'held back' : one.step + 1) },
      ]),
    );
  return parts.join('\n\n');
}

/** The largest, and how many more. */
function strataOf(strata: Simulation['timeline'][number]['strata']): string {
  const shown = strata
    .slice(0, 3)
    .map(({ type, site, devices }) => `${devices} ${type}${site && ` at ${site}`}`)
    .join(', ');
  return strata.length > 3 ? `${shown}, ${strata.length - 3} more kinds` : shown;
}
