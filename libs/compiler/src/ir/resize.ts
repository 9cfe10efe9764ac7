// Coordinates of resized images, as TFLite computes them. The nearest neighbour's are floats there: made here, so that a
// device has a table of them.
import { roundHalfAway } from './multipliers.js';
import type { ResizeAttrs } from './ops/movement.js';

/** GetNearestNeighbor for each output coordinate; every operation rounds to float32. */
export function nearestSources(from: number, to: number, attrs: ResizeAttrs): number[] {
  const { alignCorners, halfPixelCenters } = attrs;
  const scale =
    alignCorners && to > 1
      ? Math.fround((from - 1) / Math.fround(to - 1))
      : Math.fround(from / Math.fround(to));
  const offset = halfPixelCenters ? 0.5 : 0;
  return Array.from({ length: to }, (_, i) => {
    const at = Math.fround(Math.fround(i + offset) * scale);
    const index = Math.min(alignCorners ? roundHalfAway(at) : Math.floor(at), from - 1);
    return halfPixelCenters ? Math.max(0, index) : index;
  });
}

/** ResizeBilinearInteger: input pixels per output pixel with 10 fractional bits, rounded to nearest. */
export function bilinearScale(from: number, to: number, alignCorners: boolean): number {
  const [numerator, denominator] = alignCorners && to > 1 ? [from - 1, to - 1] : [from, to];
  return Math.floor((1024 * numerator + Math.floor(denominator / 2)) / denominator);
}
