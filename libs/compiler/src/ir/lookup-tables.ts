// Functions as tables that kernels interpolate: 512 steps over all int16 values and one entry behind the last, in the float
// operations of TensorFlow Lite's LUTPopulateInt16, so that entries are the reference's own.
import { roundHalfAway } from './multipliers.js';

export interface TableScale {
  /** A float32. */
  readonly scale: number;
  readonly zeroPoint: number;
}

const STEPS = 512;
const f = Math.fround;
const round = (x: number): number => f(roundHalfAway(x));
const clamp = (x: number): number => Math.min(Math.max(x, -32_768), 32_767);

/** `transform` computes in float32: it gets one and its result is rounded to one. */
export function int16Table(
  input: TableScale,
  output: TableScale,
  transform: (x: number) => number,
): number[] {
  const [inScale, outScale] = [f(input.scale), f(output.scale)];
  const lowest = f(inScale * (-32_768 - input.zeroPoint));
  const highest = f(inScale * (32_767 - input.zeroPoint));
  const step = f(f(highest - lowest) / STEPS);
  const half = f(step / 2);
  const reach = f(f(outScale * (32_767 - output.zeroPoint)) - f(outScale * (-32_768 - output.zeroPoint)));
  const inverse = f(65_536 / reach);
  const at = (x: number): number => f(transform(f(x)));
  const entries = Array.from({ length: STEPS }, (_, i) => {
    const start = f(lowest + f(i * step));
    const value = at(start);
    const sample = round(f(value * inverse));
    const middle = round(f(at(f(start + half)) * inverse));
    const next = f(at(f(lowest + f((i + 1) * step))) * inverse);
    // Half of the interpolation's error in the middle of a step is taken off its start.
    const error = f(round(f(f(next + sample) / 2)) - middle);
    return clamp(f(sample - round(f(error / 2))));
  });
  return [...entries, clamp(round(f(at(highest) * inverse)))];
}
