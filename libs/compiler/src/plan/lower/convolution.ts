// Convolutions, dense layers and pools as steps.
import { elements, type Tensor } from '../../ir/graph.js';
import { denseMultiplier, for64Bits, perChannelMultipliers, type Multiplier } from '../../ir/multipliers.js';
import type { ConvAttrs, OpAttrs, OpView, PoolAttrs, TransposeConvAttrs, Window2d } from '../../ir/ops.js';
import type { ConvolutionOps } from '../../ir/ops/convolution.js';
import { TENSOR_ALIGNMENT, type ConstantPool } from '../constants.js';
import { ABSENT, clampOf, offsetsOf, requantization, type Lowered, type Lowerings } from './spec.js';

export const CONVOLUTION: Lowerings<ConvolutionOps> = {
  conv_2d: {
    op: 'CONV_2D',
    lower: (op, pool) => {
      const groups = op.inputs[0]!.shape[3]! / op.inputs[1]!.shape[3]!;
      return convolution(op, { out_c: op.outputs[0]!.shape[3]!, groups }, pool);
    },
  },
  transpose_conv: { op: 'TRANSPOSE_CONV', lower: transposeConv },
  depthwise_conv_2d: {
    op: 'DEPTHWISE_CONV_2D',
    lower: (op, pool) => convolution(op, { multiplier: op.attrs.depthMultiplier }, pool),
  },
  fully_connected: { op: 'FULLY_CONNECTED', lower: fullyConnected },
  average_pool_2d: { op: 'AVERAGE_POOL_2D', lower: (op) => ({ params: pooling(op) }) },
  max_pool_2d: { op: 'MAX_POOL_2D', lower: (op) => ({ params: pooling(op) }) },
};

function window(attrs: Window2d, input: Tensor, output: Tensor): Record<string, number> {
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

/** What follows input and filter: bias (an operand even when there is none), multipliers and shifts. */
function tables(
  [input, , bias]: readonly Tensor[],
  multipliers: Multiplier[],
  o: { readonly pool: ConstantPool; readonly narrow: boolean },
): Pick<Lowered, 'keep' | 'tables'> {
  const absent = bias === undefined ? [ABSENT] : [];
  // Convolutions and dense layers with an int32 bias add and requantize in 32 bits, as the reference does.
  if (input!.dtype !== 'int16' || (bias?.dtype === 'int32' && o.narrow))
    return { tables: [...absent, ...requantization(multipliers, o.pool)] };
  const behind = requantization(for64Bits(multipliers), o.pool);
  if (bias?.dtype !== 'int32') return { tables: [...absent, ...behind] };
  // The reference's other layers read 64 bits whatever the file has: the model means its 32-bit values.
  return { keep: [0, 1], tables: [o.pool.add(widened(bias.data!), 'int64', TENSOR_ALIGNMENT), ...behind] };
}

function widened(int32s: Uint8Array): Uint8Array {
  const data = new Uint8Array(int32s.length * 2);
  const [from, to] = [
    new DataView(int32s.buffer, int32s.byteOffset, int32s.length),
    new DataView(data.buffer),
  ];
  for (let i = 0; i < int32s.length; i += 4) to.setBigInt64(i * 2, BigInt(from.getInt32(i, true)), true);
  return data;
}

/** One multiplier per output channel. */
function channelMultipliers(
  attrs: { readonly legacy?: boolean },
  inputs: readonly Tensor[],
  output: Tensor,
): Multiplier[] {
  const [input, filter] = inputs as [Tensor, Tensor];
  const channels = output.shape[3]!;
  if (attrs.legacy !== true) return perChannelMultipliers(input, filter, output, channels);
  return new Array<Multiplier>(channels).fill(denseMultiplier(input, filter, output));
}

/** Zero points as kernels add them. Per-channel weights have none. */
function layerOffsets([input, filter]: readonly Tensor[], output: Tensor) {
  const { zeroPoints, axis } = filter!.quantization!;
  return { ...offsetsOf(input!, output), weights_offset: axis === null ? 0 - zeroPoints[0]! : 0 };
}

function transposeConv({ attrs, inputs, outputs }: OpView<TransposeConvAttrs>, pool: ConstantPool): Lowered {
  const [input, filter] = inputs as [Tensor, Tensor];
  const output = outputs[0]!;
  const params = {
    ...window(attrs, input, output),
    in_c: input.shape[3]!,
    out_c: output.shape[3]!,
    filter_h: filter.shape[1]!,
    filter_w: filter.shape[2]!,
    ...layerOffsets(inputs, output),
    ...clampOf(attrs.activation, output),
  };
  return { params, ...tables(inputs, channelMultipliers(attrs, inputs, output), { pool, narrow: false }) };
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
    ...layerOffsets(inputs, output),
    ...clampOf(attrs.activation, output),
  };
  const narrow = 'out_c' in specific;
  return { params, ...tables(inputs, channelMultipliers(attrs, inputs, output), { pool, narrow }) };
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
    ...layerOffsets(inputs, output),
    ...clampOf(attrs.activation, output),
    per_channel: perChannel ? 1 : 0,
  };
  return { params, ...tables(inputs, multipliers, { pool, narrow: true }) };
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
