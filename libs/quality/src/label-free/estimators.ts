/**
 * Estimators of accuracy without labels, on scores where there are any and on histograms.
 *
 * CBPE: the mean of the calibrated chances (Bialek et al. 2024, "Estimating model performance under covariate shift without labels").
 * ATC: the share of scores above the threshold at which as many validation scores lie below as there are errors (Garg et al. 2022,
 * "Leveraging unlabeled data to predict out-of-distribution performance", ICLR). DoC: validation accuracy plus the difference of
 * mean confidences (Guillory et al. 2021, "Predicting with confidence on unseen distributions", ICCV). Importance weighting by one
 * feature: the accuracy of each of its bins in validation data, weighted by how often the bin comes now (Shimodaira 2000).
 */
import { total } from '../statistics/divergence.js';
import type { CalibrationMap } from './calibration-map.js';

/** @param counts class-major, as the map's */
export function cbpeOfHistogram(map: CalibrationMap, counts: ArrayLike<number>): number {
  const n = total(counts);
  let sum = 0;
  for (let cell = 0; cell < counts.length; cell++) sum += counts[cell]! * map.chance[cell]!;
  return n > 0 ? sum / n : 0;
}

/** The threshold goes through a bin: of that bin the same share counts as above as in validation data. */
export function atcOfHistogram(map: CalibrationMap, counts: ArrayLike<number>): number {
  const [now, before] = [byBin(counts, map.bins), byBin(map.total, map.bins)];
  let above = map.accuracy * map.n;
  let sum = 0;
  for (let bin = map.bins - 1; bin >= 0 && above > 0; bin--) {
    const share = before[bin]! > 0 ? Math.min(1, above / before[bin]!) : 1;
    sum += share * now[bin]!;
    above -= before[bin]!;
  }
  return sum / Math.max(1, total(counts));
}

/** Confidences as bin centres over 1/classes .. 1, or 0 .. 1 as the firmware has them. */
export function docOfHistogram(map: CalibrationMap, counts: ArrayLike<number>): number {
  const mean = (bins: Float64Array) => {
    let [sum, n] = [0, 0];
    bins.forEach((count, bin) => {
      sum += (count * (bin + 0.5)) / map.bins;
      n += count;
    });
    return n > 0 ? sum / n : 0;
  };
  const moved = mean(byBin(counts, map.bins)) - mean(byBin(map.total, map.bins));
  return Math.min(1, Math.max(0, map.accuracy + moved));
}

/** @param reference of each bin of the feature in validation data: how many, and how many of them right */
export function weightedByFeature(
  reference: { readonly total: ArrayLike<number>; readonly correct: ArrayLike<number> },
  counts: ArrayLike<number>,
  fallback: number,
): number {
  let [sum, n] = [0, 0];
  for (let bin = 0; bin < counts.length; bin++) {
    const t = reference.total[bin]!;
    // Ten observations of what is known without the bin.
    sum += (counts[bin]! * (reference.correct[bin]! + 10 * fallback)) / (t + 10);
    n += counts[bin]!;
  }
  return n > 0 ? sum / n : fallback;
}

function byBin(counts: ArrayLike<number>, bins: number): Float64Array {
  const sums = new Float64Array(bins);
  for (let cell = 0; cell < counts.length; cell++) sums[cell % bins]! += counts[cell]!;
  return sums;
}

/** Of scores: the threshold, the value that puts as nearly as many validation scores at or below it as there are errors. */
export function atcThreshold(scores: readonly number[], correct: ArrayLike<number>): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let rightAtOrBelow = 0;
  let wrongAbove = scores.length - total(correct);
  let best = { threshold: order.length > 0 ? scores[order[0]!]! : 0, off: Infinity };
  for (const i of order) {
    if (correct[i]! > 0) rightAtOrBelow++;
    else wrongAbove--;
    const off = Math.abs(wrongAbove - rightAtOrBelow);
    if (off < best.off) best = { threshold: scores[i]!, off };
  }
  return best.threshold;
}

/** Expected confusion and ranking of a binary model, from calibrated chances of the positive class. */
export function cbpeBinary(chances: readonly number[], predicted: readonly number[]) {
  let [tp, fp, fn, tn] = [0, 0, 0, 0];
  chances.forEach((p, i) => {
    if (predicted[i] === 1) {
      tp += p;
      fp += 1 - p;
    } else {
      fn += p;
      tn += 1 - p;
    }
  });
  return { tp, fp, fn, tn, ...confusionMetrics({ tp, fp, fn, tn }) };
}

export interface Confusion {
  readonly tp: number;
  readonly fp: number;
  readonly fn: number;
  readonly tn: number;
}

export function confusionMetrics({ tp, fp, fn, tn }: Confusion) {
  const share = (part: number, whole: number) => (whole > 0 ? part / whole : 0);
  return {
    accuracy: share(tp + tn, tp + fp + fn + tn),
    precision: share(tp, tp + fp),
    recall: share(tp, tp + fn),
    specificity: share(tn, tn + fp),
    f1: share(2 * tp, 2 * tp + fp + fn),
  };
}

/**
 * Expected area under the ROC curve: over all pairs, the chance that the first is positive and the second negative, where the first has
 * the higher score; ties count half.
 */
export function expectedAuc(scores: readonly number[], chances: readonly number[]): number {
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  let [negativesBelow, wins, positives, negatives] = [0, 0, 0, 0];
  for (let start = 0; start < order.length;) {
    let end = start;
    let [p, q] = [0, 0];
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) {
      p += chances[order[end]!]!;
      q += 1 - chances[order[end]!]!;
      end++;
    }
    wins += p * (negativesBelow + q / 2);
    negativesBelow += q;
    positives += p;
    negatives += q;
    start = end;
  }
  return positives > 0 && negatives > 0 ? wins / (positives * negatives) : 0.5;
}
