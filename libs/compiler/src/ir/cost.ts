// An op with its tensors, and the work it does: for reports, and to bound the time a strange model takes.
import { elements, tensorOf, type Graph } from './graph.js';
import { specOf, type Op, type OpView } from './ops.js';

/** Throws an invariant error for an operand that is not in the graph. */
export function viewOf<O extends Op>(graph: Graph, op: O): OpView<O['attrs']> {
  return {
    attrs: op.attrs,
    inputs: op.inputs.map((id) => tensorOf(graph, id)),
    outputs: op.outputs.map((id) => tensorOf(graph, id)),
  };
}

/** Multiply-accumulates of one run, counted as TFLite's tools do: padded positions included. */
export function macsOf(graph: Graph, op: Op): number {
  return specOf(op).macs?.(viewOf(graph, op)) ?? 0;
}

/** Inner-loop rounds of one run: MACs, window elements of a pool, else elements. What bounds time on a strange model. */
export function workOf(graph: Graph, op: Op): number {
  const view = viewOf(graph, op);
  const most = Math.max(
    0,
    ...[...view.inputs, ...view.outputs].map((t) => (t.data === null ? elements(t) : 0)),
  );
  const { macs, work } = specOf(op);
  return Math.max(most, macs?.(view) ?? 0, work?.(view) ?? 0);
}
