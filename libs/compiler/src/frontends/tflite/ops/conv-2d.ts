// CONV_2D and DEPTHWISE_CONV_2D: SAME/VALID become explicit padding.
import type { Tensor } from '../../../ir/graph.js';
import type { ConvAttrs, Op } from '../../../ir/ops.js';
import { resolvePadding } from '../../../ir/shapes.js';
import { OPTIONS_TYPE, PADDING } from '../../../ir/tflite-schema.js';
import { BIAS, DATA, ids, type OpContext } from '../context.js';

interface Options {
  padding: number;
  strideW: number;
  strideH: number;
  activation: number;
  dilationW: number;
  dilationH: number;
}

const OPERANDS = [DATA, DATA, BIAS];
/** Parameters are 16-bit in the bundle; no useful window comes near. */
const LARGEST = 65_535;
/** Keeps every coordinate of a padded window within the kernels' 30 bits. */
const MOST_PADDING = 32_767;

export function importConv2d(context: OpContext): Op | null {
  const found = operands(context, 0);
  if (found === null) return null;
  const { input, filter, bias, output } = found;
  if (filter.shape[3] !== input.shape[3]) {
    return context.invalid(`filter depth ${filter.shape[3]} is not the input depth ${input.shape[3]}`);
  }
  if (!context.bias(bias, filter.shape[0]!)) return null;
  const attrs = window(context, OPTIONS_TYPE.conv2d, found, filter.shape[0]!);
  if (attrs === null) return null;
  const { name, sourceIndex } = context;
  const inputs = bias === undefined ? ids(input, filter) : ids(input, filter, bias);
  return { kind: 'conv_2d', name, sourceIndex, inputs, outputs: ids(output), attrs };
}

export function importDepthwiseConv2d(context: OpContext): Op | null {
  const found = operands(context, 3);
  if (found === null) return null;
  const { input, filter, bias, output } = found;
  const depthMultiplier = filter.shape[3]! / input.shape[3]!;
  if (!Number.isInteger(depthMultiplier) || filter.shape[0] !== 1) {
    return context.invalid(`filter [${filter.shape.join(', ')}] does not fit depth ${input.shape[3]}`);
  }
  if (!context.bias(bias, filter.shape[3]!)) return null;
  const attrs = window(context, OPTIONS_TYPE.depthwiseConv2d, found, filter.shape[3]!);
  if (attrs === null) return null;
  const { name, sourceIndex } = context;
  const inputs = bias === undefined ? ids(input, filter) : ids(input, filter, bias);
  return {
    kind: 'depthwise_conv_2d',
    name,
    sourceIndex,
    inputs,
    outputs: ids(output),
    attrs: { ...attrs, depthMultiplier },
  };
}

interface ConvOperands {
  readonly input: Tensor;
  readonly filter: Tensor;
  readonly bias: Tensor | undefined;
  readonly output: Tensor;
}

function operands(context: OpContext, channelAxis: number): ConvOperands | null {
  const found = context.operands([DATA, DATA, BIAS], 2);
  if (found === null) return null;
  const [input, filter, bias] = found.inputs as [Tensor, Tensor, Tensor?];
  const { output } = found;
  if (![input, filter, output].every((tensor) => context.rank(tensor, 4))) return null;
  if (!context.perTensor(input, output) || !context.weights(filter, channelAxis)) return null;
  return { input, filter, bias, output };
}

function window(context: OpContext, type: number, o: ConvOperands, channels: number): ConvAttrs | null {
  const defaults = { padding: 0, strideW: 0, strideH: 0, activation: 0, dilationW: 1, dilationH: 1 };
  const options = context.options<Options>(type, defaults);
  const activation = context.activation(options.activation);
  if (activation === null) return null;
  const { strideH, strideW, dilationH, dilationW } = options;
  const scheme = PADDING[options.padding];
  if (scheme === undefined) return context.invalid(`padding ${options.padding} is unknown`);
  const extents = [strideH, strideW, dilationH, dilationW, ...o.filter.shape, ...o.input.shape];
  if (extents.some((extent) => extent < 1 || extent > LARGEST))
    return context.invalid('a stride or extent is out of range');
  const extent = {
    filterH: o.filter.shape[1]!,
    filterW: o.filter.shape[2]!,
    dilationH,
    dilationW,
    strideH,
    strideW,
  };
  const [batch, h, w] = o.input.shape;
  const { padding, ...out } = resolvePadding({ h: h!, w: w! }, extent, scheme);
  if (Object.values(padding).some((rows) => rows > MOST_PADDING))
    return context.invalid('its padding is out of range');
  const expected = [batch, out.h, out.w, channels];
  if (expected.join() !== o.output.shape.join()) {
    return context.invalid(
      `output is [${o.output.shape.join(', ')}], the window gives [${expected.join(', ')}]`,
    );
  }
  return { strideH, strideW, dilationH, dilationW, padding, activation };
}
