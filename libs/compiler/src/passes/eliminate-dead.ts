// Drops ops whose results reach neither an output nor a root, and tensors nothing names any more.
import type { Graph, TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';

export function eliminateDead(graph: Graph): Graph {
  const live = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const ops = graph.ops
    .toReversed()
    .filter((op) => {
      if (!op.outputs.some((id) => live.has(id)) && !touchesVariable(graph, op)) return false;
      [...op.inputs, ...op.outputs].forEach((id) => live.add(id));
      return true;
    })
    .reverse();
  graph.inputs.forEach((id) => live.add(id));
  const tensors = new Map([...graph.tensors].filter(([id]) => live.has(id)));
  return { ...graph, ops, tensors };
}

/** What it writes there is read in the next inference. */
function touchesVariable(graph: Graph, op: Op): boolean {
  return op.inputs.some((id) => graph.tensors.get(id)?.variable !== undefined);
}
