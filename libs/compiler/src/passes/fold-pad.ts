// Rows and columns of zero points around an image are what a convolution's own padding means: the kernels skip them, and a
// zero point adds nothing to a sum.
import { consumers, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import type { Op, OpOf } from '../ir/ops.js';
import type { Padding } from '../ir/ops/spec.js';
import { sameScale } from './same-scale.js';

type Conv = OpOf<'conv_2d'> | OpOf<'depthwise_conv_2d'>;

/** Keeps every coordinate of a padded window within the kernels' 30 bits. */
const MOST_PADDING = 32_767;

export function foldPad(graph: Graph): Graph {
  const users = consumers(graph);
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const padded = new Map<TensorId, OpOf<'pad'>>();
  for (const op of graph.ops) {
    if (op.kind !== 'pad' || pinned.has(op.outputs[0]!) || !isBorder(graph, op)) continue;
    if (!sameScale(graph, op.inputs[0]!, op.outputs[0]!)) continue;
    const readers = users.get(op.outputs[0]!) ?? [];
    if (readers.every((reader) => isConv(reader) && fits(merged(reader, op)))) padded.set(op.outputs[0]!, op);
  }
  if (padded.size === 0) return graph;
  const ops = graph.ops.flatMap((op): Op[] => {
    if (op.kind === 'pad' && padded.has(op.outputs[0]!)) return [];
    const pad = padded.get(op.inputs[0]!);
    if (pad === undefined || !isConv(op)) return [op];
    const inputs = [pad.inputs[0]!, ...op.inputs.slice(1)];
    return [{ ...op, inputs, attrs: { ...op.attrs, padding: merged(op, pad) } } as Op];
  });
  return { ...graph, ops };
}

function isConv(op: Op): op is Conv {
  return op.kind === 'conv_2d' || op.kind === 'depthwise_conv_2d';
}

/** Along rows and columns of NHWC only, with what the tensor calls zero. */
function isBorder(graph: Graph, { attrs, inputs }: OpOf<'pad'>): boolean {
  const input: Tensor = tensorOf(graph, inputs[0]!);
  const zero = input.quantization === null ? 0 : input.quantization.zeroPoints[0]!;
  const others = [0, 3].every((d) => attrs.before[d] === 0 && attrs.after[d] === 0);
  return input.shape.length === 4 && others && attrs.value === zero;
}

function merged(conv: Conv, { attrs: { before, after } }: OpOf<'pad'>): Padding {
  const { top, left, bottom, right } = conv.attrs.padding;
  return {
    top: top + before[1]!,
    left: left + before[2]!,
    bottom: bottom + after[1]!,
    right: right + after[2]!,
  };
}

function fits(padding: Padding): boolean {
  return Object.values(padding).every((rows) => rows <= MOST_PADDING);
}
