// AVERAGE_POOL_2D and MAX_POOL_2D. TFLite keeps the quantization of the input; a model that does not is refused, as the
// reference kernels would compute something else than the model says.
import type { Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { resolvePadding } from '../../../ir/shapes.js';
import { OPTIONS_TYPE, PADDING } from '../../../ir/tflite-schema.js';
import { DATA16, ids, type OpContext } from '../context.js';
import { symmetric } from './layer.js';

interface Options {
  padding: number;
  strideW: number;
  strideH: number;
  filterW: number;
  filterH: number;
  activation: number;
}

/** Windows of more elements could overflow the kernel's int32 sum: 2^7 * 2^23 < 2^31, 2^15 * 2^15 < 2^31. */
const LARGEST_WINDOW: Readonly<Record<string, number>> = { int8: 2 ** 23, int16: 2 ** 15 };
const LARGEST = 65_535;

export function importPool2d(kind: 'average_pool_2d' | 'max_pool_2d', context: OpContext): Op | null {
  const input = context.input(0, DATA16);
  const output = context.output(input === null ? DATA16 : [input.dtype]);
  if (input === null || output === null) return null;
  if (!context.rank(input, 4) || !context.rank(output, 4) || !symmetric(context, input, output)) return null;
  if (!sameQuantization(input, output)) {
    context.quantization(output, "pooling must keep its input's scale");
    return null;
  }
  const defaults = { padding: 0, strideW: 0, strideH: 0, filterW: 0, filterH: 0, activation: 0 };
  const options = context.options<Options>(OPTIONS_TYPE.pool2d, defaults);
  const activation = context.activation(options.activation);
  if (activation === null) return null;
  const { strideH, strideW, filterH, filterW } = options;
  const scheme = PADDING[options.padding];
  if (scheme === undefined) return context.invalid(`padding ${options.padding} is unknown`);
  const extents = [strideH, strideW, filterH, filterW, ...input.shape];
  if (
    extents.some((n) => n < 1 || n > LARGEST) ||
    filterH * filterW > (LARGEST_WINDOW[input.dtype] ?? Infinity)
  ) {
    return context.invalid('a stride or extent is out of range');
  }
  const [batch, h, w, depth] = input.shape;
  const { padding, ...out } = resolvePadding(
    { h: h!, w: w! },
    { strideH, strideW, filterH, filterW },
    scheme,
  );
  const expected = [batch, out.h, out.w, depth];
  if (expected.join() !== output.shape.join()) {
    return context.invalid(
      `output is [${output.shape.join(', ')}], the window gives [${expected.join(', ')}]`,
    );
  }
  const { name, sourceIndex } = context;
  const attrs = { strideH, strideW, filterH, filterW, padding, activation };
  return { kind, name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs };
}

/** Same tolerance as TFLite's kernels have for scales. */
export function sameQuantization(a: Tensor, b: Tensor): boolean {
  const [p, q] = [a.quantization, b.quantization];
  if (p === null || q === null) return p === q;
  return p.zeroPoints[0] === q.zeroPoints[0] && Math.abs(p.scales[0]! - q.scales[0]!) <= 1e-6;
}
