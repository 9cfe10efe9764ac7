// What a name of an ONNX graph stands for: a constant, or a tensor of the IR whose dimensions may lie in another order.
// ONNX counts images as [batch, channels, h, w], the IR as [batch, h, w, channels]. Each tensor carries its `order`, so a
// Transpose only relabels, and elements move only where an operator wants them in an order they do not have.
import type { TensorId } from '../../ir/graph.js';
import { transpose } from '../net/emit.js';
import type { GraphWriter } from '../net/graph-writer.js';
import { product, type NdArray } from '../net/nd-array.js';

/** Dimension k of the IR tensor is ONNX's dimension order[k]; -1 is a dimension of extent 1 that ONNX does not have. */
export type Order = readonly number[];

export interface Activation {
  readonly kind: 'tensor';
  /** As ONNX counts. */
  readonly shape: readonly number[];
  readonly order: Order;
  readonly id: TensorId;
  /**
   * A Reshape whose elements are not in ONNX's order yet: `id` is its operand in that operand's order. A dense layer
   * behind it permutes its weights instead; anything else has the elements moved.
   */
  readonly unflattened?: { readonly shape: readonly number[]; readonly order: Order };
}

export interface Constant {
  readonly kind: 'constant';
  readonly array: NdArray;
}

/** What an unsupported operator would have made: whatever reads it is not judged. */
export interface Unknown {
  readonly kind: 'unknown';
}

export type Value = Activation | Constant | Unknown;

export function identity(rank: number): number[] {
  return Array.from({ length: rank }, (_, i) => i);
}

export function activation(
  id: TensorId,
  shape: readonly number[],
  order: Order = identity(shape.length),
): Activation {
  return { kind: 'tensor', id, shape, order };
}

/** Channels last, as convolutions want it: [batch, h, w, channels], or [batch, 1, length, channels]. */
export function spatialOrder(rank: number): Order | null {
  return rank === 4 ? [0, 2, 3, 1] : rank === 3 ? [0, -1, 2, 1] : null;
}

export function shapeInOrder(shape: readonly number[], order: Order): number[] {
  return order.map((k) => (k < 0 ? 1 : shape[k]!));
}

/** Do the elements lie in memory as in the other order? Dimensions of extent 1 do not matter. */
export function sameMemory(shape: readonly number[], a: Order, b: Order): boolean {
  const moving = (order: Order): string => order.filter((k) => k >= 0 && shape[k] !== 1).join();
  return moving(a) === moving(b);
}

/** The tensor with its dimensions in `order`, by the least that does it: nothing, a reshape, a transpose. */
export function inOrder(writer: GraphWriter, value: Activation, order: Order): Activation {
  if (value.unflattened !== undefined) return inOrder(writer, flattened(writer, value), order);
  const { shape, id } = value;
  const name = `${writer.tensorName(id)}/layout`;
  const wanted = shapeInOrder(shape, order);
  if (sameMemory(shape, value.order, order)) {
    return activation(writer.reshape(id, wanted, name), shape, order);
  }
  const [from, to] = [value.order.filter((k) => k >= 0), order.filter((k) => k >= 0)];
  const plain = writer.reshape(id, shapeInOrder(shape, from), `${name}/plain`);
  const moved = transpose(
    writer,
    plain,
    to.map((k) => from.indexOf(k)),
    name,
  );
  return activation(writer.reshape(moved, wanted, `${name}/wide`), shape, order);
}

/** In ONNX's own order. */
export function canonical(writer: GraphWriter, value: Activation): Activation {
  return inOrder(writer, value, identity(value.shape.length));
}

/** A reshaped tensor; moved only when somebody needs ONNX's order of elements. */
export function reshapedValue(
  writer: GraphWriter,
  value: Activation,
  shape: readonly number[],
  name: string,
): Activation {
  if (value.unflattened !== undefined) return { ...value, shape, order: identity(shape.length) };
  if (sameMemory(value.shape, value.order, identity(value.shape.length)))
    return activation(writer.reshape(value.id, shape, name), shape);
  const { id, order } = value;
  return { ...activation(id, shape), unflattened: { shape: value.shape, order } };
}

function flattened(writer: GraphWriter, value: Activation): Activation {
  const { id, shape, unflattened } = value;
  const source = canonical(writer, activation(id, unflattened!.shape, unflattened!.order));
  return activation(writer.reshape(source.id, shape, `${writer.tensorName(id)}/flat`), shape);
}

/**
 * Rows of `k` elements as a dense layer reads them, and the order its weights' rows must take; null when rows would mix.
 */
export function denseRows(
  value: Activation,
  k: number,
): { shape: number[]; order: Order; rows: number } | null {
  const { unflattened } = value;
  if (unflattened === undefined) return null;
  const { shape, order } = unflattened;
  const rows = product(value.shape) / k;
  // The batch stays outermost: each row is one element of it, permuted.
  if (order[0] !== 0 || shape[0] !== rows || value.shape.at(-1) !== k) return null;
  return {
    shape: shape.slice(1),
    order: order
      .slice(1)
      .filter((d) => d >= 0)
      .map((d) => d - 1),
    rows,
  };
}
