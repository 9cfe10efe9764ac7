// Converters wrote a dilated convolution as SPACE_TO_BATCH_ND, a plain convolution, BATCH_TO_SPACE_ND: every block position
// of the image becomes an image of its own, so that neighbours there are `block` apart here. The kernels dilate themselves: the
// same products are added in the same order, and nothing is moved twice.
import { consumers, producers, type Graph, type TensorId } from '../ir/graph.js';
import type { Op, OpOf } from '../ir/ops.js';
import { sameScale } from './same-scale.js';

type Conv = OpOf<'conv_2d'> | OpOf<'depthwise_conv_2d'>;

export function unbatchDilation(graph: Graph): Graph {
  const [producer, users] = [producers(graph), consumers(graph)];
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const only = (id: TensorId): boolean => !pinned.has(id) && users.get(id)?.length === 1;
  const made = new Map<Op, Op>();
  const removed = new Set<Op>();
  for (const back of graph.ops) {
    if (back.kind !== 'batch_to_space_nd' || !only(back.inputs[0]!)) continue;
    const conv = producer.get(back.inputs[0]!);
    if (conv === undefined || !isPlain(conv) || !only(conv.inputs[0]!)) continue;
    const apart = producer.get(conv.inputs[0]!);
    if (apart?.kind !== 'space_to_batch_nd' || apart.attrs.block.join() !== back.attrs.block.join()) continue;
    const ends = [
      [apart.inputs[0]!, conv.inputs[0]!],
      [back.inputs[0]!, back.outputs[0]!],
    ] as const;
    if (!ends.every(([a, b]) => sameScale(graph, a, b))) continue;
    const [dilationH, dilationW = 1, ...more] = back.attrs.block;
    if (dilationH === undefined || more.length > 0) continue;
    const inputs = [apart.inputs[0]!, ...conv.inputs.slice(1)];
    const attrs = { ...conv.attrs, dilationH, dilationW };
    made.set(conv, { ...conv, inputs, outputs: back.outputs, attrs } as Op);
    removed.add(back).add(apart);
  }
  if (removed.size === 0) return graph;
  const ops = graph.ops.filter((op) => !removed.has(op)).map((op) => made.get(op) ?? op);
  return { ...graph, ops };
}

/** Every output reads a window of its own image, one step from the next. */
function isPlain(op: Op): op is Conv {
  if (op.kind !== 'conv_2d' && op.kind !== 'depthwise_conv_2d') return false;
  const { strideH, strideW, dilationH, dilationW, padding } = op.attrs;
  const ones = [strideH, strideW, dilationH, dilationW].every((n) => n === 1);
  return ones && Object.values(padding).every((rows) => rows === 0);
}
