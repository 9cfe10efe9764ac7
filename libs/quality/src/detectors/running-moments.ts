/** Mean and squared deviations of a stream, numerically stable (Welford 1962, "Note on a method", Technometrics 4). */
export interface RunningMoments {
  n: number;
  mean: number;
  /** Sum of squared deviations from the mean. */
  squares: number;
}

export const noMoments = (): RunningMoments => ({ n: 0, mean: 0, squares: 0 });

export function addTo(moments: RunningMoments, x: number): void {
  moments.n++;
  const before = x - moments.mean;
  moments.mean += before / moments.n;
  moments.squares += before * (x - moments.mean);
}

/** Unbiased; 0 for fewer than two observations. */
export const sampleVariance = ({ n, squares }: RunningMoments): number => (n > 1 ? squares / (n - 1) : 0);
