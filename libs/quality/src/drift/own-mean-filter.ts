/**
 * Judges each window of a device against the device's own past, shrunk to its group: a Kalman filter of y = b + a + e
 * (stream-noise.ts) with the state (b, a), many streams in one typed array.
 *
 * At the start b ~ N(0, between): the device is its group. Each window moves b towards what the device shows, by exactly as much as
 * the variances say (the BLUP of a random effect: Robinson 1991, Statist. Sci. 6). The innovations
 *   z = (y - b - a) / sqrt(S),   S = Var(b + a | past) + Var e
 * are independent standard normal while nothing changes (Kailath 1968): n, the length of the own healthy period and what devices
 * differ by are all in S. So a CUSUM of them keeps its ARL0 from the first window on, as self-starting charts do (Hawkins 1987, The
 * Statistician 36). After a shift d, z settles at d * response: the filter takes part of it for weather.
 */
import type { StreamNoise } from './stream-noise.js';

/** Doubles for each stream: b, a, Var b, Cov, Var a. */
export const FILTER_SIZE = 5;

export function startFilter(state: Float64Array, at: number, { between, wander }: StreamNoise): void {
  state[at] = 0;
  state[at + 1] = 0;
  state[at + 2] = between;
  state[at + 3] = 0;
  state[at + 4] = wander;
}

/** After a time that it did not see: its own mean is what it was, its surroundings may be anything. */
export function forgetSurroundings(state: Float64Array, at: number, { wander }: StreamNoise): void {
  state[at + 1] = 0;
  state[at + 3] = 0;
  state[at + 4] = wander;
}

/**
 * Takes in one window and answers its score z; 0 when the noise is 0.
 * @param gap windows since the last one, 1 = none was left out
 * @param variance of y from its own n
 */
export function filterStep(
  state: Float64Array,
  at: number,
  { phi, wander }: StreamNoise,
  window: { readonly y: number; readonly variance: number; readonly gap: number },
): number {
  const decay = window.gap === 1 ? phi : phi ** window.gap;
  const a = decay * state[at + 1]!;
  const varB = state[at + 2]!;
  const cov = decay * state[at + 3]!;
  const varA = decay * decay * state[at + 4]! + (1 - decay * decay) * wander;
  const total = varB + 2 * cov + varA + window.variance;
  if (!(total > 0)) return 0;
  const innovation = window.y - state[at]! - a;
  const [gainB, gainA] = [(varB + cov) / total, (cov + varA) / total];
  state[at]! += gainB * innovation;
  state[at + 1] = a + gainA * innovation;
  state[at + 2] = varB - gainB * (varB + cov);
  state[at + 3] = cov - gainB * (cov + varA);
  state[at + 4] = varA - gainA * (cov + varA);
  return innovation / Math.sqrt(total);
}

/** Mean of z for each unit of a lasting shift once the filter has settled and b is known. */
export function settledResponse({ phi, wander }: StreamNoise, variance: number): number {
  const { gain, total } = settled({ phi, wander }, variance);
  return total > 0 ? 1 / (1 + (phi * gain) / (1 - phi)) / Math.sqrt(total) : Infinity;
}

/** The same over the first 1, 2, ... windows of the shift: window by window the filter takes more of it for weather. */
export function firstResponses(
  { phi, wander }: Pick<StreamNoise, 'phi' | 'wander'>,
  variance: number,
  count: number,
): Float64Array {
  const { gain, total } = settled({ phi, wander }, variance);
  const means = new Float64Array(count);
  let [taken, sum] = [0, 0];
  for (let i = 0; i < count; i++) {
    sum += 1 - taken;
    taken = phi * (taken + gain * (1 - taken));
    means[i] = total > 0 ? sum / (i + 1) / Math.sqrt(total) : Infinity;
  }
  return means;
}

/** Steady state of the AR part alone: P = phi^2 P R / (P + R) + (1 - phi^2) wander. */
function settled(
  { phi, wander }: Pick<StreamNoise, 'phi' | 'wander'>,
  variance: number,
): { gain: number; total: number } {
  let p = wander;
  for (let i = 0; i < 200; i++)
    p = (phi * phi * p * variance) / (p + variance || 1) + (1 - phi * phi) * wander;
  const total = p + variance;
  return { gain: total > 0 ? p / total : 0, total };
}
