/**
 * How often a shadow says what the active model says. The unit is the device: r_j of k_j runs agreed, weighted with
 *   w_j = 1 / (between + within / k_j),   d = sum w_j r_j / sum w_j,   V = max(1, phi) / sum w_j
 * as the gates weigh a step (gates/means.ts), with phi from the devices' own spread. d +- T sqrt(V) by the t mixture may be
 * looked at after every report. Bounds are for devices like these; one device has none.
 */
import type { Resource } from '@tinyfleet/contracts';
import { noComponentSums, tMixtureMultiplier, varianceComponents } from '@tinyfleet/quality';
import type { DeploymentState } from '../deployment.js';

export interface ShadowCounts {
  readonly devices: readonly DeviceCount[];
  readonly labels: readonly string[];
  /** Class indexes of runs that did not agree, of devices that had room to count them. */
  readonly cells: readonly { readonly active: number; readonly shadow: number; readonly count: number }[];
}
export interface DeviceCount {
  readonly device: string;
  readonly type: string;
  readonly site: string;
  readonly state: DeploymentState;
  readonly runs: number;
  readonly agreed: number;
  readonly skipped: number;
}
type Report = Resource<'ShadowReport'>;
type Agreement = Pick<Report, 'devices' | 'runs' | 'agreed' | 'share' | 'low' | 'high'>;

/** Of both bounds together. */
const alpha = 0.05;
/** Devices are taken to differ by so much at least: two that agree on everything prove nothing. */
const leastSd = 0.01;
/** Differences that the bounds are made to be tightest for. */
const priorSd = 0.05;
const shown = 20;
const sampled = 10;

export function agreementOf(all: readonly Pick<DeviceCount, 'runs' | 'agreed'>[]): Agreement {
  const ran = all.filter(({ runs }) => runs > 0);
  const runs = ran.reduce((sum, one) => sum + one.runs, 0);
  const agreed = ran.reduce((sum, one) => sum + one.agreed, 0);
  const of = { devices: ran.length, runs, agreed };
  if (runs === 0) return { ...of, share: null, low: null, high: null };
  // Of no run in any the share is not known to be 0 or 1.
  const pooled = (agreed + 1) / (runs + 2);
  const { between: found, within } = varianceComponents(
    {
      ...noComponentSums(),
      devices: ran.length,
      groups: 1,
      trials: runs,
      trialSquares: ran.reduce((sum, one) => sum + one.runs ** 2, 0),
      betweenSquares: ran.reduce(
        (sum, one) => sum + one.runs * (one.agreed / one.runs - agreed / runs) ** 2,
        0,
      ),
    },
    pooled * (1 - pooled),
  );
  const between = Math.max(found, leastSd ** 2);
  const weights = ran.map((one) => 1 / (between + within / one.runs));
  const weight = weights.reduce((sum, w) => sum + w, 0);
  const share = ran.reduce((sum, one, i) => sum + (weights[i]! * one.agreed) / one.runs, 0) / weight;
  const df = ran.length - 1;
  const phi =
    df === 0
      ? 1
      : ran.reduce((sum, one, i) => sum + weights[i]! * (one.agreed / one.runs - share) ** 2, 0) / df;
  const variance = Math.max(1, phi) / weight;
  const times = tMixtureMultiplier(alpha / 2, variance / (variance + priorSd ** 2), df);
  if (!Number.isFinite(times)) return { ...of, share, low: null, high: null };
  const reach = times * Math.sqrt(variance);
  return { ...of, share, low: Math.max(0, share - reach), high: Math.min(1, share + reach) };
}

export function shadowReport({ devices, labels, cells }: ShadowCounts): Report {
  const named = (index: number): string => labels[index] ?? `class ${index}`;
  const ofRow = new Map<number, number>();
  for (const { active, count } of cells) ofRow.set(active, (ofRow.get(active) ?? 0) + count);
  const whole = agreementOf(devices);
  const specified = cells.reduce((sum, { count }) => sum + count, 0);
  return {
    ...whole,
    running: devices.filter(({ state }) => state === 'shadow').length,
    compared: devices.filter(({ state }) => state === 'compared').length,
    skipped: devices.reduce((sum, one) => sum + one.skipped, 0),
    bySegment: (['type', 'site'] as const).flatMap((by) => {
      const groups = new Map<string, DeviceCount[]>();
      for (const device of devices) {
        const group = groups.get(device[by]);
        if (group) group.push(device);
        else groups.set(device[by], [device]);
      }
      if (groups.size < 2) return [];
      return [...groups.keys()].sort().map((value) => ({ by, value, ...agreementOf(groups.get(value)!) }));
    }),
    disagreements: [...cells]
      .sort((a, b) => b.count - a.count || a.active - b.active || a.shadow - b.shadow)
      .slice(0, shown)
      .map(({ active, shadow, count }) => ({
        active: named(active),
        shadow: named(shadow),
        count,
        share: count / ofRow.get(active)!,
      })),
    unspecified: Math.max(0, whole.runs - whole.agreed - specified),
    least: devices
      .filter(({ runs }) => runs > 0)
      .map(({ device, runs, agreed }) => ({ device, runs, share: agreed / runs }))
      .sort((a, b) => a.share - b.share || b.runs - a.runs)
      .slice(0, sampled),
  };
}

/** What people are told. */
export function shadowWords(report: Report): string[] {
  const { devices, runs, skipped, share, low, high, running, disagreements, bySegment, unspecified } = report;
  if (share === null) return [`no runs yet on ${running} devices${skippedText(skipped)}`];
  const bounds =
    low === null || high === null
      ? 'too few devices for bounds'
      : `between ${percent(low)} and ${percent(high)} with devices as the unit, 95 % at any time`;
  const worst = [...bySegment]
    .filter((one) => one.high !== null && low !== null && one.high < low)
    .sort((a, b) => a.share! - b.share!)[0];
  return [
    `agrees with the active model in ${percent(share)} of its runs (${bounds}): ${runs} runs on ${devices} devices${skippedText(skipped)}`,
    ...disagreements
      .slice(0, 5)
      .map(
        (one) =>
          `where the active model says ${one.active} it says ${one.shadow}: ${one.count} times, ${percent(one.share)} of what they do not agree on there`,
      ),
    ...(unspecified > 0 ? [`${unspecified} more disagreements that devices had no room to specify`] : []),
    ...(worst
      ? [`less on ${worst.by} ${worst.value}: ${percent(worst.share!)} on ${worst.devices} devices`]
      : []),
  ];
}

const skippedText = (skipped: number): string =>
  skipped > 0 ? `, ${skipped} more skipped for want of time or battery` : '';
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
