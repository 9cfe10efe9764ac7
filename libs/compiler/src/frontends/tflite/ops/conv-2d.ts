// CONV_2D and DEPTHWISE_CONV_2D: SAME/VALID become explicit padding.
import type { ConvAttrs, Op } from '../../../ir/ops.js';
import { resolvePadding } from '../../../ir/shapes.js';
import { OPTIONS_TYPE, PADDING } from '../../../ir/tflite-schema.js';
import { ids, type OpContext } from '../context.js';
import { layerInputs, layerOperands, type Layer } from './layer.js';

interface Options {
  padding: number;
  strideW: number;
  strideH: number;
  activation: number;
  dilationW: number;
  dilationH: number;
}

/** Parameters are 16-bit in the bundle; no useful window comes near. */
const LARGEST = 65_535;
/** Keeps every coordinate of a padded window within the kernels' 30 bits. */
const MOST_PADDING = 32_767;

export function importConv2d(context: OpContext): Op | null {
  const found = operands(context, 0);
  if (found === null) return null;
  const { input, filter, bias, output } = found;
  // A filter of less depth sees one group of input channels after the other.
  const groups = input.shape[3]! / filter.shape[3]!;
  if (!Number.isInteger(groups) || filter.shape[0]! % groups !== 0) {
    return context.invalid(`filter depth ${filter.shape[3]} does not fit the input depth ${input.shape[3]}`);
  }
  if (!context.bias(bias, filter.shape[0]!)) return null;
  const attrs = window(context, OPTIONS_TYPE.conv2d, found, filter.shape[0]!);
  if (attrs === null) return null;
  const { name, sourceIndex } = context;
  return { kind: 'conv_2d', name, sourceIndex, inputs: layerInputs(found), outputs: ids(output), attrs };
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
  return {
    kind: 'depthwise_conv_2d',
    name,
    sourceIndex,
    inputs: layerInputs(found),
    outputs: ids(output),
    attrs: { ...attrs, depthMultiplier },
  };
}

function operands(context: OpContext, channelAxis: number): Layer | null {
  const found = layerOperands(context, { input: 0, filter: 1, bias: 2, channelAxis });
  if (found === null) return null;
  const { input, filter, output } = found;
  return [input, filter, output].every((tensor) => context.rank(tensor, 4)) ? found : null;
}

function window(context: OpContext, type: number, o: Layer, channels: number): ConvAttrs | null {
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
  const legacy = o.legacy ? { legacy: true } : {};
  return { strideH, strideW, dilationH, dilationW, padding, activation, ...legacy };
}
