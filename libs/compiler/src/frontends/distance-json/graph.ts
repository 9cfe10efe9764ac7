// Numbers of a stranger's JSON, and the graph of one op that a classic model becomes.
import { failure } from '../../ir/diagnostics.js';
import type { Graph, Tensor } from '../../ir/graph.js';
import type { Op, OpAttrs, OpKind } from '../../ir/ops.js';
import { verify } from '../../ir/verify.js';

export interface DistanceModel {
  readonly kind: string;
  readonly [field: string]: unknown;
}

export const invalid = (reason: string): Error =>
  failure([{ code: 'compiler.distances-invalid', severity: 'error', data: { reason } }]);

// ---- numbers of strangers ------------------------------------------------------------------------------------------

export function vector(value: unknown, what: string, length?: number): number[] {
  if (
    !Array.isArray(value) ||
    value.length === 0 ||
    !value.every((x) => typeof x === 'number' && Number.isFinite(x))
  )
    throw invalid(`${what} is no list of numbers`);
  if (length !== undefined && value.length !== length)
    throw invalid(`${what} has ${value.length} numbers, not ${length}`);
  return value as number[];
}

export function matrix(value: unknown, what: string, columns?: number): number[][] {
  if (!Array.isArray(value) || value.length === 0 || value.length > 65_535)
    throw invalid(`${what} is no list of rows`);
  const width = columns ?? vector(value[0], what).length;
  return value.map((row, i) => vector(row, `${what}[${i}]`, width));
}

export const positive = (values: readonly number[], what: string): void => {
  if (!values.every((v) => v > 0)) throw invalid(`${what} are not all above 0`);
};

/** Stated, else so that `most` is `limit`. */
export function scaleOfFeatures(m: DistanceModel, most: number, limit = 127): number {
  const scale = Math.fround(m['scale'] === undefined ? Math.max(most, 2 ** -20) / limit : Number(m['scale']));
  if (!(scale > 0 && Number.isFinite(scale))) throw invalid(`a scale of ${String(m['scale'])}`);
  return scale;
}

export const largest = (rows: readonly (readonly number[])[]): number =>
  rows.reduce((a, row) => row.reduce((b, v) => Math.max(b, Math.abs(v)), a), 0);
export const quantize = (values: readonly number[], scale: number): number[] =>
  values.map((v) => Math.max(-128, Math.min(127, Math.round(v / scale))));

// ---- graphs --------------------------------------------------------------------------------------------------------

export type Constant = readonly [name: string, dtype: 'int8' | 'int16' | 'int32', values: readonly number[]];

export function graphOf<K extends OpKind>(
  kind: K,
  attrs: OpAttrs[K],
  o: {
    features: number;
    input?: 'int8' | 'int16';
    scale: number;
    constants: readonly Constant[];
    output: Pick<Tensor, 'dtype' | 'shape'> & { scale: number; zeroPoint: number };
  },
): Graph {
  if (o.features > 65_535) throw invalid(`${o.features} features`);
  const tensors = new Map<number, Tensor>();
  const add = (t: Omit<Tensor, 'id'>): number => {
    tensors.set(tensors.size, { id: tensors.size, ...t });
    return tensors.size - 1;
  };
  const affine = (scale: number, zeroPoint: number) => ({
    scales: [Math.fround(scale)],
    zeroPoints: [zeroPoint],
    axis: null,
  });
  const input = add({
    name: 'features',
    dtype: o.input ?? 'int8',
    shape: [1, o.features],
    quantization: affine(o.scale, 0),
    data: null,
  });
  const constants = o.constants.map(([name, dtype, values]) => {
    const array = { int8: Int8Array, int16: Int16Array, int32: Int32Array }[dtype].from(values);
    return add({
      name,
      dtype,
      shape: [values.length],
      quantization: null,
      data: new Uint8Array(array.buffer),
    });
  });
  const { dtype, shape, scale, zeroPoint } = o.output;
  const output = add({ name: 'scores', dtype, shape, quantization: affine(scale, zeroPoint), data: null });
  const op = {
    kind,
    name: kind,
    inputs: [input, ...constants],
    outputs: [output],
    attrs,
    sourceIndex: 0,
  } as unknown as Op;
  const graph: Graph = { name: kind, tensors, ops: [op], inputs: [input], outputs: [output], roots: [] };
  verify(graph, 'distances');
  return graph;
}
