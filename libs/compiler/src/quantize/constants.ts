// Constants of a float graph as the integers of a quantized one. Rounding is TFLite's: half away from zero.
import { DTYPE_BYTES, elements, float32Values, type Quantization, type Tensor } from '../ir/graph.js';
import { roundHalfAway } from '../ir/multipliers.js';
import { clampInt8, positiveScale, type Range } from './ranges.js';

type Content = Pick<Tensor, 'dtype' | 'quantization' | 'data'>;

/** Per-tensor int8, for operands that are data: an added constant, a slope. */
export function int8Data(tensor: Tensor, quantization: Quantization): Content {
  const data = new Uint8Array(elements(tensor));
  float32Values(tensor).forEach((value, i) => {
    data[i] = quantizedValue(value, quantization) & 0xff;
  });
  return { dtype: 'int8', quantization, data };
}

/** Saturated. */
export function quantizedValue(value: number, { scales, zeroPoints }: Quantization): number {
  return clampInt8(roundHalfAway(value / scales[0]!) + zeroPoints[0]!);
}

/**
 * Symmetric int8 in -127..127, one scale per slice of `axis`, or one in all. `leastScales` are lower bounds: a bias that is huge beside its
 * weights must fit int32 in units of input scale times weight scale.
 */
export function int8Weights(
  tensor: Tensor,
  axis: number | null,
  leastScale: (slice: number) => number,
): Content & { readonly quantization: Quantization } {
  const values = float32Values(tensor);
  const slices = axis === null ? 1 : tensor.shape[axis]!;
  const inner = axis === null ? values.length : elements({ shape: tensor.shape.slice(axis + 1) });
  const sliceOf = (i: number): number => Math.floor(i / inner) % slices;
  const largest = new Float64Array(slices);
  values.forEach((value, i) => {
    const slice = sliceOf(i);
    largest[slice] = Math.max(largest[slice]!, Math.abs(value));
  });
  const scales = Array.from(largest, (most, slice) =>
    Math.max(positiveScale(most / 127), Math.fround(leastScale(slice))),
  );
  const data = new Uint8Array(values.length);
  values.forEach((value, i) => {
    const q = roundHalfAway(value / scales[sliceOf(i)]!);
    data[i] = Math.min(127, Math.max(-127, q)) & 0xff;
  });
  const several = slices > 1;
  return {
    dtype: 'int8',
    quantization: { scales, zeroPoints: scales.map(() => 0), axis: several ? axis : null },
    data,
  };
}

/** Half of int32: leaves room for the products that are added to it. */
const LARGEST_BIAS = 2 ** 30;

/** The least weight scale with which this bias fits. */
export function leastWeightScale(bias: number, inputScale: number): number {
  return Math.abs(bias) / (LARGEST_BIAS * inputScale);
}

/** int32 in units of input scale times weight scale. */
export function int32Bias(bias: Tensor, inputScale: number, weights: Quantization): Content {
  const values = float32Values(bias);
  const scales = weights.scales.map((scale) => Math.fround(inputScale * scale));
  const data = new Uint8Array(values.length * DTYPE_BYTES.int32);
  const view = new DataView(data.buffer);
  values.forEach((value, i) => {
    const scale = inputScale * weights.scales[weights.scales.length > 1 ? i : 0]!;
    view.setInt32(i * 4, roundHalfAway(value / scale), true);
  });
  const known = scales.every((scale) => scale > 0);
  const quantization = known
    ? { scales, zeroPoints: scales.map(() => 0), axis: scales.length > 1 ? 0 : null }
    : null;
  return { dtype: 'int32', quantization, data };
}

/** An LSTM's cell state: int16 in a power of two that covers its range, within +-1 and +-64, where a tanh is flat. */
export function int16Cell(range: Range | undefined): Content {
  const most = Math.max(Math.abs(range?.min ?? 0), Math.abs(range?.max ?? 0), 2 ** -12);
  const power = Math.min(-9, Math.max(-15, Math.ceil(Math.log2(most / 32_767))));
  return { dtype: 'int16', quantization: { scales: [2 ** power], zeroPoints: [0], axis: null }, data: null };
}
