/**
 * An always-valid bound of a mean whose variance was estimated: it may be looked at after every observation, and the
 * chance that it is ever wrong stays below alpha.
 *
 * Mixture sequential test. Under a mean of zero, T = estimate / standard error follows Student's t with `df` degrees of
 * freedom; mixed over a normal prior of the true mean with variance w^2, the likelihood ratio is
 *   M(T) = sqrt(r) * ((1 + T^2/df) / (1 + r T^2/df))^((df+1)/2),   r = V / (V + w^2),  V = squared standard error
 * (Lai 1976, "On confidence sequences", Ann. Statist. 4; Robbins 1970, "Statistical methods related to the law of the
 * iterated logarithm", Ann. Math. Statist. 41; the group-invariant form and why it is an e-process: Perez-Ortiz,
 * Lardy, de Heide, Grunwald 2024, "E-statistics, group invariance and anytime-valid testing", Ann. Statist. 52; Wang and
 * Ramdas 2025, "Anytime-valid t-tests and confidence sequences for Gaussian means with unknown variance"). For df ->
 * infinity it is the normal mixture of the mSPRT (Johari, Koomen, Pekelis, Walsh 2022, "Always valid inference", Oper.
 * Res. 70). By Ville's inequality P(M ever >= 1/alpha) <= alpha.
 *
 * One-sided: the prior's half with the same sign as T carries at least sqrt(r) (2G - 1) with G the bracket above, since
 * the other half is at most sqrt(r) there (Howard, Ramdas, McAuliffe, Sekhon 2021, "Time-uniform, nonparametric,
 * nonasymptotic confidence sequences", Ann. Statist. 49, section 3.2 and its closed form of the one-sided normal
 * mixture). Set to 1/alpha and solved for T:
 *   c = ((1/(alpha sqrt(r)) + 1) / 2)^(2/(df+1)),   T^2 = df (c - 1) / (1 - c r).
 */

/**
 * Standard errors between an estimate and its one-sided always-valid bound; Infinity when `df` are too few for any.
 * @param alpha 0..1, of this one side
 * @param ratio r of the file's head, 0..1: about .06 where the bound is wanted tightest
 */
export function tMixtureMultiplier(alpha: number, ratio: number, df: number): number {
  if (!(df > 0) || !(ratio > 0 && ratio < 1)) return Infinity;
  const evidence = (1 / (alpha * Math.sqrt(ratio)) + 1) / 2;
  if (df > 1e6) return Math.sqrt((2 * Math.log(evidence)) / (1 - ratio));
  const c = evidence ** (2 / (df + 1));
  return c * ratio >= 1 ? Infinity : Math.sqrt((df * (c - 1)) / (1 - c * ratio));
}
