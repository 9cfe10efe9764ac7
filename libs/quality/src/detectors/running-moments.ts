/** Mean and squared deviations of a stream, numerically stable (Welford 1962, "Note on a method", Technometrics 4). */
export interface RunningMoments {
  n: number;
  mean: number;
  /** Sum of squared deviations from the mean. */
  squares: number;
}

export const noMoments = (): RunningMoments => ({ n: 0, mean: 0, squares: 0 });

/** @param times how often x was seen (Chan, Golub, LeVeque 1983, "Algorithms for computing the sample variance", Am. Statist. 37) */
export function addTo(moments: RunningMoments, x: number, times = 1): void {
  moments.n += times;
  const before = x - moments.mean;
  moments.mean += (before * times) / moments.n;
  moments.squares += before * (x - moments.mean) * times;
}

/** Unbiased; 0 for fewer than two observations. */
export const sampleVariance = ({ n, squares }: RunningMoments): number => (n > 1 ? squares / (n - 1) : 0);
