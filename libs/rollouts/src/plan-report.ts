/** What a rollout would do, for people: who can take the release, who cannot and why, and how long it takes at least. */
import type { Resource } from '@tinyfleet/contracts';
import { obstacleFor, standsAside } from './enlist.js';
import type { Placement, RolloutPolicy, StepPlan } from './plan.js';
import type { ReleaseFacts, TargetDevice } from './ports.js';

const sampleSize = 10;

export function planOf(input: {
  readonly release: ReleaseFacts;
  readonly ref: string;
  readonly filter: string;
  readonly seed: string;
  /** All that the filter found. */
  readonly found: readonly TargetDevice[];
  readonly placements: readonly Placement<TargetDevice>[];
  readonly plan: readonly StepPlan[];
  readonly policy: RolloutPolicy;
}): Resource<'RolloutPlan'> {
  const { release, ref, filter, seed, found, placements, plan, policy } = input;
  const judged = placements.map((one) => ({ ...one, obstacle: obstacleFor(one.device, release) }));
  const able = judged.filter(({ obstacle }) => !obstacle);
  const steps = plan.map((step, i) => {
    const devices = able.filter((one) => one.step === i).map(({ device }) => device);
    return {
      percent: step.percent,
      devices: devices.length,
      byType: countBy(devices, ({ type }) => type),
      bySite: countBy(devices, ({ site }) => site),
      sample: devices.slice(0, sampleSize).map(({ name }) => name),
      leastSeconds: leastSeconds(devices.length, step, policy),
      approval: step.approval,
    };
  });
  return {
    release: ref,
    filter,
    seed,
    devices: found.length,
    can: able.filter(({ device }) => device.hasGreeted).length,
    unknown: able.filter(({ device }) => !device.hasGreeted).length,
    cannot: gather(
      judged.flatMap(({ device, obstacle }) =>
        obstacle ? [{ ...obstacle, errorCode: obstacle.errorNumber, name: device.name }] : [],
      ),
    ),
    kept: gather(found.flatMap((device) => keptBy(device, release))),
    holdBack: able.filter(({ step }) => step === undefined).length,
    steps,
    leastSeconds: steps.reduce((sum, step) => sum + step.leastSeconds, 0),
  };
}

function leastSeconds(devices: number, step: StepPlan, policy: RolloutPolicy): number {
  const byRate =
    policy.devicesPerMinute === undefined ? 0 : Math.floor((60 * devices) / policy.devicesPerMinute);
  return Math.max(byRate, devices > 0 ? policy.jitterSeconds : 0) + step.soakSeconds;
}

interface Named {
  readonly reason: string;
  readonly errorCode: number | null;
  readonly name: string;
}

function keptBy(device: TargetDevice, release: ReleaseFacts): Named[] {
  const { name, rule, busyIn } = device;
  const aside = standsAside(device, release);
  if (aside !== undefined) return [{ reason: aside, errorCode: null, name }];
  if (rule?.kind === 'hold')
    return [{ reason: `held${rule.reason && `: ${rule.reason}`}`, errorCode: null, name }];
  if (busyIn)
    return [{ reason: `in rollout ${busyIn.number} of priority ${busyIn.priority}`, errorCode: null, name }];
  return [];
}

/** One line for each reason, the commonest first. */
function gather(named: readonly Named[]): Resource<'RolloutPlan'>['cannot'] {
  const byReason = new Map<string, Named[]>();
  for (const one of named) {
    const same = byReason.get(one.reason) ?? [];
    if (same.length === 0) byReason.set(one.reason, same);
    same.push(one);
  }
  return [...byReason]
    .map(([reason, same]) => ({
      reason,
      errorCode: same[0]!.errorCode,
      devices: same.length,
      sample: same
        .map(({ name }) => name)
        .sort()
        .slice(0, sampleSize),
    }))
    .sort((a, b) => b.devices - a.devices);
}

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
