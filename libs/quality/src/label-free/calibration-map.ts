/**
 * From a predicted class and a bin of its confidence to the chance that the prediction is right, learned from labelled validation
 * data that went through the firmware's own code.
 *
 * Each cell has k right of t: P ~ Beta(k + 1/2, t - k + 1/2) (Jeffreys' prior; Brown, Cai, DasGupta 2001, "Interval estimation for a
 * binomial proportion", Statist. Sci. 16). A cell with fewer than 30 takes the counts of all classes in its bin, and when these are fewer
 * too, those of the nearest bins: it then shares their error, which the estimate's interval accounts for.
 */
import { betaQuantile } from '../statistics/distributions.js';
import { checkOption } from '../detectors/detector.js';

export const LEAST_CELL = 30;

export interface CalibrationCounts {
  readonly classes: number;
  readonly bins: number;
  /** Class-major, as windows have them: how often predicted, and how often rightly. */
  readonly total: ArrayLike<number>;
  readonly correct: ArrayLike<number>;
}

export interface CalibrationMap extends CalibrationCounts {
  /** By cell. */
  readonly chance: Float64Array;
  readonly variance: Float64Array;
  /** Cells with the same number share their counts, and their error. */
  readonly pool: Int32Array;
  readonly n: number;
  readonly accuracy: number;
}

export function calibrationMap(counts: CalibrationCounts): CalibrationMap {
  const { classes, bins, total, correct } = counts;
  checkOption('total', total.length, total.length === classes * bins, `${classes * bins} counts`);
  checkOption('correct', correct.length, correct.length === total.length, 'as long as total');
  const [chance, variance] = [new Float64Array(total.length), new Float64Array(total.length)];
  const pool = new Int32Array(total.length);
  const [binTotal, binCorrect] = [new Float64Array(bins), new Float64Array(bins)];
  let [n, right] = [0, 0];
  for (let cell = 0; cell < total.length; cell++) {
    binTotal[cell % bins]! += total[cell]!;
    binCorrect[cell % bins]! += correct[cell]!;
    n += total[cell]!;
    right += correct[cell]!;
  }
  for (let cell = 0; cell < total.length; cell++) {
    let [t, k] = [total[cell]!, correct[cell]!];
    pool[cell] = classes * bins + cell;
    if (t < LEAST_CELL) {
      const bin = cell % bins;
      [t, k] = [0, 0];
      pool[cell] = bin;
      for (let reach = 0; reach < bins && t < LEAST_CELL; reach++) {
        // Nearest bins on both sides at once.
        for (const at of reach === 0 ? [bin] : [bin - reach, bin + reach]) {
          t += binTotal[at] ?? 0;
          k += binCorrect[at] ?? 0;
        }
      }
    }
    const [a, b] = [k + 0.5, t - k + 0.5];
    chance[cell] = a / (a + b);
    variance[cell] = (a * b) / ((a + b) ** 2 * (a + b + 1));
  }
  return { classes, bins, total, correct, chance, variance, pool, n, accuracy: n > 0 ? right / n : 0 };
}

/** Beta interval of one cell, for charts. */
export function chanceInterval(
  map: CalibrationMap,
  cell: number,
  level = 0.95,
): { low: number; high: number } {
  const [p, v] = [map.chance[cell]!, map.variance[cell]!];
  const size = (p * (1 - p)) / v - 1;
  const tail = (1 - level) / 2;
  return {
    low: betaQuantile(tail, p * size, (1 - p) * size),
    high: betaQuantile(1 - tail, p * size, (1 - p) * size),
  };
}
