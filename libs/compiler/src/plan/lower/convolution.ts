// Convolutions, dense layers and pools as steps.
import { elements, type Tensor } from '../../ir/graph.js';
import { denseMultiplier, perChannelMultipliers } from '../../ir/multipliers.js';
import type { ConvAttrs, OpAttrs, OpView, PoolAttrs } from '../../ir/ops.js';
import type { ConvolutionOps } from '../../ir/ops/convolution.js';
import type { ConstantPool } from '../constants.js';
import { ABSENT, clampOf, offsetsOf, requantization, type Lowered, type Lowerings } from './spec.js';

export const CONVOLUTION: Lowerings<ConvolutionOps> = {
  conv_2d: {
    op: 'CONV_2D',
    lower: (op, pool) => convolution(op, { out_c: op.outputs[0]!.shape[3]!, groups: 1 }, pool),
  },
  depthwise_conv_2d: {
    op: 'DEPTHWISE_CONV_2D',
    lower: (op, pool) => convolution(op, { multiplier: op.attrs.depthMultiplier }, pool),
  },
  fully_connected: { op: 'FULLY_CONNECTED', lower: fullyConnected },
  average_pool_2d: { op: 'AVERAGE_POOL_2D', lower: (op) => ({ params: pooling(op) }) },
  max_pool_2d: { op: 'MAX_POOL_2D', lower: (op) => ({ params: pooling(op) }) },
};

function window(attrs: ConvAttrs | PoolAttrs, input: Tensor, output: Tensor): Record<string, number> {
  const [batches, in_h, in_w] = input.shape as [number, number, number, number];
  const [, out_h, out_w] = output.shape as [number, number, number, number];
  const { strideH: stride_h, strideW: stride_w, padding } = attrs;
  return {
    batches,
    in_h,
    in_w,
    out_h,
    out_w,
    stride_h,
    stride_w,
    pad_top: padding.top,
    pad_left: padding.left,
  };
}

/** An operand for the bias even when there is none. */
function bias(inputs: readonly Tensor[]): (typeof ABSENT)[] {
  return inputs.length === 2 ? [ABSENT] : [];
}

function convolution(
  { attrs, inputs, outputs }: OpView<ConvAttrs>,
  specific: Record<string, number>,
  pool: ConstantPool,
): Lowered {
  const [input, filter] = inputs as [Tensor, Tensor];
  const output = outputs[0]!;
  const params = {
    ...window(attrs, input, output),
    ...specific,
    in_c: input.shape[3]!,
    filter_h: filter.shape[1]!,
    filter_w: filter.shape[2]!,
    dilation_h: attrs.dilationH,
    dilation_w: attrs.dilationW,
    ...offsetsOf(input, output),
    weights_offset: 0,
    ...clampOf(attrs.activation, output),
  };
  const multipliers = perChannelMultipliers(input, filter, output, output.shape[3]!);
  return { params, tables: [...bias(inputs), ...requantization(multipliers, pool)] };
}

function fullyConnected(
  { attrs, inputs, outputs }: OpView<OpAttrs['fully_connected']>,
  pool: ConstantPool,
): Lowered {
  const [input, filter] = inputs as [Tensor, Tensor];
  const output = outputs[0]!;
  const [out_n, in_n] = filter.shape as [number, number];
  const perChannel = filter.quantization!.scales.length > 1;
  const multipliers = perChannel
    ? perChannelMultipliers(input, filter, output, out_n)
    : [denseMultiplier(input, filter, output)];
  const params = {
    batches: elements(input) / in_n,
    in_n,
    out_n,
    ...offsetsOf(input, output),
    weights_offset: 0,
    ...clampOf(attrs.activation, output),
    per_channel: perChannel ? 1 : 0,
  };
  return { params, tables: [...bias(inputs), ...requantization(multipliers, pool)] };
}

function pooling({ attrs, inputs, outputs }: OpView<PoolAttrs>): Record<string, number> {
  const { filterH: filter_h, filterW: filter_w } = attrs;
  const [input, output] = [inputs[0]!, outputs[0]!];
  const channels = input.shape[3]!;
  return {
    ...window(attrs, input, output),
    channels,
    filter_h,
    filter_w,
    ...clampOf(attrs.activation, output),
  };
}
