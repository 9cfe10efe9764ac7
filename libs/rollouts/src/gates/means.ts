/**
 * The difference between the devices of a step and their concurrent control in one metric, with its standard error.
 * A device is one observation, however many inferences it reports.
 *
 * Device i of the step has r_i, the mean of its hourly differences from the control of its type and site (ledger.ts),
 * over k_i trials. With `between` and `within` estimated from the control (variance-components.ts):
 *   w_i = 1 / (between + within / k_i),   d = sum w_i r_i / sum w_i,   phi = sum w_i (r_i - d)^2 / (m - 1)
 *   V = phi* / sum w_i + sum over strata W_h^2 Var(c_h),   W_h: share of the weights in stratum h
 * phi is 1 when the step's devices differ from each other as the control's do. Ten devices say little of that, so it is
 * shrunk to 1 with the weight of `priorDf` devices, and never below what the step itself shows:
 *   phi* = max(phi, (priorDf + (m - 1) phi) / (priorDf + m - 1)),   df = priorDf + m - 1
 * (the scale factor of Birge 1932, Phys. Rev. 40; shrinking a variance with few degrees of freedom to that of many:
 * Smyth 2004, "Linear models and empirical Bayes methods", SAGMB 3). A step whose devices differ more than the control's
 * (a bad model on some of them) thus widens its own bounds.
 * Devices are taken to differ by half a margin at least, so that a few that happen to agree decide nothing.
 */
import { noComponentSums, varianceComponents, type VarianceComponents } from '@tinyfleet/quality';
import type { CohortLedger, MetricSums, Stratum } from './ledger.js';

const mostPriorDf = 20;
/** Batches that the noise of a mean is estimated from, at least. */
const leastBatchDf = 10;

/** Index = stratum of the ledger. */
interface StratumSums {
  /** Of the step. */
  readonly devices: Float64Array;
  readonly weight: Float64Array;
  readonly weighted: Float64Array;
  readonly weightedSquares: Float64Array;
  readonly controlDevices: Float64Array;
  readonly controlTrials: Float64Array;
  readonly controlTrialSquares: Float64Array;
}

export interface Comparison {
  readonly strata: readonly Stratum[];
  readonly sums: StratumSums;
  readonly components: VarianceComponents;
  readonly priorDf: number;
  /** `between`, with its floor. */
  readonly between: number;
  /** Enough to tell noise from difference. */
  readonly isReady: boolean;
}

export interface Difference {
  /** Step minus control, in computed units. */
  readonly estimate: number;
  /** Squared standard error. */
  readonly variance: number;
  /** What would remain of it with all the time in the world. */
  readonly leastVariance: number;
  readonly df: number;
  readonly devices: number;
  readonly controlDevices: number;
}

export function compareDevices(
  ledger: CohortLedger,
  sums: MetricSums,
  { isShare, margin }: { readonly isShare: boolean; readonly margin: number },
): Comparison {
  const { strata, stratumOf, isStep } = ledger;
  const { trials, residual, squares, batches } = sums;
  const count = strata.length;
  const [devices, weight, weighted] = [
    new Float64Array(count),
    new Float64Array(count),
    new Float64Array(count),
  ];
  const [weightedSquares, controlDevices] = [new Float64Array(count), new Float64Array(count)];
  const [controlTrials, controlTrialSquares] = [new Float64Array(count), new Float64Array(count)];
  let [withinSquares, batchDf, betweenSquares] = [0, 0, 0];
  for (let i = 0; i < trials.length; i++) {
    const k = trials[i]!;
    if (k === 0) continue;
    const square = (residual[i]! * residual[i]!) / k;
    // Noise is alike on both sides, so both say how much there is.
    withinSquares += Math.max(0, squares[i]! - square);
    batchDf += batches[i]! - 1;
    if (isStep[i] === 1) continue;
    const h = stratumOf[i]!;
    controlDevices[h]! += 1;
    controlTrials[h]! += k;
    controlTrialSquares[h]! += k * k;
    betweenSquares += square;
  }
  const spread = { ...noComponentSums(), withinSquares, batchDf, betweenSquares };
  for (let h = 0; h < count; h++) {
    if (controlDevices[h] === 0) continue;
    spread.groups++;
    spread.devices += controlDevices[h]!;
    spread.trials += controlTrials[h]!;
    spread.trialSquares += controlTrialSquares[h]!;
  }
  const share = sums.controlTrials > 0 ? sums.controlTotal / sums.controlTrials : 0;
  const components = varianceComponents(spread, isShare ? share * (1 - share) : 0);
  const between = Math.max(components.between, (margin / 2) ** 2);
  const { within } = components;
  for (let i = 0; i < trials.length; i++) {
    const k = trials[i]!;
    if (k === 0 || isStep[i] === 0) continue;
    const h = stratumOf[i]!;
    const w = 1 / (between + within / k);
    const r = residual[i]! / k;
    devices[h]! += 1;
    weight[h]! += w;
    weighted[h]! += w * r;
    weightedSquares[h]! += w * r * r;
  }
  return {
    strata,
    sums: { devices, weight, weighted, weightedSquares, controlDevices, controlTrials, controlTrialSquares },
    components,
    between,
    priorDf: Math.min(mostPriorDf, components.df),
    isReady: isShare || components.batchDf >= leastBatchDf,
  };
}

/** Over the strata that `includes` lets in; undefined when no device of them can be compared. */
export function differenceOf(
  { strata, sums, components, between, priorDf }: Comparison,
  includes: (stratum: Stratum) => boolean,
): Difference | undefined {
  let [devices, weight, weighted, squares, controlDevices] = [0, 0, 0, 0, 0];
  const included = strata.map(includes);
  for (let h = 0; h < strata.length; h++) {
    if (!included[h]) continue;
    controlDevices += sums.controlDevices[h]!;
    devices += sums.devices[h]!;
    weight += sums.weight[h]!;
    weighted += sums.weighted[h]!;
    squares += sums.weightedSquares[h]!;
  }
  if (devices === 0) return undefined;
  const estimate = weighted / weight;
  const ownDf = devices - 1;
  const df = priorDf + ownDf;
  const phi = ownDf > 0 ? Math.max(0, squares - estimate * weighted) / ownDf : 0;
  const shrunk = df > 0 ? Math.max(phi, (priorDf + ownDf * phi) / df) : Infinity;
  let controlVariance = 0;
  for (let h = 0; h < strata.length; h++) {
    if (!included[h] || sums.weight[h] === 0) continue;
    controlVariance +=
      (sums.weight[h]! / weight) ** 2 * varianceOfControl(strata, sums, h, between, components.within);
  }
  return {
    estimate,
    variance: shrunk / weight + controlVariance,
    leastVariance: (shrunk * between) / devices,
    df,
    devices,
    controlDevices,
  };
}

/** Of the mean of a stratum's control, or of its type's where the stratum has none, as the ledger compares it. */
function varianceOfControl(
  strata: readonly Stratum[],
  { controlTrials, controlTrialSquares }: StratumSums,
  own: number,
  between: number,
  within: number,
): number {
  let [trials, trialSquares] = [controlTrials[own]!, controlTrialSquares[own]!];
  if (trials === 0) {
    for (let h = 0; h < strata.length; h++) {
      if (strata[h]!.type !== strata[own]!.type) continue;
      trials += controlTrials[h]!;
      trialSquares += controlTrialSquares[h]!;
    }
  }
  return trials === 0 ? 0 : (trialSquares * between + trials * within) / (trials * trials);
}
