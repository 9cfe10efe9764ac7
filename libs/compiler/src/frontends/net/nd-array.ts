// Constants of a model while it is read: a shape, an element type, numbers in memory order.
import { DTYPE_BYTES, type DType, type Quantization } from '../../ir/graph.js';

/** int64 is held as doubles: exact to 2^53, beyond which no extent, index or axis of a usable model lies. */
export type Numbers = Float32Array | Float64Array | Int32Array | Int16Array | Int8Array | Uint8Array;

export interface NdArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: Numbers;
  readonly quantization: Quantization | null;
}

const ARRAYS: Readonly<Record<DType, new (length: number) => Numbers>> = {
  float32: Float32Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: Float64Array,
  bool: Uint8Array,
};

export function numbers(dtype: DType, length: number): Numbers {
  return new ARRAYS[dtype](length);
}

export function product(shape: readonly number[]): number {
  return shape.reduce((n, extent) => n * extent, 1);
}

export function floats(shape: readonly number[], values: ArrayLike<number>): NdArray {
  return { dtype: 'float32', shape, values: Float32Array.from(values), quantization: null };
}

/** A list of integers, or with shape [] a scalar. */
export function integers(values: readonly number[], shape: readonly number[] = [values.length]): NdArray {
  return { dtype: 'int64', shape, values: Float64Array.from(values), quantization: null };
}

export function reshaped(array: NdArray, shape: readonly number[]): NdArray {
  return { ...array, shape };
}

/** Dimension k of the result is dimension order[k] of the array. */
export function permuted(array: NdArray, order: readonly number[]): NdArray {
  const { shape, values, quantization } = array;
  const result = numbers(array.dtype, values.length);
  const outer = order.map((from) => shape[from]!);
  const strides = stridesOf(shape);
  const steps = order.map((from) => strides[from]!);
  const index = outer.map(() => 0);
  let from = 0;
  for (let i = 0; i < values.length; i++) {
    result[i] = values[from]!;
    for (let k = outer.length - 1; k >= 0; k--) {
      from += steps[k]!;
      if (++index[k]! < outer[k]!) break;
      from -= steps[k]! * outer[k]!;
      index[k] = 0;
    }
  }
  const axis = quantization?.axis;
  const q =
    quantization === null || axis === null || axis === undefined
      ? quantization
      : { ...quantization, axis: order.indexOf(axis) };
  return { dtype: array.dtype, shape: outer, values: result, quantization: q };
}

export function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let k = shape.length - 2; k >= 0; k--) strides[k] = strides[k + 1]! * shape[k + 1]!;
  return strides;
}

/** Little-endian bytes, as the IR stores constants. */
export function bytesOf({ dtype, values }: NdArray): Uint8Array {
  const bytes = new Uint8Array(values.length * DTYPE_BYTES[dtype]);
  const view = new DataView(bytes.buffer);
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (dtype === 'float32') view.setFloat32(4 * i, value, true);
    else if (dtype === 'int32') view.setInt32(4 * i, value, true);
    else if (dtype === 'int64') view.setBigInt64(8 * i, BigInt(value), true);
    else if (dtype === 'int16') view.setInt16(2 * i, value, true);
    else bytes[i] = value;
  }
  return bytes;
}
