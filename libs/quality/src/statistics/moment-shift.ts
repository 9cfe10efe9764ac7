/**
 * Shifts of mean and spread from n, sum and sum of squares alone.
 *
 * Mean: Welch 1947, with the variance that healthy windows have beyond that of their observations (`between`: devices, and
 * hours of one device):
 *   t = (x - m) / sqrt(s^2/n + S^2/N + between),   df by Satterthwaite's formula, that of `between` given.
 * Spread: the logarithm of the ratio of variances. For a feature of kurtosis k it has the variance (k-1)/n - (k-3)/n^2 in each
 * sample (Shoemaker 2003, "Fixing the F test for equal variances", Amer. Statist. 57): 2/(n-1) for a normal one.
 */
import { normalTwoSided, studentTwoSided } from './distributions.js';

export interface Moments {
  readonly n: number;
  readonly sum: number;
  readonly sumSquares: number;
}

export interface MomentShift {
  /** In the feature's units. */
  readonly difference: number;
  /** In standard deviations of an observation of the baseline. */
  readonly effect: number;
  readonly z: number;
  readonly p: number;
}

export const meanOf = ({ n, sum }: Moments): number => (n > 0 ? sum / n : 0);

/** Unbiased; 0 for fewer than two observations. */
export function varianceOf({ n, sum, sumSquares }: Moments): number {
  return n > 1 ? Math.max(0, (sumSquares - (sum * sum) / n) / (n - 1)) : 0;
}

export function meanShift(
  reference: Moments,
  current: Moments,
  between: { readonly variance: number; readonly df: number } = { variance: 0, df: Infinity },
): MomentShift {
  const difference = meanOf(current) - meanOf(reference);
  const spread = Math.sqrt(varianceOf(reference));
  const parts = [
    { variance: varianceOf(current) / current.n, df: current.n - 1 },
    { variance: varianceOf(reference) / reference.n, df: reference.n - 1 },
    between,
  ].filter(({ variance }) => variance > 0);
  const variance = parts.reduce((sum, part) => sum + part.variance, 0);
  if (!(variance > 0) || current.n === 0 || reference.n === 0) return { difference, effect: 0, z: 0, p: 1 };
  const df = variance ** 2 / parts.reduce((sum, part) => sum + part.variance ** 2 / part.df, 0);
  const z = difference / Math.sqrt(variance);
  return { difference, effect: spread > 0 ? difference / spread : 0, z, p: studentTwoSided(z, df) };
}

/** @param kurtosis of the feature, 3 for a normal one; @param between variance of the logarithm among healthy windows */
export function spreadShift(
  reference: Moments,
  current: Moments,
  { kurtosis = 3, between = 0 }: { readonly kurtosis?: number; readonly between?: number } = {},
): MomentShift {
  const [s, t] = [varianceOf(current), varianceOf(reference)];
  const noise = logVarianceNoise(current.n, kurtosis) + logVarianceNoise(reference.n, kurtosis) + between;
  if (current.n < 2 || reference.n < 2 || t === 0) return { difference: 0, effect: 0, z: 0, p: 1 };
  // A feature that stands still: as far as one that varies in its last digit.
  const difference = Math.log(Math.max(s, t * 1e-12) / t);
  const z = difference / Math.sqrt(noise);
  return {
    difference: Math.sqrt(s) - Math.sqrt(t),
    effect: Math.exp(difference / 2) - 1,
    z,
    p: normalTwoSided(z),
  };
}

/** Variance of the logarithm of the sample variance. */
export const logVarianceNoise = (n: number, kurtosis: number): number =>
  n > 1 ? Math.max(0, (kurtosis - 1) / (n - 1) - (kurtosis - 3) / (n * (n - 1))) : Infinity;

/**
 * A window's variance as a value that is nearly normal, for filters and CUSUMs: its cube root (Wilson and Hilferty 1931, PNAS 17).
 * The logarithm is skewed to the left, which a CUSUM takes for a fall: at n = 100 it trebled the false alarms of that side.
 * @param variance relative to the baseline's, about 1
 */
export function cubeRootSpread(variance: number, n: number, kurtosis = 3): { value: number; noise: number } {
  const value = Math.cbrt(variance);
  return { value, noise: logVarianceNoise(n, kurtosis) / 9 };
}
