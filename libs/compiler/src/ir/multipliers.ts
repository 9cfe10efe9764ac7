// Real-valued scale factors as the kernels' integers: the one place in the compiler that computes in floating point, in
// the order of float and double operations of TensorFlow Lite Micro (quantization_util.cc, kernel_util.cc), so the
// integers are the reference kernels' own. Pure functions of scales; nothing here touches a tensor's data.
import type { Quantization, Tensor } from './graph.js';
import type { Activation } from './ops.js';

/** value * 2^(shift - 31), value in [2^30, 2^31) or 0; shift > 0 is a left shift. */
export interface Multiplier {
  readonly value: number;
  readonly shift: number;
}

const TWO_31 = 2 ** 31;

/** C's round(): half away from zero, exact for |x| < 2^52. */
export function roundHalfAway(x: number): number {
  return x < 0 ? -Math.floor(-x + 0.5) : Math.floor(x + 0.5);
}

/** C's frexp() for finite x > 0: x = fraction * 2^exponent, fraction in [0.5, 1). */
export function frexp(x: number): { fraction: number; exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, x);
  let biased = (view.getUint16(0) >> 4) & 0x7ff;
  let offset = 0;
  if (biased === 0) {
    // Subnormal: scaled into the normal range first.
    view.setFloat64(0, x * 2 ** 64);
    biased = (view.getUint16(0) >> 4) & 0x7ff;
    offset = -64;
  }
  view.setUint16(0, (view.getUint16(0) & 0x800f) | (1022 << 4));
  return { fraction: view.getFloat64(0), exponent: biased - 1022 + offset };
}

/** QuantizeMultiplier. Throws RangeError for what the kernels cannot shift by: reals from 2^30, infinities. */
export function quantizeMultiplier(real: number): Multiplier {
  if (!(real >= 0 && real < 2 ** 30)) throw new RangeError(`a scale ratio of ${real} is outside 0..2^30`);
  if (real === 0) return { value: 0, shift: 0 };
  const { fraction, exponent } = frexp(real);
  // fraction * 2^31 is exact in a double, and its rounding needs 31 bits.
  let value = roundHalfAway(fraction * TWO_31);
  let shift = exponent;
  if (value === TWO_31) {
    value /= 2;
    shift++;
  }
  return shift < -31 ? { value: 0, shift: 0 } : { value, shift };
}

/**
 * PopulateConvolutionQuantizationParams: per output channel, double(input) * double(filter) / double(output). Also for
 * FULLY_CONNECTED with per-channel weights.
 */
export function perChannelMultipliers(
  input: Tensor,
  filter: Tensor,
  output: Tensor,
  channels: number,
): Multiplier[] {
  const scales = quantizationOf(filter).scales;
  return Array.from({ length: channels }, (_, c) => {
    const filterScale = scales.length > 1 ? scales[c]! : scales[0]!;
    return quantizeMultiplier((scaleOf(input) * filterScale) / scaleOf(output));
  });
}

/** GetQuantizedConvolutionMultipler: the product of input and filter scale is rounded to float first. */
export function denseMultiplier(input: Tensor, filter: Tensor, output: Tensor): Multiplier {
  return quantizeMultiplier(Math.fround(scaleOf(input) * scaleOf(filter)) / scaleOf(output));
}

/** MEAN and SUM: input scale over output scale, in doubles. */
export function rescale(input: Tensor, output: Tensor): Multiplier {
  return quantizeMultiplier(scaleOf(input) / scaleOf(output));
}

/**
 * QuantizedMeanOrSum: 1/count is folded into the multiplier, truncating, with as much left shift as count has bits and
 * the final shift's range allows.
 */
export function meanMultiplier(input: Tensor, output: Tensor, count: number): Multiplier {
  const { value, shift } = rescale(input, output);
  const left = Math.min(31 - Math.clz32(count), 31 + shift);
  return { value: Number((BigInt(value) << BigInt(left)) / BigInt(count)), shift: shift - left };
}

const SOFTMAX_INTEGER_BITS = 5;

/** PreprocessSoftmaxScaling and CalculateInputRadius: multiplier of the difference to the maximum, smallest difference. */
export function softmaxMultiplier(input: Tensor, beta: number): Multiplier & { readonly diffMin: number } {
  const real = Math.min(beta * scaleOf(input) * 2 ** (31 - SOFTMAX_INTEGER_BITS), TWO_31 - 1);
  const { value, shift } = quantizeMultiplier(real);
  const radius = ((2 ** SOFTMAX_INTEGER_BITS - 1) * 2 ** (31 - SOFTMAX_INTEGER_BITS)) / 2 ** shift;
  return { value, shift, diffMin: -Math.floor(radius) };
}

/** CalculateSoftmaxParams for int16: differences to the maximum become -65535..0 for -10..0. */
export function softmaxMultiplier16(input: Tensor, beta: number): Multiplier {
  return quantizeMultiplier((scaleOf(input) * beta) / (10 / 65_535));
}

/** Most that the 64-bit accumulators of int16 layers can be shifted left (MultiplyByQuantizedMultiplier). */
const MOST_LEFT_SHIFT_64 = 7;

/** Multipliers of int16 activations are reduced to 16 bits at run time, and their left shift ends at 7. */
export function for64Bits(multipliers: Multiplier[]): Multiplier[] {
  const bad = multipliers.find((m) => m.shift > MOST_LEFT_SHIFT_64);
  if (bad !== undefined)
    throw new RangeError(`a scale ratio from 2^${MOST_LEFT_SHIFT_64} on is beyond int16 layers`);
  return multipliers;
}

/** CalculateActivationRangeQuantized. The quotient is a float, as in the reference. */
export function activationRange(activation: Activation, output: Tensor): { min: number; max: number } {
  const [low, high] = output.dtype === 'int16' ? [-32_768, 32_767] : [-128, 127];
  const quantize = (real: number): number =>
    zeroPointOf(output) + roundHalfAway(Math.fround(real / scaleOf(output)));
  switch (activation) {
    case 'none':
      return { min: low, max: high };
    case 'relu':
      return { min: Math.max(low, quantize(0)), max: high };
    case 'relu6':
      return { min: Math.max(low, quantize(0)), max: Math.min(high, quantize(6)) };
    case 'relu_n1_to_1':
      return { min: Math.max(low, quantize(-1)), max: Math.min(high, quantize(1)) };
  }
}

function quantizationOf(tensor: Tensor): Quantization {
  if (tensor.quantization === null) throw new Error(`invariant: ${tensor.name} has no quantization`);
  return tensor.quantization;
}

export function scaleOf(tensor: Tensor): number {
  return quantizationOf(tensor).scales[0]!;
}

export function zeroPointOf(tensor: Tensor): number {
  return quantizationOf(tensor).zeroPoints[0]!;
}
