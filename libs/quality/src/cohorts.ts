/**
 * Two sets of devices beside each other. Each is judged as `quality devices` judges one version: every device by itself, pooled with what
 * devices differ by, so that a set of few devices says little however much they predicted.
 *
 *   difference = a - b
 *   interval   z sqrt(Var a + Var b)  devices, and which of their predictions happen to be right: independent in two sets
 *              + sqrt(ca^2 + cb^2)    validation data: of one build it errs for both alike and mostly cancels, of two it is independent
 *              + sa + sb              how far estimators part: nothing says that they part alike, so these add
 *
 * A device that is in both sets makes the interval wider than it had to be, not narrower.
 */
import { plural, type Resource } from '@tinyfleet/contracts';
import type { PooledEstimates } from './label-free/pool.js';
import type { LabelledDevice } from './ports.js';
import { wilsonInterval } from './wilson.js';

export interface CohortEstimate {
  readonly pooled: PooledEstimates;
  /** Half widths that the devices share. */
  readonly calibration: number;
  readonly shift: number;
}

export interface Difference {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Fewer do not show what devices differ by. */
export const MIN_DEVICES = 3;

/**
 * A set of fewer than three devices takes what those of the other differ by: its mean is uncertain by that over its own devices, beyond
 * what it shows itself.
 * @returns null: the other does not show it either
 */
export function lentBetween(own: CohortEstimate, other: CohortEstimate | null): CohortEstimate | null {
  const { pooled } = own;
  if (pooled.devices.length >= MIN_DEVICES) return own;
  if (other === null || other.pooled.devices.length < MIN_DEVICES) return null;
  const variance = pooled.variance + other.pooled.between / pooled.devices.length;
  return { ...own, pooled: { ...pooled, variance } };
}

/** @param z quantile of the level that the half widths have as well */
export function differenceOf(a: CohortEstimate, b: CohortEstimate, z: number): Difference {
  const value = a.pooled.value - b.pooled.value;
  const half =
    z * Math.sqrt(a.pooled.variance + b.pooled.variance) +
    Math.hypot(a.calibration, b.calibration) +
    a.shift +
    b.shift;
  return { value, low: Math.max(-1, value - half), high: Math.min(1, value + half) };
}

/**
 * Accuracy of a set of devices from labels. Labels of one device are alike, so that n of them say less than n of as many devices: the
 * interval is Wilson's of n divided by the design effect (L. Kish 1965, Survey Sampling, 5.4), the variance of the ratio over devices
 * in units of that of n independent labels, and 1 at least.
 * @param z quantile of the level
 * @returns null: no labels
 */
export function labelledCohort(
  devices: readonly LabelledDevice[],
  z: number,
): Resource<'Cohort'>['labelled'] {
  const n = devices.reduce((sum, one) => sum + one.n, 0);
  const correct = devices.reduce((sum, one) => sum + one.correct, 0);
  if (n === 0) return null;
  const value = correct / n;
  const k = devices.length;
  const spread = devices.reduce((sum, one) => sum + (one.correct - value * one.n) ** 2, 0);
  const variance = k < 2 ? 0 : (k / (k - 1)) * (spread / n ** 2);
  const alone = (value * (1 - value)) / n;
  const effect = alone > 0 ? Math.max(1, variance / alone) : 1;
  return { devices: k, n, correct, value, ...wilsonInterval(correct / effect, n / effect, z) };
}

/** Devices of a cohort that are estimated. */
export const MOST_DEVICES = 1_000;

type Cohort = Pick<Resource<'Cohort'>, 'devices' | 'abstains' | 'labelled'>;
type Feature = Pick<Resource<'DriftFeature'>, 'feature' | 'share' | 'isFar'>;

/** Most that the words name. */
const NAMED = 3;

export function cohortWords(
  [a, b]: readonly [Cohort, Cohort],
  difference: Difference | null,
  features: readonly Feature[],
): string[] {
  if (a.devices === 0 || b.devices === 0) {
    const which = a.devices > 0 ? 'the second' : b.devices > 0 ? 'the first' : 'either set';
    return [
      `No device of ${which} predicted on the last day that its release has predictions of, or the day before.`,
    ];
  }
  return [
    accuracyWords([a, b], difference),
    ...labelWords([a, b]),
    ...histogramWords(features),
    ...limitWords([a, b]),
  ];
}

function labelWords(cohorts: readonly [Cohort, Cohort]): string[] {
  const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;
  const said = cohorts.flatMap(({ labelled }, i) => {
    if (labelled === null) return [];
    const { value, low, high, n, devices } = labelled;
    const of = `${plural(n, 'label')} of ${plural(devices, 'device')}`;
    const set = i === 0 ? 'the first' : 'the second';
    return [`${set} is right in ${percent(value)} (${percent(low)} to ${percent(high)}) of ${of}`];
  });
  if (said.length === 0) return [];
  const words = `By labels, ${said.join('; ')}${said.length === 2 ? '' : '; the other set has none'}.`;
  const isOfFew = cohorts.some(({ labelled }) => labelled !== null && labelled.devices < MIN_DEVICES);
  return isOfFew
    ? [`${words} Labels of fewer than ${MIN_DEVICES} devices do not show what devices differ by.`]
    : [words];
}

function accuracyWords([a, b]: readonly [Cohort, Cohort], difference: Difference | null): string {
  if (difference === null) {
    const silent = a.abstains ? a : b;
    const which = a.abstains ? 'the first' : 'the second';
    return `No answer about accuracy: of ${which}, ${silent.abstains?.words ?? 'nothing is known'}.`;
  }
  const { value, low, high } = difference;
  const points = (share: number): string => (Math.abs(share) * 100).toFixed(1);
  if (low > 0)
    return `The first is more accurate by ${points(value)} points (${points(low)} to ${points(high)}, 90 %).`;
  if (high < 0)
    return `The first is less accurate by ${points(value)} points (${points(high)} to ${points(low)}, 90 %).`;
  const most = Math.max(Math.abs(low), Math.abs(high));
  return `Accuracy cannot be told apart: the difference is at most ${points(most)} points (90 %).`;
}

function histogramWords(features: readonly Feature[]): string[] {
  const far = features.filter(({ isFar }) => isFar).sort((x, y) => y.share - x.share);
  if (features.length === 0) return ['Histograms are not compared: the two are made by different monitors.'];
  if (far.length === 0) return ['No histogram differs by more than chance and a little.'];
  const named = far.slice(0, NAMED).map(({ feature, share }) => `${feature} (${Math.round(share * 100)} %)`);
  const rest = far.length - named.length;
  return [
    `Elsewhere: ${named.join(', ')}${rest > 0 ? ` and ${rest} more` : ''} of the observations lie in other bins.`,
  ];
}

function limitWords(cohorts: readonly Cohort[]): string[] {
  const full = ['the first', 'the second'].filter((_, i) => cohorts[i]!.devices >= MOST_DEVICES);
  if (full.length === 0) return [];
  const most = MOST_DEVICES.toLocaleString('en');
  return [`Of ${full.join(' and ')} only the ${most} devices that predicted most lately are looked at.`];
}
