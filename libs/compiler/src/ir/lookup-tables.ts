// Functions as tables that kernels look up or interpolate, in the float operations of TensorFlow Lite, so that entries are the
// reference's own.
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

/**
 * LUTPopulateInt16: 512 steps over all int16 values and one entry behind the last, interpolated. `transform` computes in
 * float32: it gets one and its result is rounded to one.
 */
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

/**
 * ELU of every int8 value, from -128 up, by the float operations of TFLM's PopulateLookupTable. The exponential is the correctly
 * rounded one; C libraries differ from it in the last bit of few floats.
 */
export function eluTable(input: TableScale, output: TableScale): number[] {
  const inverse = f(1 / output.scale);
  return Array.from({ length: 256 }, (_, i) => {
    const x = f(input.scale * (i - 128 - input.zeroPoint));
    const value = x < 0 ? f(f(Math.exp(x)) - 1) : x;
    const rounded = f(roundHalfAway(f(value * inverse)));
    return Math.min(Math.max(f(rounded + output.zeroPoint), -128), 127);
  });
}

/**
 * What int16 LOGISTIC and TANH interpolate: 2^16 / (1 + e^-x) - 2^15 for x = i / 24, less half of the interpolation's error in the
 * middle of the step, and all of the range in the last entry. This gives sigmoid_table_uint16 of TensorFlow Lite.
 */
export function sigmoidTable(): number[] {
  const at = (i: number): number => 65_536 / (1 + Math.exp(-i / 24));
  const error = (i: number): number => (at(i) + at(i + 1)) / 2 - at(i + 0.5);
  return [...Array.from({ length: 255 }, (_, i) => Math.round(at(i) - error(i) / 2) - 32_768), 32_767];
}
