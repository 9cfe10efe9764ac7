/** `tinyfleet rollout plan` and `start`: the same request, asked and done. */
import { Command, Option } from 'commander';
import {
  defaultGateKinds,
  FailureAction,
  GateKind,
  RolloutCreate,
  type CallOutput,
  type RolloutCreateInput,
} from '@tinyfleet/contracts';
import pc from 'picocolors';
import { commaList, duration, integer, readInput, releaseRef, usage } from '../arguments.js';
import { duration as durationText, plural } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session } from '../session.js';
import { comparisonOf, withComparisons, type ComparisonOptions } from './rollout-report.js';
import { reasonTable, reasonsOf } from './release-check.js';
import { renderSimulation, simulatedPlan, withSimulation, type SimulateOptions } from './rollout-simulate.js';
import { watchRollout } from './rollout-watch.js';

type Plan = CallOutput<'rolloutPlan'>;
type Step = Exclude<NonNullable<RolloutCreateInput['steps']>[number], number>;
type Window = NonNullable<RolloutCreateInput['windows']>[number];

interface RequestOptions extends ComparisonOptions {
  to?: string;
  toGroup?: string;
  policy?: string;
  steps?: Step[];
  gates?: GateKindName[] | 'default';
  holdBack?: number;
  rate?: number;
  concurrent?: number;
  jitter?: number;
  window?: Window[];
  timeZone?: string;
  battery?: number;
  connection?: string[];
  priority?: number;
  maxFailures?: number;
  deviceTimeout?: number;
  onFailure?: RolloutCreateInput['onFailure'];
  dynamic?: boolean;
  approval?: boolean;
  seed?: string;
}
type GateKindName = (typeof GateKind.options)[number];

export function planCommand(): Command {
  return withSimulation(
    withRequest(new Command('plan'), 'show who would get a release and when, and who cannot'),
  )
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet rollout plan kws@1.1.0 --to 'site = "hall-3"' --steps 1%,10%,100% --rate 100
  $ npx tinyfleet rollout plan kws@1.1.0 --to 'site = "hall-3"' --steps 5%,100% --gates default --max-soak 3d --simulate`,
    )
    .action(async (release: string, options: RequestOptions & SimulateOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const body = requestOf(release, options);
      const params = { project: await session.project() };
      const plan =
        options.simulate === true
          ? await simulatedPlan(session, body, options)
          : await client.call('rolloutPlan', { params, body });
      const { simulation } = plan;
      session.out.one(plan, () =>
        [renderPlan(plan), ...(simulation ? [renderSimulation(simulation)] : [])].join('\n\n'),
      );
      session.out.warn(plan.warnings);
      session.out.hint(`The same canaries: npx tinyfleet rollout start ${release} ... --seed ${plan.seed}`);
    });
}

export function startCommand(): Command {
  return withRequest(new Command('start'), 'start a rollout')
    .option('--watch', 'follow it to its end')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet rollout start kws@1.1.0 --to 'tag = "demo"'
  $ npx tinyfleet rollout start kws@1.1.0 --to 'site = "hall-3"' --steps 10%,50%,100% --watch
  $ npx tinyfleet rollout start kws@1.1.0 --to 'tag = "demo"' --shadow 10 --shadow-for 6h
  $ npx tinyfleet rollout start kws@1.1.0 --to 'tag = "demo"' --ab kws@1.0.0 --metric accuracy --share 20
  $ npx tinyfleet rollout start kws@1.1.0 --to-group all --steps count=5,group=pilot,20%,100% --gates default --soak 6h --on-failure rollback`,
    )
    .action(async (release: string, options: RequestOptions & { watch?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const rollout = await client.call('rolloutCreate', {
        params: { project: await session.project() },
        body: requestOf(release, options),
      });
      session.out.warn(rollout.warnings);
      if (options.watch === true) return watchRollout(session, rollout.number);
      const steps = rollout.steps.map((step) => `${step} %`).join(', ');
      session.out.one(
        rollout,
        () =>
          `${pc.green('started')}  ${kindText(rollout.kind)} ${rollout.number}: ${rollout.release} to ${plural(rollout.deviceCount, 'device')}` +
          (rollout.steps.length > 1 ? ` in steps of ${steps}` : ''),
      );
      session.out.hint(
        rollout.state === 'awaiting-approval'
          ? `It waits for somebody else: npx tinyfleet rollout approve ${rollout.number}`
          : 'Next: npx tinyfleet rollout watch',
      );
    });
}

function withRequest(command: Command, description: string): Command {
  return withComparisons(command)
    .description(description)
    .argument('<name@version>', 'a signed release')
    .option('--to <filter>', `devices, such as 'tag = "demo"'`)
    .option('--to-group <group>', 'the devices of a group')
    .option('--policy <file>', 'JSON with the fields of a rollout policy; options go before it')
    .option('--steps <steps>', 'cumulative: 10%,50%,100%; also count=5 and group=NAME', steps)
    .option('--soak <time>', 'at least so long before the next step', duration('--soak', 0, 2_592_000))
    .option('--max-soak <time>', 'gates undecided by then pause it', duration('--max-soak', 1, 7_776_000))
    .option('--gates <kinds>', `"default", or some of ${GateKind.options.join(', ')}`, gates)
    .option('--hold-back <percent>', 'stays on the old version to the end', integer('--hold-back', 0, 50))
    .option('--rate <devices>', 'offered per minute', integer('--rate', 1, 1_000_000))
    .option('--concurrent <devices>', 'fetching at the same time', integer('--concurrent', 1, 1_000_000))
    .option('--jitter <time>', 'a step begins spread over it', duration('--jitter', 0, 604_800))
    .option(
      '--window <days times>',
      `maintenance window such as "22:00-04:00" or "sat,sun 08:00-18:00"; may be repeated`,
      (text: string, before: Window[] | undefined) => [...(before ?? []), maintenanceWindow(text)],
    )
    .option('--time-zone <zone>', 'of devices without one, such as Europe/Berlin')
    .option('--battery <percent>', 'a device with less waits', integer('--battery', 1, 100))
    .option('--connection <list>', 'values of the attribute "connection" that may fetch', commaList)
    .option(
      '--priority <n>',
      'of two rollouts the higher one has a device; default 50',
      integer('--priority', 0, 100),
    )
    .option('--max-failures <percent>', 'of a step; default 5', integer('--max-failures', 0, 100))
    .option(
      '--device-timeout <seconds>',
      'a device silent for longer has failed; default 600',
      integer('--device-timeout', 10, 604_800),
    )
    .addOption(
      new Option('--on-failure <action>', 'when too many fail or a gate does').choices(FailureAction.options),
    )
    .option('--dynamic', 'devices that match later join the step that runs')
    .option('--approval', 'somebody else has to say yes before it starts')
    .option('--seed <text>', 'chooses the canaries: take the one of a plan');
}

/** @throws cli.usage */
function requestOf(release: string, options: RequestOptions): RolloutCreateInput {
  releaseRef(release);
  const { soak, maxSoak, gates: kinds, policy } = options;
  const ofFile = policy === undefined ? {} : policyOf(policy);
  const soaks = {
    ...(soak !== undefined && options.ab === undefined && { soakSeconds: soak }),
    ...(maxSoak !== undefined && options.ab === undefined && { maxSoakSeconds: maxSoak }),
  };
  const given =
    options.steps ?? (Object.keys(soaks).length > 0 && !('steps' in ofFile) ? [{ percent: 100 }] : undefined);
  const request: Partial<RolloutCreateInput> = {
    ...ofFile,
    ...defined({
      filter: options.to,
      group: options.toGroup,
      steps: given?.map((step) => ({ ...step, ...soaks })),
      gates: kinds && { gates: (kinds === 'default' ? defaultGateKinds : kinds).map((kind) => ({ kind })) },
      holdBackPercent: options.holdBack,
      devicesPerMinute: options.rate,
      concurrentTransfers: options.concurrent,
      jitterSeconds: options.jitter,
      windows: options.window,
      timeZone: options.timeZone,
      batteryFloorPercent: options.battery,
      connections: options.connection,
      priority: options.priority,
      maxFailurePercent: options.maxFailures,
      deviceTimeoutSeconds: options.deviceTimeout,
      onFailure: options.onFailure,
      dynamic: options.dynamic,
      approval: options.approval,
      seed: options.seed,
      ...comparisonOf(options),
    }),
  };
  const read = RolloutCreate.safeParse({ ...request, release });
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  if (request.filter === undefined && request.group === undefined)
    usage('Name the devices with --to or --to-group.');
  return usage(`${issue?.path.join('.') ?? 'The policy'}: ${issue?.message ?? 'is not valid'}.`);
}

function policyOf(path: string): object {
  try {
    const policy: unknown = JSON.parse(readInput(path).toString('utf8'));
    if (typeof policy === 'object' && policy !== null && !Array.isArray(policy)) return policy;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return usage(`${path} is no JSON object with the fields of a rollout policy.`);
}

/** `10%`, `10`, `count=5` or `group=pilot`. @throws cli.usage */
export function steps(text: string): Step[] {
  return commaList(text).map((item) => {
    const [, name, value = ''] = /^(count|group)=(.+)$/.exec(item) ?? [];
    if (name === 'group') return { group: value };
    if (name === 'count') return { count: integer('count', 1, 10_000_000)(value) };
    const percent = Number(/^(\d{1,3}(?:\.\d{1,2})?)\s*%?$/.exec(item)?.[1]);
    if (!(percent > 0 && percent <= 100)) usage(`"${item}" is not a percentage from 0.01% to 100%.`);
    return { percent };
  });
}

function gates(text: string): GateKindName[] | 'default' {
  if (text === 'default') return 'default';
  return commaList(text).map((item) => {
    const kind = GateKind.options.find((one) => one === item);
    return kind ?? usage(`There is no gate "${item}". Gates: ${GateKind.options.join(', ')}.`);
  });
}

const dayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

export function maintenanceWindow(text: string): Window {
  const [, list, from = '', to = ''] = /^(?:([a-z,]+)\s+)?(\d\d:\d\d)-(\d\d:\d\d)$/.exec(text.trim()) ?? [];
  const days = list?.split(',').map((item) => dayNames.find((day) => day === item));
  if (from === '' || days?.includes(undefined) === true)
    usage(`"${text}" is no window such as "22:00-04:00" or "sat,sun 08:00-18:00".`);
  return { from, to, ...(days && { days: days.filter((day) => day !== undefined) }) };
}

function renderPlan(plan: Plan): string {
  const parts = [
    renderFacts([
      ['release', plan.release],
      ['devices', `${plan.devices} with ${plan.filter}`],
      ['can', plan.can],
      ['cannot', plan.cannot.reduce((sum, { devices }) => sum + devices, 0)],
      ['unknown', plan.unknown === 0 ? 0 : `${plan.unknown} judge it themselves`],
      [plan.kind === 'ab' ? 'on A' : 'held back', plan.holdBack],
      ['takes', `${durationText(1_000 * plan.leastSeconds)} at least`],
      ['seed', plan.seed],
    ]),
    renderTable(plan.steps, [
      { header: 'step', value: (step) => plan.steps.indexOf(step) + 1 },
      { header: 'to', value: (step) => step.percent, text: (step) => `${step.percent} %` },
      { header: 'devices', value: (step) => step.devices },
      {
        header: 'at least',
        value: (step) => step.leastSeconds,
        text: (step) => durationText(1_000 * step.leastSeconds),
      },
      { header: 'types', value: (step) => countsOf(step.byType) },
      { header: 'such as', value: (step) => step.sample.slice(0, 3).join(', ') },
    ]),
  ];
  const reasons = [...reasonsOf(plan), ...plan.kept.map((one) => ({ verdict: 'kept', ...one }))];
  if (reasons.length > 0) parts.push(reasonTable(reasons));
  return parts.join('\n\n');
}

const kindText = (kind: CallOutput<'rolloutCreate'>['kind']): string =>
  ({ update: 'rollout', shadow: 'shadow', ab: 'comparison' })[kind];

const countsOf = (counts: Readonly<Record<string, number>>): string =>
  Object.entries(counts)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ');

const defined = <T extends object>(fields: T): Partial<T> =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
