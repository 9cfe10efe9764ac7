// Operators on elements: arithmetic with broadcasting, activations, batch normalization as a product and a sum.
import type { TensorId } from '../../../ir/graph.js';
import {
  binary,
  leakyRelu,
  prelu,
  relu,
  softmax,
  unary,
  type BinaryKind,
  type UnaryKind,
} from '../../net/emit.js';
import type { TensorType } from '../../net/graph-writer.js';
import { floats, permuted, product, reshaped, type NdArray } from '../../net/nd-array.js';
import type { OnnxContext } from '../context.js';
import { dequantized, FIXED_SCALES } from '../quantization.js';
import {
  activation,
  canonical,
  identity,
  inOrder,
  shapeInOrder,
  type Activation,
  type Order,
  type Value,
} from '../values.js';

/** Two operands or, for Max, Min and Sum, any number of them. */
export function importBinary(kind: BinaryKind, c: OnnxContext): void {
  const [first, ...rest] = c.inputs;
  if (!first) throw c.invalid('it has no operand');
  if (rest.length === 0) return c.result(c.settled(0));
  let result: Value = first;
  rest.forEach((operand, i) => {
    if (operand === null) throw c.invalid(`operand ${i + 1} is missing`);
    const name = rest.length === 1 ? c.name : `${c.name}/${i}`;
    result = combine(c, kind, [result, operand], name);
  });
  c.result(result as Activation);
}

function combine(c: OnnxContext, kind: BinaryKind, [left, right]: [Value, Value], name: string): Activation {
  const [a, b] = [settled(c, left), settled(c, right)];
  const rank = Math.max(shapeOf(a).length, shapeOf(b).length);
  const leader = leaderOf(a, b);
  // Who decides the order must have all dimensions.
  const order = leader.shape.length === rank ? leader.order : identity(rank);
  const ids = [a, b].map((value, i) => aligned(c, value, { rank, order, name: `${name}/operand${i}` }));
  const [x, y] = ids as [TensorId, TensorId];
  const id = binary(c.writer, kind, x, y, { name, type: c.type() });
  const shape: number[] = [];
  order.forEach((k, i) => k >= 0 && (shape[k] = c.writer.shape(id)[i]!));
  return activation(id, shape, order);
}

function settled(c: OnnxContext, value: Value): Value {
  if (value.kind === 'tensor' && value.unflattened !== undefined) return canonical(c.writer, value);
  return value;
}

function shapeOf(value: Value): readonly number[] {
  return value.kind === 'tensor' ? value.shape : value.kind === 'constant' ? value.array.shape : [];
}

/** The computed operand whose order both take: the larger one, so that less moves. */
function leaderOf(a: Value, b: Value): { shape: readonly number[]; order: Order } {
  const computed = [a, b].filter((value) => value.kind === 'tensor');
  const [first, second] = computed as [Activation?, Activation?];
  if (first === undefined) return { shape: shapeOf(a), order: identity(shapeOf(a).length) };
  if (second === undefined) return first;
  return product(second.shape) > product(first.shape) ? second : first;
}

/** An operand with as many dimensions as the result, in its order. */
function aligned(
  c: OnnxContext,
  value: Value,
  o: { readonly rank: number; readonly order: Order; readonly name: string },
): TensorId {
  const { writer } = c;
  if (value.kind === 'constant') return writer.constant(o.name, orderedConstant(c, value.array, o));
  const tensor = value as Activation;
  if (tensor.shape.length === o.rank) return inOrder(writer, tensor, o.order).id;
  const plain = canonical(writer, tensor);
  const shape = [...Array<number>(o.rank - plain.shape.length).fill(1), ...plain.shape];
  const wide = activation(writer.reshape(plain.id, shape, `${o.name}/wide`), shape);
  return inOrder(writer, wide, o.order).id;
}

/** Leading dimensions of 1 up to `rank`, then in the order of the IR. */
function orderedConstant(
  c: OnnxContext,
  array: NdArray,
  { rank, order }: { readonly rank: number; readonly order: Order },
): NdArray {
  const typed = c.isQuantized() ? array : dequantized(array);
  if (c.isQuantized() && array.quantization === null)
    throw c.option('a float constant between integers', 'quantize the constant as well');
  const shape = [...Array<number>(rank - array.shape.length).fill(1), ...array.shape];
  const wide = reshaped(typed, shape);
  const moved = permuted(
    wide,
    order.filter((k) => k >= 0),
  );
  return reshaped(moved, shapeInOrder(shape, order));
}

export function importUnary(kind: UnaryKind, c: OnnxContext): void {
  const x = c.settled(0);
  c.elementWise(x, unary(c.writer, kind, x.id, { name: c.name, type: fixedType(c) }));
}

/** Of operators whose integer kernels know one output scale only. */
function fixedType(c: OnnxContext): TensorType {
  const type = c.type();
  const [scale, zeroPoint] = FIXED_SCALES[c.opType] ?? [];
  if (type.quantization === null || scale === undefined) return type;
  return { ...type, quantization: { scales: [scale], zeroPoints: [zeroPoint!], axis: null } };
}

export function importRelu(c: OnnxContext): void {
  const x = c.settled(0);
  c.elementWise(x, relu(c.writer, x.id, 'relu', { name: c.name, type: c.type() }));
}

export function importClip(c: OnnxContext): void {
  const low = bound(c, 1, 'min', -Infinity);
  const high = bound(c, 2, 'max', Infinity);
  const x = c.settled(0);
  const named = { name: c.name, type: c.type() };
  const known = CLAMPS[`${low},${high >= 3e38 ? Infinity : high}`];
  if (known !== undefined) return c.elementWise(x, relu(c.writer, x.id, known, named));
  let id = x.id;
  const type = c.writer.type(x.id);
  const limit = (value: number, what: string): TensorId => {
    const q = type.quantization;
    const rank = c.writer.shape(x.id).length;
    const shape = Array<number>(rank).fill(1);
    if (q === null) return c.writer.floats(`${c.name}/${what}`, shape, [value]);
    const integer = Math.min(127, Math.max(-128, Math.round(value / q.scales[0]!) + q.zeroPoints[0]!));
    const array = { dtype: 'int8' as const, shape, values: Int8Array.of(integer), quantization: q };
    return c.writer.constant(`${c.name}/${what}`, array);
  };
  if (low > -3e38) id = binary(c.writer, 'maximum', id, limit(low, 'min'), { name: `${c.name}/low` });
  if (high < 3e38) id = binary(c.writer, 'minimum', id, limit(high, 'max'), { name: c.name });
  c.elementWise(x, id);
}

const CLAMPS: Readonly<Record<string, 'relu' | 'relu6' | 'relu_n1_to_1'>> = {
  '0,Infinity': 'relu',
  '0,6': 'relu6',
  '-1,1': 'relu_n1_to_1',
};

function bound(c: OnnxContext, position: number, attribute: string, fallback: number): number {
  if (!c.has(position)) return c.float(attribute, fallback);
  return dequantized(c.constant(position)).values[0] ?? fallback;
}

export function importLeakyRelu(c: OnnxContext): void {
  const x = c.settled(0);
  const alpha = c.float('alpha', 0.01);
  c.elementWise(x, leakyRelu(c.writer, x.id, alpha, { name: c.name, type: c.type() }));
}

export function importPRelu(c: OnnxContext): void {
  const x = c.settled(0);
  const slope = c.constant(1);
  const array = orderedConstant(c, slope, { rank: x.shape.length, order: x.order });
  // The batch is not part of TFLite's slopes.
  const alpha = c.writer.constant(`${c.name}/alpha`, reshaped(array, array.shape.slice(1)));
  c.elementWise(x, prelu(c.writer, x.id, alpha, { name: c.name, type: c.type() }));
}

export function importElu(c: OnnxContext): void {
  if (c.float('alpha', 1) !== 1) throw c.option(`alpha ${c.float('alpha', 1)}`, 'use alpha 1');
  importUnary('elu', c);
}

/** max(0, min(1, alpha * x + beta)) */
export function importHardSigmoid(c: OnnxContext): void {
  if (c.isQuantized()) throw c.option('integers', 'replace it with Sigmoid');
  const x = c.settled(0);
  const { writer, name } = c;
  const one = (what: string, value: number): TensorId => writer.floats(`${name}/${what}`, [1], [value]);
  const scaled = binary(writer, 'mul', x.id, one('alpha', c.float('alpha', 0.2)), { name: `${name}/mul` });
  const shifted = binary(writer, 'add', scaled, one('beta', c.float('beta', 0.5)), { name: `${name}/add` });
  const below = binary(writer, 'minimum', shifted, one('one', 1), { name: `${name}/min` });
  c.elementWise(x, relu(writer, below, 'relu', { name }));
}

/** (x - mean) / sqrt(var + epsilon) * scale + bias: one product and one sum per channel. */
export function importBatchNormalization(c: OnnxContext): void {
  if (c.int('training_mode', 0) !== 0) throw c.option('training_mode');
  if (c.isQuantized()) throw c.option('integers', 'fold it into the convolution before quantizing');
  const [scale, bias, mean, variance] = [1, 2, 3, 4].map((i) => dequantized(c.constant(i)).values);
  const epsilon = c.float('epsilon', 1e-5);
  const x = c.settled(0);
  const channels = x.shape[1] ?? 1;
  if ([scale, bias, mean, variance].some((v) => v!.length !== channels))
    throw c.invalid(`its parameters are not ${channels} each`);
  const factors = Float32Array.from(scale!, (s, i) => s / Math.sqrt(variance![i]! + epsilon));
  const offsets = Float32Array.from(
    bias!,
    (b, i) => b - (mean![i]! * scale![i]!) / Math.sqrt(variance![i]! + epsilon),
  );
  const shape = x.shape.map((_, k) => (k === 1 ? channels : 1));
  const along = (values: Float32Array, what: string): TensorId => {
    const array = orderedConstant(c, floats(shape, values), { rank: shape.length, order: x.order });
    return c.writer.constant(`${c.name}/${what}`, array);
  };
  const product = binary(c.writer, 'mul', x.id, along(factors, 'scale'), { name: `${c.name}/mul` });
  c.elementWise(x, binary(c.writer, 'add', product, along(offsets, 'offset'), { name: c.name }));
}

export function importSoftmax(c: OnnxContext): void {
  const { writer, name } = c;
  const value = c.operand(0);
  const rank = value.shape.length;
  const axis = c.axis(c.int('axis', c.opset < 13 ? 1 : -1), rank);
  const type = fixedType(c);
  if (c.opset < 13 && product(value.shape.slice(axis)) !== value.shape[axis]) {
    // Older operator sets take all dimensions from the axis on as one.
    const x = canonical(writer, value);
    const flat = [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))];
    const y = softmax(writer, writer.reshape(x.id, flat, `${name}/rows`), { name, type });
    return c.result(activation(writer.reshape(y, x.shape, `${name}/shape`), x.shape));
  }
  const x = c.settled(0);
  const order = x.order.at(-1) === axis ? x.order : [...x.order.filter((k) => k !== axis), axis];
  const moved = inOrder(writer, x, order);
  c.elementWise(moved, softmax(writer, moved.id, { name, type }));
}
