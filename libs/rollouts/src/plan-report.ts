/** What a rollout would do, for people: who can take the release, who cannot and why, and how long it takes at least. */
import type { Resource } from '@tinyfleet/contracts';
import { warningsOf } from '@tinyfleet/releases';
import { tableOf } from './compatibility-table.js';
import { judge, standsAside, type Offering } from './enlist.js';
import { kindOf, type Placement, type RolloutPolicy, type StepPlan } from './plan.js';
import type { TargetDevice } from './ports.js';
import { byReason, sampleSize, type NamedReason } from './reasons.js';

export function planOf(input: {
  readonly offering: Offering;
  readonly ref: string;
  readonly filter: string;
  readonly seed: string;
  /** All that the filter found. */
  readonly found: readonly TargetDevice[];
  readonly placements: readonly Placement<TargetDevice>[];
  readonly plan: readonly StepPlan[];
  readonly policy: RolloutPolicy;
}): Resource<'RolloutPlan'> {
  const { offering, ref, filter, seed, found, placements, plan, policy } = input;
  const judged = placements.map((one) => ({ ...one, ...judge(one, offering) }));
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
    kind: kindOf(policy),
    release: ref,
    filter,
    seed,
    ...tableOf(judged.map((one) => ({ ...one, devices: 1, sample: [one.device.name] }))),
    devices: found.length,
    warnings: warningsOf({ ref, ...offering.release }),
    kept: byReason(found.flatMap((device) => keptBy(device, offering))),
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

function keptBy(device: TargetDevice, { release, policy }: Offering): NamedReason[] {
  const { name, rule, busyIn } = device;
  const aside = standsAside(device, release);
  if (aside !== undefined) return [line(aside, name)];
  if (rule?.kind === 'hold') return [line(`held${rule.reason && `: ${rule.reason}`}`, name)];
  if (busyIn && busyIn.kind !== 'shadow')
    return [line(`in rollout ${busyIn.number} of priority ${busyIn.priority}`, name)];
  // A shadow makes way for anything but a shadow.
  if (busyIn && policy.shadow) return [line(`in shadow ${busyIn.number}`, name)];
  return [];
}

const line = (reason: string, name: string): NamedReason => ({
  reason,
  errorCode: null,
  devices: 1,
  sample: [name],
});

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}
