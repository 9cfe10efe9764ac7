// TRANSPOSE_CONV: filter and input are operands 1 and 2, behind the output's shape. That shape operand is not read: the output
// tensor's static shape says the same.
import type { Op } from '../../../ir/ops.js';
import { resolvePadding } from '../../../ir/shapes.js';
import { OPTIONS_TYPE, PADDING } from '../../../ir/tflite-schema.js';
import { ids, type OpContext } from '../context.js';
import { layerInputs, layerOperands } from './layer.js';

/** Parameters are 16-bit in the bundle. */
const LARGEST = 65_535;

export function importTransposeConv(context: OpContext): Op | null {
  const found = layerOperands(context, { filter: 1, input: 2, bias: 3, channelAxis: 0 });
  if (found === null) return null;
  const { input, filter, bias, output, legacy } = found;
  if (![input, filter, output].every((tensor) => context.rank(tensor, 4))) return null;
  if (filter.shape[3] !== input.shape[3]) {
    return context.invalid(`filter depth ${filter.shape[3]} is not the input depth ${input.shape[3]}`);
  }
  if (!context.bias(bias, filter.shape[0]!)) return null;
  const defaults = { padding: 0, strideW: 0, strideH: 0, activation: 0 };
  const options = context.options(OPTIONS_TYPE.transposeConv, defaults);
  const activation = context.activation(options.activation);
  if (activation === null) return null;
  const scheme = PADDING[options.padding];
  if (scheme === undefined) return context.invalid(`padding ${options.padding} is unknown`);
  const { strideH, strideW } = options;
  const extents = [strideH, strideW, ...filter.shape, ...input.shape, ...output.shape];
  if (extents.some((extent) => extent < 1 || extent > LARGEST))
    return context.invalid('a stride or extent is out of range');
  const [, filterH, filterW] = filter.shape;
  const [batch, h, w] = output.shape;
  // Padded as the convolution from the output to the input is.
  const window = { filterH: filterH!, filterW: filterW!, strideH, strideW };
  const { padding, ...back } = resolvePadding({ h: h!, w: w! }, window, scheme);
  const expected = [batch, back.h, back.w, filter.shape[0]];
  const given = [input.shape[0], input.shape[1], input.shape[2], output.shape[3]];
  if (expected.join() !== given.join()) {
    return context.invalid(`[${input.shape.join(', ')}] is not what makes [${output.shape.join(', ')}]`);
  }
  const { name, sourceIndex } = context;
  const attrs = { strideH, strideW, padding, activation, ...(legacy ? { legacy } : {}) };
  return {
    kind: 'transpose_conv',
    name,
    sourceIndex,
    inputs: layerInputs(found),
    outputs: ids(output),
    attrs,
  };
}
