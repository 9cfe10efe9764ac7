/**
 * Location and scale that a few strangers do not move: Huber's proposal 2 (Huber 1964, Ann. Math. Statist. 35; Huber and Ronchetti
 * 2009, Robust Statistics, section 6.4). Both solve
 *   sum psi((x - m) / s) = 0,   sum psi((x - m) / s)^2 = (n - 1) E psi(Z)^2,   psi(u) = u clipped to [-k, k], Z standard normal,
 * so that for normal values s is their standard deviation. With k = 1.5 the location has 96 % of the efficiency of the mean.
 */
import { normalCdf, normalDensity } from './distributions.js';

const CLIP = 1.5;
/** E psi(Z)^2 */
const CLIPPED_SQUARE =
  2 * normalCdf(CLIP) - 1 - 2 * CLIP * normalDensity(CLIP) + 2 * CLIP * CLIP * (1 - normalCdf(CLIP));
const ROUNDS = 50;

export interface LocationScale {
  readonly location: number;
  readonly scale: number;
}

/** @param leastScale what the values are rounded to, or more: their scale is never below it */
export function huberLocationScale(values: readonly number[], leastScale: number): LocationScale {
  let location = median(values);
  let scale = Math.max(leastScale, 1.4826 * median(values.map((x) => Math.abs(x - location))));
  for (let i = 0; i < ROUNDS; i++) {
    let [sum, squares] = [0, 0];
    for (const x of values) {
      const u = Math.max(-CLIP, Math.min(CLIP, (x - location) / scale));
      sum += u;
      squares += u * u;
    }
    const step = (scale * sum) / values.length;
    const next = Math.max(
      leastScale,
      scale * Math.sqrt(squares / (Math.max(1, values.length - 1) * CLIPPED_SQUARE)),
    );
    const isDone = Math.abs(step) + Math.abs(next - scale) < 1e-9 * scale;
    location += step;
    scale = next;
    if (isDone) break;
  }
  return { location, scale };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}
