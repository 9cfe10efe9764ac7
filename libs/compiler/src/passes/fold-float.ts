// Float graphs: what depends on constants alone is computed once. The arithmetic is the evaluator's, handed in by the
// driver; integer graphs have theirs in the kernels and are not folded here.
import { viewOf } from '../ir/cost.js';
import { byteLength, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import type { PassContext } from './pass.js';

/** A result larger than its operands would cost flash; small ones may. */
const FREE_BYTES = 4096;

export function foldFloat(graph: Graph, { evaluate }: PassContext): Graph {
  if (evaluate === undefined) return graph;
  const outputs = new Set<TensorId>(graph.outputs);
  const tensors = new Map(graph.tensors);
  const ops: Op[] = [];
  for (const op of graph.ops) {
    const current = { ...graph, tensors };
    const results =
      !op.outputs.some((id) => outputs.has(id)) && isFoldable(current, op) ? evaluate(current, op) : null;
    if (results === null) ops.push(op);
    else op.outputs.forEach((id, i) => tensors.set(id, { ...tensorOf(graph, id), data: results[i]! }));
  }
  return ops.length === graph.ops.length ? graph : { ...graph, tensors, ops };
}

function isFoldable(graph: Graph, op: Op): boolean {
  const { inputs, outputs } = viewOf(graph, op);
  const sum = (list: readonly Tensor[]): number => list.reduce((n, t) => n + byteLength(t), 0);
  return (
    inputs.length > 0 &&
    outputs.length > 0 &&
    inputs.every(({ data }) => data !== null) &&
    outputs.every(({ dtype }) => dtype === 'float32') &&
    sum(outputs) <= Math.max(FREE_BYTES, sum(inputs))
  );
}
