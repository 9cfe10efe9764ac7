// Drops ops whose results reach neither an output nor a root, and tensors nothing names any more.
import type { Graph, TensorId } from '../ir/graph.js';

export function eliminateDead(graph: Graph): Graph {
  const live = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const ops = graph.ops
    .toReversed()
    .filter((op) => {
      if (!live.has(op.output)) return false;
      op.inputs.forEach((id) => live.add(id));
      return true;
    })
    .reverse();
  graph.inputs.forEach((id) => live.add(id));
  const tensors = new Map([...graph.tensors].filter(([id]) => live.has(id)));
  return { ...graph, ops, tensors };
}
