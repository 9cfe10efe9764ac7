/**
 * How a stream of window values moves while all is well, learned from the healthy period of a fleet.
 *
 * Device j, window t, after what all devices share in that hour has been taken away:
 *   y_jt = b_j + a_jt + e_jt,  Var b = between,  a = AR(1) with coefficient phi and variance wander,  Var e = known from n.
 * b is the device's own mean, a what its surroundings do from window to window. phi and wander are fitted to the variogram
 *   g(h) = E (y_t - y_t+h)^2 / 2 = wander (1 - phi^h) + noise,
 * which b is not in (Cressie 1993, "Statistics for Spatial Data", 2.4); `between` comes from variance-components.ts with days as
 * batches.
 */
import { noComponentSums, varianceComponents } from '../statistics/variance-components.js';

export interface StreamNoise {
  /** Variance of the devices' own means. */
  readonly between: number;
  /** Variance of what wanders from window to window within a device. */
  readonly wander: number;
  /** Its correlation from one window to the next, 0 .. .98. */
  readonly phi: number;
}

/** Lags of the variogram, in windows. */
const lags = [1, 2, 3, 5, 8, 12];
/** Windows in a batch. */
const BATCH = 24;

/**
 * @param values windows x devices, NaN where there is none
 * @param noise variance of each value from its own n, same shape
 */
export function learnStreamNoise(values: Float64Array, noise: Float64Array, devices: number): StreamNoise {
  const rounds = values.length / devices;
  const sums = new Float64Array(lags.length);
  const counts = new Float64Array(lags.length);
  const components = { ...noComponentSums(), groups: 1 };
  const means = new Float64Array(devices);
  const sizes = new Float64Array(devices);
  let grand = 0;
  for (let j = 0; j < devices; j++) {
    addBatches(j);
    lags.forEach((lag, l) => {
      for (let t = 0; t + lag < rounds; t++) {
        const [here, there] = [t * devices + j, (t + lag) * devices + j];
        const difference = values[here]! - values[there]!;
        if (Number.isNaN(difference)) continue;
        // What is known to be noise of the two is taken away at once: their n differ.
        sums[l]! += (difference * difference - noise[here]! - noise[there]!) / 2;
        counts[l]!++;
      }
    });
  }
  for (let j = 0; j < devices; j++) {
    if (sizes[j] === 0) continue;
    components.devices++;
    components.trials += sizes[j]!;
    components.trialSquares += sizes[j]! ** 2;
    grand += sizes[j]! * means[j]!;
  }
  grand /= Math.max(1, components.trials);
  for (let j = 0; j < devices; j++) components.betweenSquares += sizes[j]! * (means[j]! - grand) ** 2;
  const { between } = varianceComponents(components);
  return { between, ...fitVariogram(sums, counts) };

  function addBatches(j: number): void {
    const batches: { n: number; mean: number }[] = [];
    for (let start = 0; start < rounds; start += BATCH) {
      let [n, sum] = [0, 0];
      for (let t = start; t < Math.min(rounds, start + BATCH); t++) {
        const value = values[t * devices + j]!;
        if (Number.isNaN(value)) continue;
        n++;
        sum += value;
      }
      if (n > 0) batches.push({ n, mean: sum / n });
    }
    sizes[j] = batches.reduce((total, { n }) => total + n, 0);
    if (sizes[j] === 0) return;
    means[j] = batches.reduce((total, { n, mean }) => total + n * mean, 0) / sizes[j];
    for (const { n, mean } of batches) components.withinSquares += n * (mean - means[j]) ** 2;
    components.batchDf += batches.length - 1;
  }
}

/** Least squares over phi on a grid; for each the best variance is explicit. */
function fitVariogram(sums: Float64Array, counts: Float64Array): { wander: number; phi: number } {
  let best = { wander: 0, phi: 0, error: Infinity };
  for (let phi = 0; phi <= 0.98; phi += 0.02) {
    let [xy, xx] = [0, 0];
    lags.forEach((lag, l) => {
      const x = 1 - phi ** lag;
      xy += x * sums[l]!;
      xx += x * x * counts[l]!;
    });
    const wander = xx > 0 ? Math.max(0, xy / xx) : 0;
    let error = 0;
    lags.forEach((lag, l) => {
      if (counts[l]! > 0) error += counts[l]! * (sums[l]! / counts[l]! - wander * (1 - phi ** lag)) ** 2;
    });
    if (error < best.error * (1 - 1e-9)) best = { wander, phi, error };
  }
  return { wander: best.wander, phi: best.wander > 0 ? best.phi : 0 };
}
