/** A plan with what would come of it: its policy is played on a fleet like the one it is for. */
import {
  GatePolicy,
  SimulationRequest,
  type ProjectScope,
  type Resource,
  type RolloutPlanInput,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { stableHash } from '../plan.js';
import type { FleetRecordReader } from '../ports.js';
import type { PlannedDevice, PlannedRollout, RolloutService } from '../rollout-service.js';
import type { Chances } from './chances.js';
import { profileOf } from './fleet-profile.js';
import type { RolloutPlayer } from './play.js';
import type { ReplayPolicy } from './replay.js';
import type { WorldOptions } from './world.js';

export interface SimulationOptions {
  /** Devices that are played; more are stood for by so many in the same shares. */
  readonly maxDevices: number;
  /** Devices whose telemetry is read. */
  readonly maxRecorded: number;
  /** Computing time of one answer. */
  readonly budgetMs: number;
  /** Devices that are listed. */
  readonly maxMembers: number;
}
export const simulationDefaults: SimulationOptions = {
  maxDevices: 1_000,
  maxRecorded: 2_000,
  budgetMs: 20_000,
  maxMembers: 10_000,
};

const hourS = 3_600;
/** The soak of a step that has gates and no longest soak may take for ever. */
const hoursOf = (seconds: number | undefined): number =>
  seconds === undefined ? Infinity : Math.max(1, Math.ceil(seconds / hourS));
const notPlayed = ['class-mix', 'energy', 'install-success', 'self-test'] as const;

export class RolloutSimulations {
  constructor(
    private readonly rollouts: Pick<RolloutService, 'planned'>,
    private readonly records: FleetRecordReader,
    private readonly player: RolloutPlayer,
    private readonly options: SimulationOptions = simulationDefaults,
  ) {}

  /**
   * @throws as RolloutService.plan; rollouts.empty-target, rollouts.simulation-kind, rollouts.simulation-busy,
   *   rollouts.simulations-of-project, rollouts.simulation-died
   */
  async plan(
    actor: string,
    scope: ProjectScope,
    { simulate, ...input }: RolloutPlanInput,
  ): Promise<Resource<'SimulatedRolloutPlan'>> {
    const planned = await this.rollouts.planned(actor, scope, input);
    if (simulate === undefined) return { ...planned.plan, simulation: null };
    const request = SimulationRequest.parse(simulate);
    return { ...planned.plan, simulation: await this.simulate(scope, planned, request) };
  }

  private async simulate(
    scope: ProjectScope,
    planned: PlannedRollout,
    request: Resource<'SimulationRequest'>,
  ): Promise<Resource<'RolloutSimulation'>> {
    const { plan, devices } = planned;
    if (plan.kind !== 'update') throw new FleetError('rollouts.simulation-kind', { kind: plan.kind });
    if (devices.length === 0) throw new FleetError('rollouts.empty-target', { filter: plan.filter });
    const names = devices.slice(0, this.options.maxRecorded).map(({ name }) => name);
    const records =
      request.source === 'recorded' ? await this.records.read(scope, names, request.days) : undefined;
    const gates = gatesOf(planned);
    const profile = profileOf(records, gates.windowSeconds);
    const world: WorldOptions = {
      ...profile.options,
      devices: Math.min(devices.length, this.options.maxDevices),
      types: shares(devices, ({ type }) => type),
      sites: shares(devices, ({ site }) => site),
    };
    const seed = request.seed ?? stableHash(plan.seed);
    const { worseBy, rollouts } = request;
    const { budgetMs, maxMembers } = this.options;
    const replayed = replayPolicyOf(planned, gates, world.devices);
    const chances = await this.player.play(scope, {
      policy: replayed,
      world,
      worseBy,
      rollouts,
      seed,
      budgetMs,
    });
    return {
      seed,
      source: profile.source,
      assumptions: [...profile.assumptions, ...leftOut(planned, world.devices)],
      devices: world.devices,
      timeline: timelineOf(planned, chances[worseBy.indexOf(0)]),
      chances: chances.map((one, i) => ({
        worseBy: worseBy[i]!,
        rollouts: one.rollouts,
        stopped: one.stopped,
        low: one.low,
        high: one.high,
        exposedPercent: 100 * one.exposed,
        stopHours: one.stopHours,
        fullHours: one.hours,
      })),
      members: request.members
        ? devices
            .slice(0, maxMembers)
            .map(({ name, type, site, step }) => ({ device: name, type, site, step: step ?? null }))
        : [],
      moreMembers: request.members ? Math.max(0, devices.length - maxMembers) : devices.length,
    };
  }
}

/** Of the first step that has some: steps that name others are played with these. */
function gatesOf({ steps, policy }: PlannedRollout): Resource<'GatePolicy'> {
  return (
    policy.gates ??
    steps.find(({ gates }) => gates !== undefined)?.gates ??
    GatePolicy.parse({ gates: [{ kind: 'silence' }] })
  );
}

function replayPolicyOf(
  { steps, policy }: PlannedRollout,
  gates: Resource<'GatePolicy'>,
  devices: number,
): ReplayPolicy {
  return {
    gates,
    steps: steps.map(({ percent }) => percent),
    controlPercent: policy.holdBackPercent,
    minSoakHours: steps.map(({ soakSeconds, gates: own }) =>
      soakSeconds === 0 && own === undefined ? 1 : hoursOf(soakSeconds),
    ),
    maxSoakHours: steps.map(({ maxSoakSeconds }) => hoursOf(maxSoakSeconds)),
    gatedSteps: steps.map((step) => step.gates !== undefined),
    goesOnUndecided: policy.onUndecided === 'continue',
    maxFailurePercent: policy.maxFailurePercent,
    controlSample: Math.min(devices, 200),
  };
}

/** What is real and is not played. */
function leftOut({ steps, policy, devices }: PlannedRollout, played: number): string[] {
  const kinds = [...new Set(steps.flatMap(({ gates }) => gates?.gates.map(({ kind }) => kind) ?? []))];
  const sets = new Set(steps.flatMap(({ gates }) => (gates ? JSON.stringify(gates.gates) : [])));
  const unplayed = kinds.filter((kind) => notPlayed.some((one) => one === kind));
  const waits = [
    ...(policy.windows.length > 0 ? ['maintenance windows'] : []),
    ...(policy.batteryFloorPercent === undefined ? [] : ['the battery floor']),
    ...(policy.connections === undefined ? [] : ['connections']),
    ...(policy.concurrentTransfers === undefined ? [] : ['the limit of transfers']),
    ...(steps.some(({ approval }) => approval) || policy.approval ? ['approvals'] : []),
  ];
  return [
    kinds.length === 0
      ? 'There are no gates: only installations that fail stop this rollout, and a worse model does not.'
      : 'A loss is taken to show in confidence or labels. A model that is wrong, sure of it and without labels is stopped by nobody.',
    ...(unplayed.length > 0
      ? [`Gates that are not played, and could only stop more: ${unplayed.join(', ')}.`]
      : []),
    ...(sets.size > 1
      ? [
          `Steps have gates of their own: all are played with those of the ${policy.gates ? 'rollout' : 'first'}.`,
        ]
      : []),
    ...(waits.length > 0 ? [`Not played, and takes longer: ${waits.join(', ')}.`] : []),
    ...(devices.length > played
      ? [`${played} devices were played for ${devices.length}: more would be judged sooner.`]
      : []),
    'Time passes in whole hours.',
  ];
}

function timelineOf(
  { plan, devices, steps, policy }: PlannedRollout,
  good: Chances | undefined,
): Resource<'RolloutSimulation'>['timeline'] {
  let offered = 0;
  let before = 0;
  return steps.map((step, i) => {
    const members = devices.filter((one) => one.step === i);
    // Offers take the time that rate and jitter ask for; the fleet that was played was offered it at once.
    const offering = offeringHours(members.length, policy);
    const passed = good?.passedAt[i] ?? null;
    const begins = good === undefined || (i > 0 && good.passedAt[i - 1] === null) ? null : offered + before;
    offered += offering;
    const ends = passed === null ? null : offered + passed;
    before = passed ?? before;
    return {
      step: i,
      percent: plan.steps[i]?.percent ?? step.percent,
      devices: members.length,
      beginsHours: begins,
      endsHours: ends,
      strata: strataOf(members),
    };
  });
}

const offeringHours = (
  devices: number,
  { devicesPerMinute, jitterSeconds }: PlannedRollout['policy'],
): number =>
  devices === 0
    ? 0
    : Math.max(devicesPerMinute === undefined ? 0 : devices / devicesPerMinute / 60, jitterSeconds / hourS);

function strataOf(members: readonly PlannedDevice[]): { type: string; site: string; devices: number }[] {
  const counts = new Map<string, { type: string; site: string; devices: number }>();
  for (const { type, site } of members) {
    const key = `${type}\n${site}`;
    const known = counts.get(key) ?? { type, site, devices: 0 };
    counts.set(key, { ...known, devices: known.devices + 1 });
  }
  return [...counts.values()].sort((a, b) => b.devices - a.devices);
}

function shares(
  devices: readonly PlannedDevice[],
  of: (device: PlannedDevice) => string,
): (readonly [string, number])[] {
  const counts = new Map<string, number>();
  for (const device of devices) counts.set(of(device), (counts.get(of(device)) ?? 0) + 1);
  return [...counts].map(([name, count]) => [name, count / devices.length] as const);
}
