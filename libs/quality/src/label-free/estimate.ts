/**
 * One estimate of accuracy without labels, with an interval that is meant to cover, or an abstention with its reason.
 *
 *   value     CBPE on the class x confidence histogram
 *   sampling  sum w_c p_c (1 - p_c) / n           which predictions happen to be right
 *   calibration  sum over pools of (sum w_c)^2 Var p_c   what validation data leaves open
 *   shift     the largest disagreement between CBPE, ATC, DoC and importance weighting by each monitored feature. They assume
 *             different things to have stayed; where they part, at least one assumption is broken (after Chen et al. 2021,
 *             "Mandoline", and Jiang et al. 2022, "Assessing generalization via disagreement")
 *   interval  value +- (z sqrt(sampling + calibration) + shift)
 *
 * None of this sees concept drift: the same inputs with other answers. Published intervals of three standard errors cover 6 to 20 % of
 * the chunks of a stream that drifts. So it abstains as soon as inputs or confidences have moved further than validation data
 * vouches for: a distance is too far when it is significant and above what is allowed for its size alone.
 */
import {
  countDivergence,
  divergence,
  shareDistances,
  shares,
  total,
  type Divergence,
} from '../statistics/divergence.js';
import { normalQuantile } from '../statistics/distributions.js';
import type { CalibrationMap } from './calibration-map.js';
import { atcOfHistogram, cbpeOfHistogram, docOfHistogram, weightedByFeature } from './estimators.js';

export interface FeatureReference {
  readonly name: string;
  /** By bin, of validation data. */
  readonly total: ArrayLike<number>;
  readonly correct: ArrayLike<number>;
}

export interface AccuracyWindow {
  /** Class-major. */
  readonly classes: ArrayLike<number>;
  /** By feature of the reference, counts by bin. */
  readonly features: readonly ArrayLike<number>[];
}

export interface EstimateOptions {
  /** Default .95. */
  readonly level?: number;
  /** Least labelled validation predictions. Default 200. */
  readonly leastValidation?: number;
  /** Least predictions of a window. Default 50. */
  readonly leastN?: number;
  /** Squared Hellinger distance of a histogram, beyond what chance makes of it. Default .02. */
  readonly allowedDistance?: number;
  /** Share of predictions in cells that validation data hardly has. Default .1. */
  readonly allowedUnseen?: number;
  /** Widest interval that is worth showing. Default .2. */
  readonly widest?: number;
}

export type AbstainReason =
  | 'no-validation-data'
  | 'too-few-predictions'
  | 'unseen-confidences'
  | 'confidences-moved'
  | 'inputs-moved'
  | 'interval-too-wide';

export interface AccuracyEstimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  /** Half widths of what the interval is made of. */
  readonly parts: { readonly sampling: number; readonly calibration: number; readonly shift: number };
  /** What it would have said is in `value` all the same; nobody should show it. */
  readonly abstains: { readonly reason: AbstainReason; readonly words: string } | null;
}

export function estimateAccuracy(
  map: CalibrationMap | null,
  references: readonly FeatureReference[],
  window: AccuracyWindow,
  options: EstimateOptions = {},
): AccuracyEstimate {
  const { level = 0.95, leastValidation = 200, leastN = 50, widest = 0.2 } = options;
  const n = total(window.classes);
  const nothing = { value: NaN, low: 0, high: 1, parts: { sampling: 0, calibration: 0, shift: 0 } };
  if (map === null || map.n < leastValidation) {
    return {
      ...nothing,
      abstains: {
        reason: 'no-validation-data',
        words: `needs at least ${leastValidation} labelled validation samples run through the firmware's code; there are ${map?.n ?? 0}`,
      },
    };
  }
  if (n < leastN) {
    return {
      ...nothing,
      abstains: { reason: 'too-few-predictions', words: `${n} predictions; at least ${leastN} are needed` },
    };
  }
  const value = cbpeOfHistogram(map, window.classes);
  const z = normalQuantile((1 + level) / 2);
  const { sampling, calibration } = variances(map, window.classes, n);
  const others = [
    atcOfHistogram(map, window.classes),
    docOfHistogram(map, window.classes),
    ...references.map((reference, f) => weightedByFeature(reference, window.features[f]!, map.accuracy)),
  ];
  const parts = {
    sampling: z * Math.sqrt(sampling),
    calibration: z * Math.sqrt(calibration),
    shift: shiftOf(value, others, Math.sqrt(sampling + calibration)),
  };
  const half = z * Math.sqrt(sampling + calibration) + parts.shift;
  const [low, high] = [Math.max(0, value - half), Math.min(1, value + half)];
  return {
    value,
    low,
    high,
    parts,
    abstains: whyNot(map, references, window, options) ?? tooWide(high - low, widest),
  };
}

/** Disagreement beyond what noise makes of the largest of a few. */
function shiftOf(value: number, others: readonly number[], noise: number): number {
  const largest = Math.max(0, ...others.map((other) => Math.abs(other - value)));
  return Math.max(0, largest - noise);
}

function variances(map: CalibrationMap, counts: ArrayLike<number>, n: number) {
  let sampling = 0;
  const pools = new Map<number, { weight: number; variance: number }>();
  for (let cell = 0; cell < counts.length; cell++) {
    const weight = counts[cell]! / n;
    if (weight === 0) continue;
    const p = map.chance[cell]!;
    sampling += (weight * p * (1 - p)) / n;
    const pool = pools.get(map.pool[cell]!) ?? { weight: 0, variance: map.variance[cell]! };
    pool.weight += weight;
    pools.set(map.pool[cell]!, pool);
  }
  let calibration = 0;
  for (const { weight, variance } of pools.values()) calibration += weight * weight * variance;
  return { sampling, calibration };
}

function whyNot(
  map: CalibrationMap,
  references: readonly FeatureReference[],
  window: AccuracyWindow,
  { allowedDistance = ALLOWED_DISTANCE, allowedUnseen = 0.1 }: EstimateOptions,
): AccuracyEstimate['abstains'] {
  const n = total(window.classes);
  let unseen = 0;
  for (let cell = 0; cell < map.total.length; cell++)
    if (map.total[cell]! < 5) unseen += window.classes[cell]! / n;
  if (unseen > allowedUnseen)
    return {
      reason: 'unseen-confidences',
      words: `${percent(unseen)} of predictions are such as validation data hardly has`,
    };
  if (isFar(map.total, window.classes, allowedDistance)) {
    const { totalVariation } = shareDistances(shares(map.total), shares(window.classes));
    return {
      reason: 'confidences-moved',
      words: `predictions and their confidences moved by ${percent(totalVariation)}`,
    };
  }
  const moved = references.filter((reference, f) =>
    isFar(reference.total, window.features[f]!, allowedDistance),
  );
  if (moved.length > 0)
    return {
      reason: 'inputs-moved',
      words: `${moved.map(({ name }) => name).join(', ')} moved: other inputs than those validated`,
    };
  return null;
}

/** A squared Hellinger distance of so much beyond what chance makes of it is another input than those validated. */
export const ALLOWED_DISTANCE = 0.02;

export function isFar(
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  allowed = ALLOWED_DISTANCE,
): boolean {
  // Chance makes the expected distance no smaller than 0: what is within the allowance needs no law.
  if (countDivergence('hellinger', current, reference) <= allowed) return false;
  return isFarApart(divergence('hellinger', reference, current), allowed);
}

export const isFarApart = ({ value, expected, p }: Divergence, allowed = ALLOWED_DISTANCE): boolean =>
  p < 1e-4 && value - expected > allowed;

function tooWide(width: number, widest: number): AccuracyEstimate['abstains'] {
  if (width <= widest) return null;
  return {
    reason: 'interval-too-wide',
    words: `the interval would be ${percent(width)} wide; up to ${percent(widest)} is shown`,
  };
}

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;
