// Operators of the IR written with the result shapes that follow from their operands. Operands and attributes as in
// ir/ops/*.ts; no source format's rules here.
import type { TensorId } from '../../ir/graph.js';
import type { Activation, Padding } from '../../ir/ops.js';
import { broadcastShape } from '../../ir/shapes.js';
import type { GraphWriter, Named, Pair } from './graph-writer.js';

export type UnaryKind = 'logistic' | 'tanh' | 'hard_swish' | 'elu';
export type BinaryKind = 'add' | 'sub' | 'mul' | 'div' | 'maximum' | 'minimum';
export type ReduceKind = 'mean' | 'sum' | 'reduce_max' | 'reduce_min';

export function transpose(w: GraphWriter, x: TensorId, perm: readonly number[], name: string): TensorId {
  if (perm.every((from, i) => from === i)) return x;
  const shape = perm.map((from) => w.shape(x)[from]!);
  return w.op('transpose', [x], { name, attrs: { perm: [...perm] }, shape });
}

export function unary(w: GraphWriter, kind: UnaryKind, x: TensorId, o: Named): TensorId {
  return w.op(kind, [x], { ...o, attrs: {}, shape: w.shape(x) });
}

export function binary(w: GraphWriter, kind: BinaryKind, a: TensorId, b: TensorId, o: Named): TensorId {
  const shape = w.broadcast(a, b, o.name);
  if (kind === 'maximum' || kind === 'minimum') return w.op(kind, [a, b], { ...o, attrs: {}, shape });
  return w.op(kind, [a, b], { ...o, attrs: { activation: 'none' }, shape });
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
  return w.op('leaky_relu', [x], { ...o, attrs: { alpha: Math.fround(alpha) }, shape: w.shape(x) });
}

/** alpha broadcasts to the input without its batch. */
export function prelu(w: GraphWriter, x: TensorId, alpha: TensorId, o: Named): TensorId {
  return w.op('prelu', [x, alpha], { ...o, attrs: {}, shape: w.shape(x) });
}

/** Over the last dimension. */
export function softmax(w: GraphWriter, x: TensorId, o: Named): TensorId {
  return w.op('softmax', [x], { ...o, attrs: { beta: 1 }, shape: w.shape(x) });
}

/** To the integers of `o.type`. */
export function quantize(w: GraphWriter, x: TensorId, o: Required<Named>): TensorId {
  return w.op('quantize', [x], { ...o, attrs: {}, shape: w.shape(x) });
}

/** Operands of one step. */
const MOST_PARTS = 63;

export function concatenation(
  w: GraphWriter,
  parts: readonly TensorId[],
  o: Named & { readonly axis: number },
): TensorId {
  if (parts.length === 1) return parts[0]!;
  if (parts.length > MOST_PARTS) {
    const groups = Array.from({ length: Math.ceil(parts.length / MOST_PARTS) }, (_, i) =>
      concatenation(w, parts.slice(i * MOST_PARTS, (i + 1) * MOST_PARTS), {
        ...o,
        name: `${o.name}/part${i}`,
      }),
    );
    return concatenation(w, groups, o);
  }
  const total = parts.reduce((n, part) => n + w.shape(part)[o.axis]!, 0);
  const shape = w.shape(parts[0]!).map((n, k) => (k === o.axis ? total : n));
  return w.op('concatenation', parts, { ...o, attrs: { axis: o.axis }, shape });
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
  const attrs = { begin: [...begin], size: [...size], strides: [...strides] };
  return w.op('slice', [x], { ...o, attrs, shape: size });
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
  return w.op('pad', [x], {
    ...o,
    attrs: { ...beforeAfter(amounts), value: stored },
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
  return w.op('mirror_pad', [x], {
    ...o,
    attrs: { ...beforeAfter(amounts), mode },
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
  return w.op(kind, [x], { ...o, attrs: { axes: [...o.axes], keepDims: true }, shape });
}

/** int32; keeps the dimension with extent 1. */
export function argMax(
  w: GraphWriter,
  x: TensorId,
  o: { readonly axis: number; readonly name: string },
): TensorId {
  const type = { dtype: 'int32', quantization: null } as const;
  const shape = w.shape(x).map((n, k) => (k === o.axis ? 1 : n));
  return w.op('arg_max', [x], { name: o.name, type, attrs: { axis: o.axis }, shape });
}

export function gather(
  w: GraphWriter,
  x: TensorId,
  indices: TensorId,
  o: Named & { readonly axis: number; readonly shape: readonly number[] },
): TensorId {
  return w.op('gather', [x, indices], { ...o, attrs: { axis: o.axis, batchDims: 0 } });
}

export function resize(
  w: GraphWriter,
  kind: 'resize_bilinear' | 'resize_nearest_neighbor',
  x: TensorId,
  o: Named & { readonly size: Pair; readonly alignCorners: boolean; readonly halfPixelCenters: boolean },
): TensorId {
  const [n, , , depth] = w.shape(x);
  const { alignCorners, halfPixelCenters } = o;
  return w.op(kind, [x], {
    ...o,
    attrs: { alignCorners, halfPixelCenters },
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
  const batches = broadcastShape(w.shape(a).slice(0, -2), w.shape(b).slice(0, -2));
  if (batches === null) return w.invalid(o.name, `batches of ${w.say(a)} and ${w.say(b)} differ`);
  return w.op('batch_matmul', [a, b], {
    ...o,
    attrs: { adjX: false, adjY: false },
    shape: [...batches, o.m, o.n],
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
  return w.op('transpose_conv', operands, {
    name: o.name,
    type: o.type ?? w.type(o.input),
    attrs: { strideH, strideW, padding: o.padding, activation: 'none' },
    shape: o.shape,
  });
}

/** Of one gate: weights [units, n] and [units, units] by rows, bias [units]. */
export interface Gate {
  readonly input: Float32Array;
  readonly recurrent: Float32Array;
  readonly bias: Float32Array;
}

/**
 * Gates in the order input, forget, cell, output. [batch, steps, n] -> [batch, steps, units], or [steps, batch, ..] when
 * `timeMajor`. `fresh`: the state is zero at the start of every inference; otherwise it goes on.
 */
export function lstm(
  w: GraphWriter,
  x: TensorId,
  o: {
    readonly gates: readonly Gate[];
    readonly units: number;
    readonly timeMajor: boolean;
    readonly fresh: boolean;
    readonly name: string;
  },
): TensorId {
  const { units, name, timeMajor } = o;
  const [first, second, n] = w.shape(x) as [number, number, number];
  const batch = timeMajor ? second : first;
  const all = (what: string, values: (gate: Gate) => Float32Array, shape: readonly number[]): TensorId[] =>
    o.gates.map((gate, i) => w.floats(`${name}/${what}${i}`, shape, values(gate)));
  const states = ['hidden', 'cell'].map((what) => w.variable(`${name}/${what}`, [batch, units]));
  if (o.fresh) {
    for (const state of states) {
      const zero = w.floats(`${w.tensorName(state)}/zero`, [batch, units], new Float32Array(batch * units));
      w.effect('assign_variable', [state, zero], { name: `${w.tensorName(state)}/start`, attrs: {} });
    }
  }
  const operands = [
    x,
    ...all('input_weights', (gate) => gate.input, [units, n]),
    ...all('recurrent_weights', (gate) => gate.recurrent, [units, units]),
    ...all('bias', (gate) => gate.bias, [units]),
    ...states,
  ];
  const attrs = { activation: 'tanh', cellClip: 0, timeMajor } as const;
  return w.op('unidirectional_sequence_lstm', operands, { name, attrs, shape: [first, second, units] });
}
