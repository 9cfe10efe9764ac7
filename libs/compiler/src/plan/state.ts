// Memory that outlives an inference: one place per variable, in the order of the graph's tensors.
import { alignUp } from '../ir/align.js';
import { byteLength, type Graph, type TensorId } from '../ir/graph.js';
import { TENSOR_ALIGNMENT } from './constants.js';
import type { Operand } from './types.js';

export interface StateLayout {
  /** A multiple of the tensors' alignment. */
  readonly bytes: number;
  /** First content; null when every variable starts as zero. */
  readonly initial: Uint8Array | null;
  readonly operandOf: ReadonlyMap<TensorId, Operand>;
}

export function layOutState(graph: Graph): StateLayout {
  const operandOf = new Map<TensorId, Operand>();
  const filled: { readonly offset: number; readonly data: Uint8Array }[] = [];
  let bytes = 0;
  for (const tensor of graph.tensors.values()) {
    if (tensor.variable === undefined) continue;
    operandOf.set(tensor.id, {
      space: 'state',
      dtype: tensor.dtype,
      offset: bytes,
      bytes: byteLength(tensor),
    });
    if (tensor.variable.initial?.some((byte) => byte !== 0))
      filled.push({ offset: bytes, data: tensor.variable.initial });
    bytes = alignUp(bytes + byteLength(tensor), TENSOR_ALIGNMENT);
  }
  if (filled.length === 0) return { bytes, initial: null, operandOf };
  const initial = new Uint8Array(bytes);
  for (const { offset, data } of filled) initial.set(data, offset);
  return { bytes, initial, operandOf };
}
