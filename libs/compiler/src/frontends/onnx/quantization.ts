// QDQ models: QuantizeLinear and DequantizeLinear around float operators say in which integers each tensor is to be
// computed. They vanish here: the tensor between takes their scale and zero point, and the operators become integer ones.
// uint8 is int8 with the zero point moved by 128, the same reals.
import type { Quantization, TensorId } from '../../ir/graph.js';
import { nodeFault } from '../net/fault.js';
import type { TensorType } from '../net/graph-writer.js';
import { numbers, type NdArray } from '../net/nd-array.js';
import type { OnnxContext } from './context.js';
import { FOLDS } from './folding.js';
import type { NodeProto } from './schema.js';

/** Results are elements of the first operand, maybe clamped: one quantization serves both. */
const SAME_SCALE: ReadonlySet<string> = new Set([
  'Reshape', 'Flatten', 'Transpose', 'Squeeze', 'Unsqueeze', 'Identity', 'Dropout', 'Relu', 'Clip', 'MaxPool',
  'GlobalMaxPool', 'AveragePool', 'GlobalAveragePool', 'Slice', 'Split', 'Gather', 'Pad', 'Resize', 'Upsample',
  'ReduceMax', 'ReduceMin',
]); // prettier-ignore

/** What TFLite's kernels give these whatever the file says; converted behind them where it differs. */
export const FIXED_SCALES: Readonly<Record<string, readonly [scale: number, zeroPoint: number]>> = {
  Softmax: [1 / 256, -128],
  Sigmoid: [1 / 256, -128],
  Tanh: [1 / 128, 0],
};

export interface QdqGraph {
  /** Quantization of tensors by the name of what they are in floats. */
  readonly scales: ReadonlyMap<string, Quantization>;
  /** Name -> the name it stands for. */
  readonly aliases: ReadonlyMap<string, string>;
  /** QuantizeLinear nodes that convert to a second scale, by position. */
  readonly conversions: ReadonlySet<number>;
}

/** `constants`: initializers by name, read when asked. */
export function analyze(
  nodes: readonly NodeProto[],
  constants: ReadonlyMap<string, () => NdArray>,
): QdqGraph {
  const scales = new Map<string, Quantization>();
  const aliases = new Map<string, string>();
  const conversions = new Set<number>();
  const constant = constantNames(nodes, constants);
  const resolve = (name: string): string => aliases.get(name) ?? name;
  nodes.forEach((node, i) => {
    const [from, to] = [resolve(node.input[0] ?? ''), node.output[0] ?? ''];
    if (constant.has(from)) return;
    if (node.opType !== 'QuantizeLinear' && node.opType !== 'DequantizeLinear') return;
    const q = parameters(node, constants);
    const known = scales.get(from);
    if (known === undefined || same(known, q)) {
      scales.set(from, q);
      aliases.set(to, from);
    } else if (node.opType === 'QuantizeLinear') {
      conversions.add(i);
      scales.set(to, q);
    } else {
      throw quantizationFault(node, 'it is read back with another scale than it was written with');
    }
  });
  if (scales.size > 0) spread(nodes, { scales, resolve });
  return { scales, aliases, conversions };
}

/** Names whose values do not depend on the input. */
function constantNames(nodes: readonly NodeProto[], initial: ReadonlyMap<string, unknown>): Set<string> {
  const names = new Set(initial.keys());
  for (const { opType, input, output } of nodes) {
    const folds = opType in FOLDS || opType.endsWith('quantizeLinear') || opType === 'QuantizeLinear';
    const made = opType === 'Constant' || opType === 'Shape' || opType === 'Size';
    if (made || (folds && input.every((name) => name === '' || names.has(name))))
      output.forEach((name) => names.add(name));
  }
  return names;
}

/** Tensors between operators that only move or clamp take their neighbour's quantization. */
function spread(
  nodes: readonly NodeProto[],
  { scales, resolve }: { scales: Map<string, Quantization>; resolve: (name: string) => string },
): void {
  const readers = new Map<string, number>();
  for (const node of nodes)
    for (const name of new Set(node.input.map(resolve)))
      if (!node.opType.endsWith('uantizeLinear')) readers.set(name, (readers.get(name) ?? 0) + 1);
  const moving = nodes.filter(({ opType }) => SAME_SCALE.has(opType));
  for (const { input, output } of [...moving].reverse()) {
    const [from, to] = [resolve(input[0] ?? ''), scales.get(resolve(output[0] ?? ''))];
    if (to !== undefined && !scales.has(from) && readers.get(from) === 1) scales.set(from, to);
  }
  for (const { opType, input, output } of nodes) {
    const from = scales.get(resolve(input[0] ?? ''));
    const [scale, zero] = FIXED_SCALES[opType] ?? [];
    for (const name of output.map(resolve)) {
      if (from === undefined || scales.has(name)) continue;
      if (SAME_SCALE.has(opType)) scales.set(name, from);
      else if (scale !== undefined) scales.set(name, { scales: [scale], zeroPoints: [zero!], axis: null });
    }
  }
}

function same(a: Quantization, b: Quantization): boolean {
  return a.scales.join() === b.scales.join() && a.zeroPoints.join() === b.zeroPoints.join();
}

function parameters(node: NodeProto, constants: ReadonlyMap<string, () => NdArray>): Quantization {
  const scale = constants.get(node.input[1] ?? '')?.();
  const zero = constants.get(node.input[2] ?? '')?.();
  if (scale === undefined || (zero === undefined && (node.input[2] ?? '') !== ''))
    throw quantizationFault(node, 'its scale or zero point is not a constant');
  if (scale.values.length !== 1) throw quantizationFault(node, 'activations need one scale per tensor');
  const q = quantizationOf(scale, zero ?? null, 0);
  if (typeof q === 'string') throw quantizationFault(node, q);
  return q;
}

function quantizationFault(node: NodeProto, reason: string) {
  const tensor = node.input[0] ?? '';
  return nodeFault('compiler.quantization-invalid', { tensor, reason }, { op: node.name, tensor });
}

/** As the IR says it, int8; or what is wrong. Without a zero point ONNX means uint8 and 0. */
function quantizationOf(scale: NdArray, zero: NdArray | null, axis: number): Quantization | string {
  const dtype = zero?.dtype ?? 'uint8';
  if (dtype !== 'int8' && dtype !== 'uint8' && dtype !== 'int32') return `its integers are ${dtype}`;
  const scales = [...scale.values];
  if (!scales.every((s) => Number.isFinite(s) && s > 0)) return 'a scale is not a positive number';
  const shift = dtype === 'uint8' ? 128 : 0;
  const zeroPoints = scales.map((_, i) => (zero?.values[i] ?? zero?.values[0] ?? 0) - shift);
  return { scales, zeroPoints, axis: scales.length === 1 ? null : axis };
}

/** QuantizeLinear or DequantizeLinear of a constant: integers that carry their scale. */
export function quantizedConstant(c: OnnxContext): NdArray {
  const [x, scale, zero] = [c.constant(0), c.constant(1), c.optionalConstant(2)];
  const axis =
    x.shape.length === 0 ? 0 : c.axis(c.int('axis', Math.min(1, x.shape.length - 1)), x.shape.length);
  const dtype = zero?.dtype ?? (c.opType === 'DequantizeLinear' ? x.dtype : 'uint8');
  const kind = zero ?? { dtype, shape: [], values: numbers(dtype, 1), quantization: null };
  const q = quantizationOf(scale, kind, axis);
  if (typeof q === 'string') throw c.invalid(q);
  if (q.axis !== null && q.scales.length !== x.shape[axis])
    throw c.invalid(`${q.scales.length} scales for dimension ${axis} of [${x.shape.join(', ')}]`);
  if (c.opType === 'DequantizeLinear') {
    if (x.quantization !== null) return x;
    if (x.dtype !== 'uint8') return { ...x, quantization: q };
    return { ...x, dtype: 'int8', values: Int8Array.from(x.values, (v) => v - 128), quantization: q };
  }
  const inner = x.shape.slice(axis + 1).reduce((n, extent) => n * extent, 1);
  const values = Int8Array.from(x.values, (value, i) => {
    const slot = q.axis === null ? 0 : Math.floor(i / inner) % q.scales.length;
    const scaled = roundHalfEven(Math.fround(value / q.scales[slot]!)) + q.zeroPoints[slot]!;
    return Math.min(127, Math.max(-128, scaled));
  });
  return { dtype: 'int8', shape: x.shape, values, quantization: q };
}

/** ONNX rounds to even here. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  if (x - floor !== 0.5) return Math.round(x);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Weights as the integer kernels need them: symmetric, sliced along `axis`; floats as they are. */
export function checkWeights(c: OnnxContext, weights: NdArray, axis: number): NdArray {
  const q = weights.quantization;
  const tensor = `${c.name} weights`;
  const bad = (reason: string) =>
    nodeFault('compiler.quantization-invalid', { tensor, reason }, { op: c.name, tensor });
  const integer = c.isQuantized();
  if (!integer && q !== null) {
    // Weight-only quantization of a float model: the reals they stand for.
    return dequantized(weights);
  }
  if (!integer) return weights;
  if (q === null || weights.dtype !== 'int8') throw bad('they are not quantized to int8');
  if (q.axis !== null && q.axis !== axis) throw bad(`their scales run along dimension ${q.axis}`);
  if (q.zeroPoints.some((z) => z !== 0)) throw bad('weights need zero point 0 (symmetric quantization)');
  return weights;
}

export function dequantized(array: NdArray): NdArray {
  const q = array.quantization;
  if (q === null) return array;
  const inner = q.axis === null ? 1 : array.shape.slice(q.axis + 1).reduce((n, extent) => n * extent, 1);
  const values = Float32Array.from(array.values, (value, i) => {
    const slot = q.axis === null ? 0 : Math.floor(i / inner) % q.scales.length;
    return (value - q.zeroPoints[slot]!) * q.scales[slot]!;
  });
  return { dtype: 'float32', shape: array.shape, values, quantization: null };
}

/** A bias in the accumulator's scale, or floats; null when there is none or it is all zero. */
export function biasFor(
  c: OnnxContext,
  position: number,
  o: { readonly input: TensorId; readonly weights: NdArray; readonly channels: number },
): NdArray | null {
  if (!c.has(position)) return null;
  const given = c.constant(position);
  if (given.values.length !== o.channels)
    throw c.invalid(`a bias of ${given.values.length} values for ${o.channels} channels`);
  return scaledBias(c.writer.type(o.input), { ...given, shape: [o.channels] }, o.weights);
}

/** `bias` as floats, or as int32 in the scale of input x weights. */
export function scaledBias(input: TensorType, bias: NdArray, weights: NdArray): NdArray {
  const real = dequantized(bias);
  if (input.quantization === null || weights.quantization === null) return real;
  const [inputScale] = input.quantization.scales as [number];
  const scales = weights.quantization.scales.map((s) => Math.fround(s * inputScale));
  const exact = bias.dtype === 'int32' && bias.quantization !== null;
  const values = Int32Array.from({ length: bias.values.length }, (_, i) => {
    const scale = scales.length === 1 ? scales[0]! : scales[i]!;
    const own = bias.quantization?.scales[bias.quantization.axis === null ? 0 : i];
    if (exact && own !== undefined && Math.abs(own / scale - 1) < 1e-4) return bias.values[i]!;
    return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, roundHalfEven(real.values[i]! / scale)));
  });
  const axis = scales.length === 1 ? null : 0;
  const quantization = { scales, zeroPoints: scales.map(() => 0), axis };
  return { dtype: 'int32', shape: bias.shape, values, quantization };
}
