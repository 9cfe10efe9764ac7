/**
 * How much devices differ from each other, apart from the noise of what each was measured with.
 *
 * Device j has the mean r_j of k_j trials: r_j = m + u_j + e_j, Var(u_j) = between, Var(e_j) = within / k_j.
 * `within` comes from batch means: each device's squared deviations between batches (clock hours), which holds when the
 * windows inside a batch are correlated (Schmeiser 1982, "Batch size effects in the analysis of simulation output",
 * Oper. Res. 30). `between` is the moment estimator of DerSimonian and Laird 1986, "Meta-analysis in clinical trials",
 * Control. Clin. Trials 7: with Q = sum k_j (r_j - r)^2 and d degrees of freedom
 *   between = max(0, (Q - within d) / (K - K2/K)),   K = sum k_j, K2 = sum k_j^2.
 */

export interface VarianceComponents {
  /** Variance of the devices' true means. */
  readonly between: number;
  /** Variance of one trial, with the correlation of neighbours in it. */
  readonly within: number;
  /** Of `between`. */
  readonly df: number;
  /** Of `within`. */
  readonly batchDf: number;
}

/** Sums over devices whose residuals r_j are from the means of their groups. */
export interface ComponentSums {
  devices: number;
  /** Groups whose mean was taken from these very devices. */
  groups: number;
  /** sum k_j */
  trials: number;
  /** sum k_j^2 */
  trialSquares: number;
  /** sum k_j r_j^2 */
  betweenSquares: number;
  /** sum over devices and batches of k_jb (x_jb - x_j)^2 */
  withinSquares: number;
  /** sum over devices of batches - 1 */
  batchDf: number;
}

export const noComponentSums = (): ComponentSums => ({
  devices: 0,
  groups: 0,
  trials: 0,
  trialSquares: 0,
  betweenSquares: 0,
  withinSquares: 0,
  batchDf: 0,
});

/** @param leastWithin known lower limit of `within`: p (1 - p) for a share */
export function varianceComponents(sums: ComponentSums, leastWithin = 0): VarianceComponents {
  const within = Math.max(leastWithin, sums.batchDf > 0 ? sums.withinSquares / sums.batchDf : 0);
  const df = Math.max(0, sums.devices - sums.groups);
  const scale = sums.trials > 0 ? sums.trials - sums.trialSquares / sums.trials : 0;
  const between = df > 0 && scale > 0 ? Math.max(0, (sums.betweenSquares - within * df) / scale) : 0;
  return { between, within, df, batchDf: sums.batchDf };
}
