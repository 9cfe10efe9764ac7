// What moves a constant's elements is done here, once: bytes only, no arithmetic (that is the kernels'). A result larger than
// its operands stays a step: it would cost flash.
import { viewOf } from '../ir/cost.js';
import { byteLength, DTYPE_BYTES, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import type { MovementOps } from '../ir/ops/movement.js';
import type { OpView } from '../ir/ops/spec.js';
import { isStrided, stridedOf, takeStrided, type StridedKind } from '../ir/strided.js';

export function foldConstants(graph: Graph): Graph {
  const tensors = new Map(graph.tensors);
  const outputs = new Set<TensorId>(graph.outputs);
  const ops: Op[] = [];
  let current = graph;
  for (const op of graph.ops) {
    const data = op.outputs.some((id) => outputs.has(id)) ? null : moved(current, op);
    if (data === null) {
      ops.push(op);
      continue;
    }
    op.outputs.forEach((id, i) => tensors.set(id, { ...tensorOf(graph, id), data: data[i]! }));
    current = { ...graph, tensors };
  }
  return ops.length === graph.ops.length ? graph : { ...graph, tensors, ops };
}

/** The results' bytes, or null when they cannot or should not be made here. */
function moved(graph: Graph, op: Op): Uint8Array[] | null {
  const { inputs, outputs } = viewOf(graph, op);
  if (inputs.length === 0 || inputs.some(({ data }) => data === null)) return null;
  const sum = (list: readonly Tensor[]): number => list.reduce((n, t) => n + byteLength(t), 0);
  if (sum(outputs) > sum(inputs)) return null;
  const [input] = inputs as [Tensor];
  if (isStrided(op.kind)) {
    const form = stridedOf(op.kind, viewOf(graph, op) as OpView<MovementOps[StridedKind]> as OpView<never>);
    return [takeStrided(input.data!, DTYPE_BYTES[input.dtype], form)];
  }
  switch (op.kind) {
    case 'reshape':
    case 'view':
      return [input.data!];
    case 'concatenation':
    case 'pack':
      return [join(inputs, outer(outputs[0]!, op.attrs.axis), byteLength(outputs[0]!))];
    case 'split':
    case 'unpack':
      return cut(input, outputs, outer(input, op.attrs.axis));
    default:
      return null;
  }
}

/** Rows of blocks: the product of the dimensions before the axis. */
function outer({ shape }: Tensor, axis: number): number {
  return shape.slice(0, axis).reduce((n, extent) => n * extent, 1);
}

function join(parts: readonly Tensor[], rows: number, bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const { data } of parts) {
      const block = data!.length / rows;
      whole.set(data!.subarray(row * block, (row + 1) * block), at);
      at += block;
    }
  }
  return whole;
}

function cut({ data }: Tensor, parts: readonly Tensor[], rows: number): Uint8Array[] {
  const results = parts.map((part) => new Uint8Array(byteLength(part)));
  let at = 0;
  for (let row = 0; row < rows; row++) {
    for (const result of results) {
      const block = result.length / rows;
      result.set(data!.subarray(at, at + block), row * block);
      at += block;
    }
  }
  return results;
}
