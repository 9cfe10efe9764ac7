// Smallest and largest value of every tensor over the calibration samples, and the int8 scale that covers them.
import { roundHalfAway } from '../ir/multipliers.js';
import type { Quantization, TensorId } from '../ir/graph.js';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** Plain min-max: what calibration sees, without judgement. Values that are not finite are left out and counted. */
export class RangeObserver {
  private readonly seen = new Map<TensorId, { min: number; max: number }>();
  notFinite = 0;

  observe(id: TensorId, values: ArrayLike<number>): void {
    const range = this.seen.get(id) ?? { min: Infinity, max: -Infinity };
    let { min, max } = range;
    for (let i = 0; i < values.length; i++) {
      const value = values[i]!;
      if (value - value !== 0) {
        this.notFinite++;
        continue;
      }
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.seen.set(id, { min, max });
  }

  ranges(): ReadonlyMap<TensorId, Range> {
    return this.seen;
  }
}

export function rangeOf(values: ArrayLike<number>): Range {
  const observer = new RangeObserver();
  observer.observe(0, values);
  return observer.ranges().get(0)!;
}

/** Zero is always inside, as padding needs it exactly. */
export function union(a: Range, b: Range): Range {
  return { min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) };
}

/** int8 has 255 steps. Scales are float32, and the zero point is where the range's nearer end says: no end is cut off by more than half a step. */
export function asymmetricInt8(range: Range): Quantization {
  const [min, max] = [Math.min(0, range.min), Math.max(0, range.max)];
  const scale = positiveScale((max - min) / 255);
  const zeroPoint = Math.min(127, Math.max(-128, roundHalfAway(-128 - min / scale)));
  return { scales: [scale], zeroPoints: [zeroPoint], axis: null };
}

/** Nothing to tell apart: any scale is right, 1 is harmless. */
export function positiveScale(scale: number): number {
  const rounded = Math.fround(scale);
  return Number.isFinite(rounded) && rounded >= SMALLEST_SCALE ? rounded : 1;
}

/** Far below any signal, far above float32's subnormals, where products of scales would vanish. */
const SMALLEST_SCALE = 1e-15;

export function clampInt8(q: number): number {
  return Math.min(127, Math.max(-128, q));
}
