// The compiler's one intermediate form: a graph of single-assignment tensors and ops. Data only; no stage's
// knowledge, no I/O. Ops carry TFLite's semantics (explicit padding, NHWC), numbers are TFLite's builtin codes.
import type { Op } from './ops.js';

/** Element types, by TFLite's names. Devices never see float32: float graphs are evaluated and quantized, not planned. */
export type DType = 'float32' | 'int8' | 'uint8' | 'int16' | 'int32' | 'int64' | 'bool';

export const DTYPE_BYTES: Readonly<Record<DType, number>> = {
  float32: 4,
  int8: 1,
  uint8: 1,
  int16: 2,
  int32: 4,
  int64: 8,
  bool: 1,
};

const ZERO_POINTS: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32_768, 32_767],
};

/** Zero points that a tensor of this type can have; what the kernels never read may be anything. */
export function zeroPointRange(dtype: DType): readonly [low: number, high: number] {
  return ZERO_POINTS[dtype] ?? [-Infinity, Infinity];
}

/** real = scale * (q - zeroPoint). One entry, or one per slice of `axis`. Scales are exact float32 values. */
export interface Quantization {
  readonly scales: readonly number[];
  readonly zeroPoints: readonly number[];
  /** Sliced dimension; null when one scale serves the whole tensor. */
  readonly axis: number | null;
}

export type TensorId = number;

export interface Tensor {
  readonly id: TensorId;
  readonly name: string;
  readonly dtype: DType;
  /** Static extents, all >= 1, slowest first. */
  readonly shape: readonly number[];
  readonly quantization: Quantization | null;
  /** Little-endian constant bytes; null for what an op or the caller produces. Never written after import. */
  readonly data: Uint8Array | null;
  /**
   * Outlives an inference and lies in the device's state: ops that name it may read and write it, in source order.
   * Without `initial` it starts as zero bytes.
   */
  readonly variable?: { readonly initial: Uint8Array | null };
}

/** A graph is immutable by convention: passes return a new one and may share tensors and ops with the old. */
export interface Graph {
  readonly name: string;
  readonly tensors: ReadonlyMap<TensorId, Tensor>;
  /** In execution order: each op after the producers of its inputs. */
  readonly ops: readonly Op[];
  readonly inputs: readonly TensorId[];
  readonly outputs: readonly TensorId[];
  /** Kept alive and unchanged by every pass besides the outputs: monitored tensors, logits before softmax. */
  readonly roots: readonly TensorId[];
}

/** Float graphs are evaluated and quantized; integer graphs are planned. Frontends make nothing between. */
export function isFloat(graph: Graph): boolean {
  return [...graph.tensors.values()].some((tensor) => tensor.dtype === 'float32' && tensor.data === null);
}

export function elements(tensor: { readonly shape: readonly number[] }): number {
  return tensor.shape.reduce((n, extent) => n * extent, 1);
}

export function byteLength(tensor: Tensor): number {
  return elements(tensor) * DTYPE_BYTES[tensor.dtype];
}

/** The tensor, or a thrown invariant: a graph that passed the verifier never lacks one. */
export function tensorOf(graph: Graph, id: TensorId): Tensor {
  const tensor = graph.tensors.get(id);
  if (tensor === undefined) throw new Error(`invariant: tensor %${id} is not in graph ${graph.name}`);
  return tensor;
}

export function producers(graph: Graph): Map<TensorId, Op> {
  return new Map(graph.ops.flatMap((op) => op.outputs.map((id): [TensorId, Op] => [id, op])));
}

export function consumers(graph: Graph): Map<TensorId, Op[]> {
  const map = new Map<TensorId, Op[]>();
  for (const op of graph.ops) {
    for (const id of new Set(op.inputs)) map.set(id, [...(map.get(id) ?? []), op]);
  }
  return map;
}

/** Values of a float constant, in memory order. */
export function float32Values(tensor: Tensor): Float32Array {
  if (tensor.data === null || tensor.dtype !== 'float32')
    throw new Error(`invariant: ${tensor.name} is not constant float32`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Float32Array.from({ length: elements(tensor) }, (_, i) => view.getFloat32(i * 4, true));
}

/** Values of a constant of any integer type. int64 ones are exact up to 2^53. */
export function integerValues(tensor: Tensor): number[] {
  const { data, dtype } = tensor;
  if (data === null) throw new Error(`invariant: ${tensor.name} is not constant`);
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const read = {
    int8: (at: number) => view.getInt8(at),
    uint8: (at: number) => view.getUint8(at),
    bool: (at: number) => view.getUint8(at),
    int16: (at: number) => view.getInt16(at, true),
    int32: (at: number) => view.getInt32(at, true),
    int64: (at: number) => Number(view.getBigInt64(at, true)),
    float32: (): number => {
      throw new Error(`invariant: ${tensor.name} is float`);
    },
  }[dtype];
  return Array.from({ length: elements(tensor) }, (_, i) => read(i * DTYPE_BYTES[dtype]));
}

/** int32 view of a constant, endian-safe and free of alignment demands. */
export function int32Values(tensor: Tensor): Int32Array {
  if (tensor.data === null || tensor.dtype !== 'int32')
    throw new Error(`invariant: ${tensor.name} is not constant int32`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Int32Array.from({ length: elements(tensor) }, (_, i) => view.getInt32(i * 4, true));
}
