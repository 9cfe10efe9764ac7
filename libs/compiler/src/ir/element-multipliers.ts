// Multipliers of element-wise ops, as ir/multipliers.ts makes those of layers: TensorFlow Lite Micro's prepare steps, in their
// order of float and double operations. Releases differ in that (SUB, DIV and LEAKY_RELU were once prepared in floats); the
// vectors of tools/oracle named `ties` tell which is which. Ratios that a reference kernel has no defined result for are refused
// with RangeError, never clamped.
import { frexp, quantizeMultiplier, scaleOf, type Multiplier } from './multipliers.js';
import type { Tensor } from './graph.js';

const f = Math.fround;

export interface SumMultipliers {
  readonly leftShift: number;
  readonly a: Multiplier;
  readonly b: Multiplier;
  readonly output: Multiplier;
}

/** Fractional bits that both operands of a sum are given: what 32 bits leave. */
function leftShiftOf(output: Tensor): number {
  return output.dtype === 'int16' ? 15 : 20;
}

/** CalculateOpDataAdd, also for SUB: both inputs are brought to twice the larger scale, in doubles. */
export function addMultipliers(a: Tensor, b: Tensor, output: Tensor): SumMultipliers {
  const leftShift = leftShiftOf(output);
  const twiceMax = 2 * Math.max(scaleOf(a), scaleOf(b));
  return {
    leftShift,
    a: quantizeMultiplier(scaleOf(a) / twiceMax),
    b: quantizeMultiplier(scaleOf(b) / twiceMax),
    output: belowOne(twiceMax / (2 ** leftShift * scaleOf(output)), leftShift),
  };
}

function belowOne(real: number, leftShift: number): Multiplier {
  if (real >= 1) throw new RangeError(`an output scale 2^-${leftShift} of the inputs' leaves nothing to add`);
  return quantizeMultiplier(real);
}

/** CalculateOpDataMul. */
export function mulMultiplier(a: Tensor, b: Tensor, output: Tensor): Multiplier {
  return quantizeMultiplier((scaleOf(a) * scaleOf(b)) / scaleOf(output));
}

/** CalculateOpDataDiv. */
export function divMultiplier(a: Tensor, b: Tensor, output: Tensor): Multiplier {
  return quantizeMultiplier(scaleOf(a) / (scaleOf(b) * scaleOf(output)));
}

/** CalculatePreluParams: of positive inputs, and of negative ones times alpha. */
export function preluMultipliers(input: Tensor, alpha: Tensor, output: Tensor) {
  return {
    positive: rescale(input, output),
    negative: quantizeMultiplier((scaleOf(input) * scaleOf(alpha)) / scaleOf(output)),
  };
}

/** CalculateReluOpData and PrepareQuantizeReference: the ratio of the scales, in doubles. */
export function rescale(input: Tensor, output: Tensor): Multiplier {
  return quantizeMultiplier(scaleOf(input) / scaleOf(output));
}

/** CalculateOpDataLeakyRelu. The second is negative for a negative alpha. */
export function leakyReluMultipliers(input: Tensor, output: Tensor, alpha: number) {
  const real = (scaleOf(input) * alpha) / scaleOf(output);
  const negative = quantizeMultiplier(Math.abs(real));
  return {
    positive: rescale(input, output),
    negative: { value: real < 0 ? -negative.value : negative.value, shift: negative.shift },
  };
}

/** HardSwishPrepare: 16-bit multipliers of the output and of the factor, from inputs with 7 more fractional bits. */
export function hardSwishMultipliers(input: Tensor, output: Tensor) {
  const hires = f(scaleOf(input) / 128);
  const scaled = narrow(quantizeMultiplier(f(hires / scaleOf(output))));
  const factor = narrow(quantizeMultiplier(f(hires / f(3 / 32_768))));
  if (scaled.shift > 0 || scaled.shift < -15 || factor.shift < -15)
    throw new RangeError('the kernel shifts 16-bit numbers, and scales this far apart leave them');
  return { output: scaled, factor };
}

/** DownScaleInt32ToInt16Multiplier. */
function narrow({ value, shift }: Multiplier): Multiplier {
  return { value: value >= 0x7fff_7fff ? 0x7fff : (value + 0x8000) >> 16, shift };
}

const CURVE_INTEGER_BITS = 4;

/** LogisticPrepare and TanhPrepare for int8, CalculateInputRadius. Beyond 256, the whole of int8, the radius says nothing. */
export function curveMultiplier(input: Tensor): Multiplier & { readonly radius: number } {
  const { fraction, exponent: shift } = frexp(scaleOf(input) * 2 ** (31 - CURVE_INTEGER_BITS));
  if (shift < 0) throw new RangeError(`a scale of ${scaleOf(input)} is below 2^-27, the kernel's last bit`);
  const radius = Math.floor(((2 ** CURVE_INTEGER_BITS - 1) * 2 ** (31 - CURVE_INTEGER_BITS)) / 2 ** shift);
  // Without a radius nothing is ever multiplied, and the shift may be more than the kernel has.
  return radius === 0
    ? { value: 0, shift: 0, radius }
    : { value: fraction * 2 ** 31, shift, radius: Math.min(radius, 256) };
}

/**
 * LogisticPrepare and TanhPrepare for int16: to steps of 1 / (3 * 2^12). Powers of two that need no rounding are taken as
 * they are, `exact` says how many. The shift is to the right.
 */
export function wideCurveMultiplier(input: Tensor, exact: number): Multiplier {
  const scale = scaleOf(input);
  const left = Math.round(log2(scale)) + 12;
  if (isPowerOfTwo(scale) && left >= 0 && left <= exact) return { value: 3 * 2 ** left, shift: 0 };
  let real = scale * 4096 * 3;
  let shift = 0;
  while (real <= 32_767 / 2 && shift <= 30) {
    shift++;
    real *= 2;
  }
  const value = Math.trunc(real);
  if (value === 0 || value > 32_767)
    throw new RangeError(`the kernel has no multiplier for a scale of ${scale}`);
  return { value, shift };
}

function log2(x: number): number {
  return f(f(Math.log(x)) * f(1 / f(Math.log(2))));
}

/** CheckedLog2: within a thousandth of a power. */
export function isPowerOfTwo(x: number): boolean {
  return Math.abs(log2(x) - Math.round(log2(x))) < 1e-3;
}
