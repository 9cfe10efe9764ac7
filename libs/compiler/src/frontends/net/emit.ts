// Operators of the IR written with the result shapes that follow from their operands. Operands and attributes as in
// ir/ops/*.ts; no source format's rules here.
import type { TensorId } from '../../ir/graph.js';
import type { Activation, OpAttrs, OpKind, Padding } from '../../ir/ops.js';
import type { GraphWriter, Named, Pair } from './graph-writer.js';
import { product } from './nd-array.js';

export type UnaryKind = 'logistic' | 'tanh' | 'hard_swish' | 'elu';
export type BinaryKind = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum';
export type ReduceKind = 'mean' | 'sum' | 'reduce_max' | 'reduce_min';

const K = (kind: string): OpKind => kind as OpKind;
const A = (attrs: unknown): OpAttrs[OpKind] => attrs as OpAttrs[OpKind];

export function transpose(w: GraphWriter, x: TensorId, perm: readonly number[], name: string): TensorId {
  if (perm.every((from, i) => from === i)) return x;
  const shape = perm.map((from) => w.shape(x)[from]!);
  return w.op(K('transpose'), [x], { name, attrs: A({ perm: [...perm] }), shape });
}

export function unary(w: GraphWriter, kind: UnaryKind, x: TensorId, o: Named): TensorId {
  return w.op(K(kind), [x], { ...o, attrs: A({}), shape: w.shape(x) });
}

export function binary(w: GraphWriter, kind: BinaryKind, a: TensorId, b: TensorId, o: Named): TensorId {
  const shape = w.broadcast(a, b, o.name);
  const fused = kind !== 'maximum' && kind !== 'minimum';
  return w.op(K(kind), [a, b], { ...o, attrs: A(fused ? { activation: 'none' } : {}), shape });
}

export function relu(
  w: GraphWriter,
  x: TensorId,
  activation: Exclude<Activation, 'none'>,
  o: Named,
): TensorId {
  return w.op('relu', [x], { ...o, attrs: { activation }, shape: w.shape(x) });
}

export function leakyRelu(w: GraphWriter, x: TensorId, alpha: number, o: Named): TensorId {
  return w.op(K('leaky_relu'), [x], { ...o, attrs: A({ alpha: Math.fround(alpha) }), shape: w.shape(x) });
}

/** alpha broadcasts to the input without its batch. */
export function prelu(w: GraphWriter, x: TensorId, alpha: TensorId, o: Named): TensorId {
  return w.op(K('prelu'), [x, alpha], { ...o, attrs: A({}), shape: w.shape(x) });
}

/** Over the last dimension. */
export function softmax(w: GraphWriter, x: TensorId, o: Named): TensorId {
  return w.op('softmax', [x], { ...o, attrs: { beta: 1 }, shape: w.shape(x) });
}

/** To the integers of `o.type`. */
export function quantize(w: GraphWriter, x: TensorId, o: Required<Named>): TensorId {
  return w.op(K('quantize'), [x], { ...o, attrs: A({}), shape: w.shape(x) });
}

export function concatenation(
  w: GraphWriter,
  parts: readonly TensorId[],
  o: Named & { readonly axis: number },
): TensorId {
  if (parts.length === 1) return parts[0]!;
  const total = parts.reduce((n, part) => n + w.shape(part)[o.axis]!, 0);
  const shape = w.shape(parts[0]!).map((n, k) => (k === o.axis ? total : n));
  return w.op(K('concatenation'), parts, { ...o, attrs: A({ axis: o.axis }), shape });
}

/** `size` elements of each dimension, every stride-th from `begin` on; strides below 0 go backwards. */
export function slice(
  w: GraphWriter,
  x: TensorId,
  o: Named & {
    readonly begin: readonly number[];
    readonly size: readonly number[];
    readonly strides?: readonly number[];
  },
): TensorId {
  const { begin, size, strides = begin.map(() => 1) } = o;
  const all = w.shape(x).every((n, k) => n === size[k] && strides[k] === 1);
  if (all) return x;
  const attrs = A({ begin: [...begin], size: [...size], strides: [...strides] });
  return w.op(K('slice'), [x], { ...o, attrs, shape: size });
}

/** `amounts` [before, after] of each dimension; zeros unless `value` is given. */
export function pad(
  w: GraphWriter,
  x: TensorId,
  o: Named & { readonly amounts: readonly Pair[]; readonly value?: number },
): TensorId {
  const { amounts, value = 0 } = o;
  if (amounts.flat().every((n) => n === 0)) return x;
  const q = w.type(x).quantization;
  const stored =
    q === null ? value : Math.min(127, Math.max(-128, Math.round(value / q.scales[0]!) + q.zeroPoints[0]!));
  return w.op(K('pad'), [x], {
    ...o,
    attrs: A({ ...beforeAfter(amounts), value: stored }),
    shape: padded(w, x, amounts),
  });
}

function beforeAfter(amounts: readonly Pair[]): { before: number[]; after: number[] } {
  return { before: amounts.map(([n]) => n), after: amounts.map(([, n]) => n) };
}

function padded(w: GraphWriter, x: TensorId, amounts: readonly Pair[]): number[] {
  return w.shape(x).map((n, k) => n + amounts[k]![0] + amounts[k]![1]);
}

export function mirrorPad(
  w: GraphWriter,
  x: TensorId,
  o: Named & { readonly amounts: readonly Pair[]; readonly mode: 'reflect' | 'symmetric' },
): TensorId {
  const { amounts, mode } = o;
  if (amounts.flat().every((n) => n === 0)) return x;
  return w.op(K('mirror_pad'), [x], {
    ...o,
    attrs: A({ ...beforeAfter(amounts), mode }),
    shape: padded(w, x, amounts),
  });
}

/** Keeps the reduced dimensions with extent 1. */
export function reduce(
  w: GraphWriter,
  kind: ReduceKind,
  x: TensorId,
  o: Named & { readonly axes: readonly number[] },
): TensorId {
  const shape = w.shape(x).map((n, k) => (o.axes.includes(k) ? 1 : n));
  const operands = [x, w.int32(`${o.name}/axes`, o.axes)];
  return w.op(K(kind), operands, { ...o, attrs: A({ keepDims: true }), shape });
}

/** int32; keeps the dimension with extent 1 (by a reshape, for TFLite's drops it). */
export function argMax(
  w: GraphWriter,
  x: TensorId,
  o: { readonly axis: number; readonly name: string },
): TensorId {
  const shape = w.shape(x);
  const type = { dtype: 'int32', quantization: null } as const;
  const kept = shape.filter((_, k) => k !== o.axis);
  const operands = [x, w.int32(`${o.name}/axis`, [o.axis], [])];
  const y = w.op(K('arg_max'), operands, { name: o.name, type, attrs: A({}), shape: kept });
  return w.reshape(
    y,
    shape.map((n, k) => (k === o.axis ? 1 : n)),
    `${o.name}/shape`,
  );
}

export function gather(
  w: GraphWriter,
  x: TensorId,
  indices: TensorId,
  o: Named & { readonly axis: number; readonly shape: readonly number[] },
): TensorId {
  return w.op(K('gather'), [x, indices], { ...o, attrs: A({ axis: o.axis, batchDims: 0 }) });
}

export function resize(
  w: GraphWriter,
  kind: 'resize_bilinear' | 'resize_nearest_neighbor',
  x: TensorId,
  o: Named & { readonly size: Pair; readonly alignCorners: boolean; readonly halfPixelCenters: boolean },
): TensorId {
  const [n, , , depth] = w.shape(x);
  const { alignCorners, halfPixelCenters } = o;
  return w.op(K(kind), [x], {
    ...o,
    attrs: A({ alignCorners, halfPixelCenters }),
    shape: [n!, ...o.size, depth!],
  });
}

/** [.., m, k] times [.., k, n]; leading dimensions broadcast. */
export function batchMatmul(
  w: GraphWriter,
  a: TensorId,
  b: TensorId,
  o: Named & { readonly m: number; readonly n: number },
): TensorId {
  const [lead, other] = [w.shape(a).slice(0, -2), w.shape(b).slice(0, -2)];
  const longer = product(other) > product(lead) ? other : lead;
  return w.op(K('batch_matmul'), [a, b], {
    ...o,
    attrs: A({ adjX: false, adjY: false }),
    shape: [...longer, o.m, o.n],
  });
}

export function transposeConv(
  w: GraphWriter,
  o: Named & {
    readonly input: TensorId;
    /** [out, kh, kw, in] */
    readonly filter: TensorId;
    readonly bias: TensorId | null;
    readonly stride: Pair;
    readonly padding: Padding;
    readonly shape: readonly number[];
  },
): TensorId {
  const operands = [o.input, o.filter, ...(o.bias === null ? [] : [o.bias])];
  const [strideH, strideW] = o.stride;
  const attrs = A({ strideH, strideW, padding: o.padding, activation: 'none' });
  return w.op(K('transpose_conv'), operands, {
    name: o.name,
    type: o.type ?? w.type(o.input),
    attrs,
    shape: o.shape,
  });
}
