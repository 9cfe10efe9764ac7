/**
 * Two-sample Kolmogorov-Smirnov test on raw observations.
 *
 * D = sup |F - G|. Exact law: under the hypothesis every path through the n x m lattice of merged observations is equally likely, and
 * D >= d for those that leave |i/n - j/m| < d (Hodges 1958, "The significance probability of the Smirnov two-sample test", Ark.
 * Mat. 3); the inside paths are counted as a probability, O(n m). Ties make it conservative.
 */
import { kolmogorovTail } from '../statistics/distributions.js';

export function ksDistance(reference: readonly number[], current: readonly number[]): number {
  const a = Float64Array.from(reference).sort();
  const b = Float64Array.from(current).sort();
  let [i, j, greatest] = [0, 0, 0];
  while (i < a.length && j < b.length) {
    const x = Math.min(a[i]!, b[j]!);
    while (i < a.length && a[i] === x) i++;
    while (j < b.length && b[j] === x) j++;
    greatest = Math.max(greatest, Math.abs(i / a.length - j / b.length));
  }
  return greatest;
}

/** P(D >= d) for samples of n and m from one continuous law. */
export function ksExactP(distance: number, n: number, m: number): number {
  // In units of 1 / (n m), less a rounding of what was computed from counts.
  const least = distance * n * m - 1e-7 * n * m;
  // inside[j]: chance that a random path reached (i, j) without leaving.
  const inside = new Float64Array(m + 1);
  for (let i = 0; i <= n; i++) {
    for (let j = 0; j <= m; j++) {
      if (i === 0 && j === 0) inside[j] = 1;
      else {
        // The step into (i, j) came from (i-1, j) with the chance i / (i + j), by exchangeability.
        const from = (i > 0 ? inside[j]! * i : 0) + (j > 0 ? inside[j - 1]! * j : 0);
        inside[j] = from / (i + j);
      }
      if (Math.abs(i * m - j * n) >= least) inside[j] = 0;
    }
  }
  return Math.min(1, Math.max(0, 1 - inside[m]!));
}

/** Kolmogorov's limit law with sqrt(n m / (n + m)) D. */
export const ksAsymptoticP = (distance: number, n: number, m: number): number =>
  kolmogorovTail(distance * Math.sqrt((n * m) / (n + m)));

/** The least distance whose exact p-value is at most alpha; above 1 when the samples are too small for any. */
export function ksCriticalDistance(n: number, m: number, alpha: number): number {
  let [low, high] = [0, n * m + 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (ksExactP(middle / (n * m), n, m) <= alpha) high = middle;
    else low = middle;
  }
  // Half a step lower, so that a distance computed with rounding errors reaches it.
  return (high - 0.5) / (n * m);
}
