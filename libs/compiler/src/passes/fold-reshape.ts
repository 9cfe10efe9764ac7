// A reshape moves nothing in row-major memory: it becomes a view, and chains of views end at the tensor that has the
// bytes. Only between a graph's input and its output a copy must stay: they are different places to the caller.
import { producers, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';

export function foldReshape(graph: Graph): Graph {
  const outputs = new Set<TensorId>(graph.outputs);
  const inputs = new Set<TensorId>(graph.inputs);
  const producer = producers(graph);
  /** View -> tensor that holds its bytes. */
  const base = new Map<TensorId, TensorId>();
  const ops = graph.ops.map((op): Op => {
    if (op.kind !== 'reshape' && op.kind !== 'view') return op;
    const output = op.outputs[0]!;
    const source = base.get(op.inputs[0]!) ?? op.inputs[0]!;
    const { data, variable } = tensorOf(graph, source);
    const elsewhere = data !== null || variable !== undefined;
    const edge = outputs.has(output) && (inputs.has(source) || outputs.has(source) || elsewhere);
    if (edge || producer.get(output) !== op) return op;
    base.set(output, source);
    const { name, sourceIndex } = op;
    return { kind: 'view', name, inputs: [source], outputs: [output], attrs: {}, sourceIndex };
  });
  return { ...graph, ops };
}
