/**
 * What validation data said when it ran through the firmware's code, as the build keeps it: the reference that windows of the same
 * schema are held against, and where calibration maps come from.
 */
import type { Resource } from '@tinyfleet/contracts';
import type { CalibrationCounts } from './label-free/calibration-map.js';
import type { FeatureReference } from './label-free/estimate.js';

/** Counts by feature in the order of telemetry, 16 bins each; `ood` beside them. */
export type Baseline = Resource<'Baseline'>;
export type FeatureBaseline = Resource<'FeatureBaseline'>;

/** Windows of a version with this schema are comparable with it. `release` is `model@version`. */
export interface StoredBaseline {
  readonly release: string;
  readonly schemaCrc: number;
  readonly baseline: Baseline;
}

/**
 * The counts in as many confidence bins as a window has; undefined when they cannot be had: bins of a window that do not each hold
 * whole bins of the baseline, or other classes.
 */
export function calibrationCounts(baseline: Baseline, bins: number): CalibrationCounts | undefined {
  const classes = baseline.histogram.length;
  const own = baseline.histogram[0]?.length ?? 0;
  if (own === 0 || bins < 1 || own % bins !== 0) return undefined;
  const fewer = (rows: readonly (readonly number[])[]): number[] =>
    rows.flatMap((row) => {
      const sums = new Array<number>(bins).fill(0);
      row.forEach((count, bin) => (sums[Math.floor((bin * bins) / own)]! += count));
      return sums;
    });
  return { classes, bins, total: fewer(baseline.histogram), correct: fewer(baseline.correct) };
}

/** What of a baseline a window can be held against. */
export interface SummedFeatures {
  /** Features x 16; null = not sent. */
  readonly featureCounts: readonly number[] | null;
  readonly ood: readonly number[] | null;
}

/** References and the counts to hold against them, feature by feature and the score last; what either side has not is left out. */
export function comparable(
  baseline: Baseline,
  { featureCounts, ood }: SummedFeatures,
): { readonly references: FeatureReference[]; readonly features: (readonly number[])[] } {
  const references: FeatureReference[] = [];
  const features: (readonly number[])[] = [];
  const add = ({ name, counts, correct }: FeatureBaseline, now: readonly number[]): void => {
    if (!now.some((count) => count > 0)) return;
    references.push({ name, total: counts, correct });
    features.push(now);
  };
  baseline.features.forEach((one, i) => add(one, featureCounts?.slice(i * 16, (i + 1) * 16) ?? []));
  if (baseline.ood) add(baseline.ood, ood ?? []);
  return { references, features };
}
