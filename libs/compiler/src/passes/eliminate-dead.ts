// Drops ops whose results reach neither an output nor a root, and tensors nothing names any more.
import type { Graph, TensorId } from '../ir/graph.js';
import { specOf, type Op } from '../ir/ops.js';

export function eliminateDead(graph: Graph): Graph {
  const live = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const ops = graph.ops
    .toReversed()
    .filter((op) => {
      if (!op.outputs.some((id) => live.has(id)) && !remembers(op)) return false;
      [...op.inputs, ...op.outputs].forEach((id) => live.add(id));
      return true;
    })
    .reverse();
  graph.inputs.forEach((id) => live.add(id));
  const tensors = new Map([...graph.tensors].filter(([id]) => live.has(id)));
  return { ...graph, ops, tensors };
}

/** What it writes there is read in the next inference. */
function remembers(op: Op): boolean {
  return (specOf(op).writes ?? []).length > 0;
}
