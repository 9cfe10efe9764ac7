/**
 * One estimate of what several baselines speak for, such as two builds of a version in one hour: the mean by numbers of predictions.
 * Which predictions happen to be right is independent between them; what validation data leaves open is not, so those halves add.
 * Where more than a tenth of the predictions has an estimate that abstains, all of it does.
 */
import type { AccuracyEstimate } from './estimate.js';

const SILENT_SHARE = 0.1;

export interface PartEstimate {
  readonly n: number;
  readonly estimate: AccuracyEstimate;
}

export function combineEstimates(parts: readonly PartEstimate[]): AccuracyEstimate {
  const [first] = parts;
  if (first && parts.length === 1) return first.estimate;
  const all = parts.reduce((sum, { n }) => sum + n, 0);
  const silent = parts.filter(({ estimate }) => estimate.abstains).sort((a, b) => b.n - a.n);
  const silentN = silent.reduce((sum, { n }) => sum + n, 0);
  const spoken = parts.filter(({ estimate }) => !estimate.abstains);
  // Abstaining parts still have a value: with nothing else to say, it is theirs.
  const used = silentN > SILENT_SHARE * all || spoken.length === 0 ? parts : spoken;
  const total = used.reduce((sum, { n }) => sum + n, 0);
  const mean = (of: (one: AccuracyEstimate) => number): number =>
    used.reduce((sum, { n, estimate }) => sum + (n / total) * of(estimate), 0);
  const value = mean((one) => one.value);
  const sampling = Math.sqrt(
    used.reduce((sum, { n, estimate }) => sum + ((n / total) * estimate.parts.sampling) ** 2, 0),
  );
  const calibration = mean((one) => one.parts.calibration);
  const shift = mean((one) => one.parts.shift);
  const half = Math.hypot(sampling, calibration) + shift;
  return {
    value,
    low: Number.isFinite(value) ? Math.max(0, value - half) : 0,
    high: Number.isFinite(value) ? Math.min(1, value + half) : 1,
    parts: { sampling, calibration, shift },
    abstains: used === spoken ? null : (silent[0]?.estimate.abstains ?? null),
  };
}
