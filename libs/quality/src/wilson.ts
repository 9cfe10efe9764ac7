/**
 * Interval of a share from counts.
 *
 * Wilson score interval (E. B. Wilson 1927, "Probable inference, the law of succession, and statistical inference",
 * JASA 22): with p = k/n and z the normal quantile,
 *   centre = (p + z^2/2n) / (1 + z^2/n),  half = z/(1 + z^2/n) * sqrt(p(1-p)/n + z^2/4n^2).
 * Unlike the textbook interval it stays within 0..1 and keeps its coverage at small n and at shares near 0 or 1.
 */

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Two-sided 95 %. */
const Z95 = 1.959963984540054;

/**
 * @param successes 0..n
 * @param n number of trials; 0 gives the whole of 0..1, since nothing is known
 */
export function wilsonInterval(successes: number, n: number, z: number = Z95): Interval {
  if (n === 0) return { low: 0, high: 1 };
  const p = successes / n;
  const z2 = (z * z) / n;
  const centre = (p + z2 / 2) / (1 + z2);
  const half = (z / (1 + z2)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n));
  return {
    low: successes === 0 ? 0 : Math.max(0, centre - half),
    high: successes === n ? 1 : Math.min(1, centre + half),
  };
}
