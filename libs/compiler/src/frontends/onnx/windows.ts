// Windows of convolutions and pools: ONNX's attributes (explicit or automatic padding, 1-D or 2-D) as the IR's.
import type { Padding } from '../../ir/ops.js';
import { resolvePadding } from '../../ir/shapes.js';
import type { Pair } from '../net/graph-writer.js';
import type { OnnxContext } from './context.js';

export interface Window {
  readonly stride: Pair;
  readonly dilation: Pair;
  readonly padding: Padding;
}

/** Parameters of the bundle are 16-bit, and kernels need padded coordinates within 30 bits. */
const LARGEST = 32_767;

/** `input` [h, w] and `filter` in two dimensions; 1-D windows have height 1. */
export function windowOf(c: OnnxContext, rank: number, input: Pair, filter: Pair): Window {
  const stride = pair(c, 'strides', rank);
  const dilation = pair(c, 'dilations', rank);
  const extents = [...stride, ...dilation, ...filter];
  if (extents.some((n) => !(n >= 1 && n <= LARGEST))) throw c.invalid('a stride or extent is out of range');
  const auto = c.text('auto_pad', 'NOTSET');
  const padding =
    auto === 'NOTSET' ? explicit(c, rank) : automatic(c, auto, { stride, dilation, input, filter });
  if (Object.values(padding).some((n) => !(n >= 0 && n <= LARGEST)))
    throw c.option('negative or huge padding', 'crop with Slice instead');
  return { stride, dilation, padding };
}

/** A pair attribute in two dimensions. */
export function pair(c: OnnxContext, name: string, rank: number): Pair {
  const given = c.ints(name) ?? [];
  if (given.length === 0) return [1, 1];
  if (given.length !== rank - 2) throw c.invalid(`${name} has ${given.length} values`);
  return rank === 3 ? [1, given[0]!] : [given[0]!, given[1]!];
}

function explicit(c: OnnxContext, rank: number): Padding {
  const pads = c.ints('pads') ?? [];
  if (pads.length === 0) return { top: 0, left: 0, bottom: 0, right: 0 };
  if (pads.length !== 2 * (rank - 2)) throw c.invalid(`pads has ${pads.length} values`);
  if (rank === 3) return { top: 0, left: pads[0]!, bottom: 0, right: pads[1]! };
  return { top: pads[0]!, left: pads[1]!, bottom: pads[2]!, right: pads[3]! };
}

function automatic(
  c: OnnxContext,
  auto: string,
  w: { stride: Pair; dilation: Pair; input: Pair; filter: Pair },
): Padding {
  if (auto !== 'VALID' && auto !== 'SAME_UPPER' && auto !== 'SAME_LOWER') throw c.option(`auto_pad ${auto}`);
  const window = {
    strideH: w.stride[0],
    strideW: w.stride[1],
    filterH: w.filter[0],
    filterW: w.filter[1],
    dilationH: w.dilation[0],
    dilationW: w.dilation[1],
  };
  const [h, wide] = w.input;
  const { padding } = resolvePadding({ h, w: wide }, window, auto === 'VALID' ? 'valid' : 'same');
  if (auto !== 'SAME_LOWER') return padding;
  return { top: padding.bottom, left: padding.right, bottom: padding.top, right: padding.left };
}

/** ceil_mode: rows and columns added behind, as many as a last window that begins inside needs. */
export function ceiled(w: Window, input: Pair, filter: Pair): Padding {
  const more = (extent: number, before: number, after: number, k: number, stride: number): number => {
    const room = extent + before + after - k;
    let out = Math.ceil(room / stride) + 1;
    if ((out - 1) * stride >= extent + before) out--;
    return Math.max(after, (out - 1) * stride + k - extent - before);
  };
  const { top, left, bottom, right } = w.padding;
  return {
    top,
    left,
    bottom: more(input[0], top, bottom, filter[0], w.stride[0]),
    right: more(input[1], left, right, filter[1], w.stride[1]),
  };
}
