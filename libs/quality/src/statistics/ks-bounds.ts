/**
 * The Kolmogorov-Smirnov distance of two streams of which only histograms over the same edges are left.
 *
 * At the edges both distribution functions are known, so the largest difference there is a lower bound of D; inside a bin either
 * may rise at once, so that |F - G| <= max(F(right) - G(left), G(right) - F(left)). The p-value is that of the lower bound under
 * Kolmogorov's law: bins can only make D smaller, hence it is conservative, most so with few bins.
 */
import { kolmogorovTail } from './distributions.js';
import { sameBins, total } from './divergence.js';

export interface KsBounds {
  readonly low: number;
  readonly high: number;
  readonly p: number;
}

/** @param dispersion as in divergence.ts; it widens the law by its root */
export function ksBounds(reference: ArrayLike<number>, current: ArrayLike<number>, dispersion = 1): KsBounds {
  sameBins(reference, current);
  const [m, n] = [total(reference), total(current)];
  if (m === 0 || n === 0) return { low: 0, high: 1, p: 1 };
  let [f, g, low, high] = [0, 0, 0, 0];
  for (let i = 0; i < reference.length; i++) {
    const [right, rightG] = [f + current[i]! / n, g + reference[i]! / m];
    high = Math.max(high, right - g, rightG - f);
    [f, g] = [right, rightG];
    low = Math.max(low, Math.abs(f - g));
  }
  return { low, high: Math.min(1, high), p: kolmogorovTail(low * Math.sqrt((n * m) / (n + m) / dispersion)) };
}
