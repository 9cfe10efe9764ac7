// A stand-alone RELU behind an op that clamps anyway becomes that op's clamp. Exact only when the activation keeps the
// scale and zero point of its input: then its requantization is the identity and only the clamp is left, on the very
// integers the producer would clamp.
import { consumers, producers, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { sameScale } from './same-scale.js';

const CLAMPING = new Set([
  'conv_2d',
  'depthwise_conv_2d',
  'transpose_conv',
  'fully_connected',
  'average_pool_2d',
  'max_pool_2d',
  'add',
  'sub',
  'mul',
  'div',
]);

export function fuseActivation(graph: Graph): Graph {
  const producer = producers(graph);
  const users = consumers(graph);
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const fused = new Map<Op, Op>();
  const removed = new Set<Op>();
  for (const op of graph.ops) {
    if (op.kind !== 'relu') continue;
    const inner = op.inputs[0]!;
    const source = producer.get(inner);
    if (source === undefined || !CLAMPING.has(source.kind) || removed.has(source) || fused.has(source))
      continue;
    if (!('activation' in source.attrs) || source.attrs.activation !== 'none') continue;
    if (pinned.has(inner) || users.get(inner)!.length !== 1 || !sameScale(graph, inner, op.outputs[0]!))
      continue;
    const attrs = { ...source.attrs, activation: op.attrs.activation };
    fused.set(source, { ...source, attrs, outputs: op.outputs } as Op);
    removed.add(op);
  }
  const ops = graph.ops.filter((op) => !removed.has(op)).map((op) => fused.get(op) ?? op);
  return { ...graph, ops };
}
