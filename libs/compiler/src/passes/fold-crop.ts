// Cutting rows and columns off what a convolution of stride 1 made is making less of them: its padding shrinks. Converters cut
// so behind a dilated convolution whose input did not divide into blocks.
import { consumers, producers, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op, OpOf } from '../ir/ops.js';
import type { Padding } from '../ir/ops/spec.js';
import { sameScale } from './same-scale.js';

type Conv = OpOf<'conv_2d'> | OpOf<'depthwise_conv_2d'>;

export function foldCrop(graph: Graph): Graph {
  const [producer, users] = [producers(graph), consumers(graph)];
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const cut = new Map<Op, Op>();
  const removed = new Set<Op>();
  for (const op of graph.ops) {
    if (op.kind !== 'slice') continue;
    const [whole, rest] = [op.inputs[0]!, op.outputs[0]!];
    const source = producer.get(whole);
    if (source === undefined || (source.kind !== 'conv_2d' && source.kind !== 'depthwise_conv_2d')) continue;
    if (!sameScale(graph, whole, rest) || pinned.has(whole) || users.get(whole)!.length !== 1) continue;
    const padding = smaller(graph, source, op);
    if (padding === null || tensorOf(graph, rest).shape.length !== 4) continue;
    cut.set(source, { ...source, outputs: [rest], attrs: { ...source.attrs, padding } } as Op);
    removed.add(op);
  }
  if (removed.size === 0) return graph;
  const ops = graph.ops.filter((op) => !removed.has(op)).map((op) => cut.get(op) ?? op);
  return { ...graph, ops };
}

/** The padding that makes the rest only; null when the slice reaches into rows that padding did not add. */
function smaller(graph: Graph, conv: Conv, { attrs }: OpOf<'slice'>): Padding | null {
  const { strideH, strideW, padding } = conv.attrs;
  const { begin, size, strides } = attrs;
  const { shape } = tensorOf(graph, conv.outputs[0]!);
  if (strideH !== 1 || strideW !== 1 || strides.some((stride) => stride !== 1)) return null;
  if ([0, 3].some((d) => begin[d] !== 0 || size[d] !== shape[d])) return null;
  const behind = (d: 1 | 2): number => shape[d]! - begin[d]! - size[d]!;
  const cut = {
    top: padding.top - begin[1]!,
    left: padding.left - begin[2]!,
    bottom: padding.bottom - behind(1),
    right: padding.right - behind(2),
  };
  return Object.values(cut).every((rows) => rows >= 0) ? cut : null;
}
