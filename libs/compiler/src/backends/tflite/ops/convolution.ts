// Options of convolutions, dense layers and pools.
import type { ConvolutionOps } from '../../../ir/ops/convolution.js';
import type { ConvAttrs, OpView, PoolAttrs, TransposeConvAttrs } from '../../../ir/ops.js';
import { resolvePadding, type WindowExtent } from '../../../ir/shapes.js';
import { OPTIONS_TYPE, PADDING } from '../../../ir/tflite-schema.js';
import { activation, type Writers } from './spec.js';

export const CONVOLUTION: Writers<ConvolutionOps> = {
  conv_2d: (op, name) => ({ type: OPTIONS_TYPE.conv2d, value: convolution(op, name) }),
  depthwise_conv_2d: (op, name) => ({
    type: OPTIONS_TYPE.depthwiseConv2d,
    value: { ...convolution(op, name), depthMultiplier: op.attrs.depthMultiplier },
  }),
  transpose_conv: (op, name) => ({
    type: OPTIONS_TYPE.transposeConv,
    value: {
      padding: paddingOf(op, name),
      strideW: op.attrs.strideW,
      strideH: op.attrs.strideH,
      activation: activation(op.attrs.activation),
    },
  }),
  fully_connected: ({ attrs, outputs }) => ({
    type: OPTIONS_TYPE.fullyConnected,
    value: { activation: activation(attrs.activation), keepNumDims: outputs[0]!.shape.length !== 2 },
  }),
  average_pool_2d: pool,
  max_pool_2d: pool,
};

/** A transposed convolution is padded as the convolution from its output to its input is. */
function paddingOf({ attrs, inputs, outputs }: OpView<TransposeConvAttrs>, name: string): number {
  const [, filterH, filterW] = inputs[1]!.shape;
  const [, h, w] = outputs[0]!.shape;
  const { strideH, strideW, padding } = attrs;
  for (const scheme of PADDING) {
    const window = { filterH: filterH!, filterW: filterW!, strideH, strideW };
    const found = resolvePadding({ h: h!, w: w! }, window, scheme).padding;
    if (found.top === padding.top && found.left === padding.left) return PADDING.indexOf(scheme);
  }
  throw new RangeError(`${name}: padding is neither SAME nor VALID`);
}

function convolution(op: OpView<ConvAttrs>, name: string) {
  const filter = op.inputs[1]!.shape;
  const { strideH, strideW, dilationH, dilationW } = op.attrs;
  const extent = { filterH: filter[1]!, filterW: filter[2]!, dilationH, dilationW };
  return {
    padding: paddingScheme(op, extent, name),
    strideW,
    strideH,
    activation: activation(op.attrs.activation),
    dilationW,
    dilationH,
  };
}

function pool(op: OpView<PoolAttrs>, name: string) {
  const { strideH, strideW, filterH, filterW } = op.attrs;
  const padding = paddingScheme(op, { filterH, filterW }, name);
  const value = {
    padding,
    strideW,
    strideH,
    filterW,
    filterH,
    activation: activation(op.attrs.activation),
  };
  return { type: OPTIONS_TYPE.pool2d, value };
}

function paddingScheme(op: OpView<ConvAttrs | PoolAttrs>, extent: WindowExtent, name: string): number {
  const [, h, w] = op.inputs[0]!.shape;
  const [, outH, outW] = op.outputs[0]!.shape;
  for (const scheme of PADDING) {
    const { strideH, strideW, padding } = op.attrs;
    const found = resolvePadding({ h: h!, w: w! }, { ...extent, strideH, strideW }, scheme);
    const same = found.padding.top === padding.top && found.padding.left === padding.left;
    if (same && found.h === outH && found.w === outW) return PADDING.indexOf(scheme);
  }
  throw new RangeError(`${name}: padding is neither SAME nor VALID`);
}
