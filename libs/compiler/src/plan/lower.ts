// One IR op as one plan step: its parameters by the names of docs/spec/bundle.yaml and its operands. The only arithmetic
// here is on shapes; multipliers come from ir/multipliers.
import { fault } from '../ir/diagnostics.js';
import { elements, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import {
  activationRange,
  addMultipliers,
  denseMultiplier,
  perChannelMultipliers,
  softmaxMultiplier,
  zeroPointOf,
  type Multiplier,
} from '../ir/multipliers.js';
import type { ConvAttrs, Op, OpKind, OpOf, PoolAttrs } from '../ir/ops.js';
import { macsOf } from '../ir/shapes.js';
import type { ConstantPool } from './constants.js';
import type { Operand, OpName, ParamValue, Step } from './types.js';

/** Address of a tensor, constants included. */
export type Locate = (id: TensorId) => Operand;

const ABSENT: Operand = { space: 'none', dtype: 'int32', offset: 0, bytes: 0 };

/** Ops of the IR that a step can be; the others never reach a plan. */
export const STEP_OPS: Readonly<Partial<Record<OpKind, OpName>>> = {
  add: 'ADD',
  average_pool_2d: 'AVERAGE_POOL_2D',
  conv_2d: 'CONV_2D',
  depthwise_conv_2d: 'DEPTHWISE_CONV_2D',
  fully_connected: 'FULLY_CONNECTED',
  max_pool_2d: 'MAX_POOL_2D',
  reshape: 'RESHAPE',
  softmax: 'SOFTMAX',
};

interface Lowered {
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Behind the op's own operands: tables, an absent bias. */
  readonly tables?: readonly Operand[];
}

export function lower(graph: Graph, op: Op, locate: Locate, pool: ConstantPool): Step {
  const { params, tables = [] } = refuseScales(op, () => parameters(graph, op, pool));
  const operands = op.inputs.map(locate);
  const weighted = op.kind === 'conv_2d' || op.kind === 'depthwise_conv_2d' || op.kind === 'fully_connected';
  if (weighted && operands.length === 2) operands.push(ABSENT);
  return {
    op: STEP_OPS[op.kind]!,
    name: op.name,
    node: op.sourceIndex,
    inputs: [...operands, ...tables],
    output: locate(op.output),
    outputTensor: op.output,
    params,
    macs: macsOf(graph, op),
  };
}

/** Scales so far apart that no kernel's shift bridges them: the model's fault, said with its names. */
function refuseScales(op: Op, make: () => Lowered): Lowered {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fault('compiler.quantization-invalid', { tensor: op.name, reason: error.message });
  }
}

function parameters(graph: Graph, op: Op, pool: ConstantPool): Lowered {
  const tensor = (id: TensorId): Tensor => tensorOf(graph, id);
  const output = tensor(op.output);
  const input = tensor(op.inputs[0]!);
  switch (op.kind) {
    case 'conv_2d':
      return convolution(op, input, tensor(op.inputs[1]!), output, pool);
    case 'depthwise_conv_2d':
      return convolution(op, input, tensor(op.inputs[1]!), output, pool);
    case 'fully_connected':
      return fullyConnected(op, input, tensor(op.inputs[1]!), output, pool);
    case 'average_pool_2d':
    case 'max_pool_2d':
      return { params: pooling(op.attrs, input, output) };
    case 'softmax': {
      const { value, shift, diffMin } = softmaxMultiplier(input, op.attrs.beta);
      const depth = input.shape.at(-1)!;
      // Differences of int8 values end at 255: a lower bound is never reached and fits the field.
      const diff_min = Math.max(-32_768, diffMin);
      const params = { rows: elements(input) / depth, depth, multiplier: value, shift, diff_min };
      // The two tables belong to int16.
      return { params, tables: [ABSENT, ABSENT] };
    }
    case 'reshape':
      return { params: { bytes: elements(output) } };
    case 'add':
      return { params: addition(op, input, tensor(op.inputs[1]!), output) };
    case 'view':
    case 'relu':
      throw new Error(`invariant: ${op.kind} ${op.name} has no plan step`);
  }
}

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

function clamp(
  op: OpOf<'conv_2d' | 'depthwise_conv_2d' | 'fully_connected' | 'add'> | { attrs: PoolAttrs },
  output: Tensor,
) {
  const { min, max } = activationRange(op.attrs.activation, output);
  return { activation_min: min, activation_max: max };
}

function convolution(
  op: OpOf<'conv_2d'> | OpOf<'depthwise_conv_2d'>,
  input: Tensor,
  filter: Tensor,
  output: Tensor,
  pool: ConstantPool,
): Lowered {
  const channels = output.shape[3]!;
  const specific: Record<string, number> =
    op.kind === 'conv_2d' ? { out_c: channels, groups: 1 } : { multiplier: op.attrs.depthMultiplier };
  const params = {
    ...window(op.attrs, input, output),
    ...specific,
    in_c: input.shape[3]!,
    filter_h: filter.shape[1]!,
    filter_w: filter.shape[2]!,
    dilation_h: op.attrs.dilationH,
    dilation_w: op.attrs.dilationW,
    input_offset: -zeroPointOf(input),
    weights_offset: 0,
    output_offset: zeroPointOf(output),
    ...clamp(op, output),
  };
  return { params, tables: requantization(perChannelMultipliers(input, filter, output, channels), pool) };
}

function fullyConnected(
  op: OpOf<'fully_connected'>,
  input: Tensor,
  filter: Tensor,
  output: Tensor,
  pool: ConstantPool,
): Lowered {
  const [out_n, in_n] = filter.shape as [number, number];
  const perChannel = filter.quantization!.scales.length > 1;
  const multipliers = perChannel
    ? perChannelMultipliers(input, filter, output, out_n)
    : [denseMultiplier(input, filter, output)];
  const params = {
    batches: elements(input) / in_n,
    in_n,
    out_n,
    input_offset: -zeroPointOf(input),
    weights_offset: 0,
    output_offset: zeroPointOf(output),
    ...clamp(op, output),
    per_channel: perChannel ? 1 : 0,
  };
  return { params, tables: requantization(multipliers, pool) };
}

function requantization(multipliers: readonly Multiplier[], pool: ConstantPool): Operand[] {
  return [pool.int32s(multipliers.map((m) => m.value)), pool.int8s(multipliers.map((m) => m.shift))];
}

function pooling(attrs: PoolAttrs, input: Tensor, output: Tensor): Record<string, number> {
  const { filterH: filter_h, filterW: filter_w } = attrs;
  const channels = input.shape[3]!;
  return { ...window(attrs, input, output), channels, filter_h, filter_w, ...clamp({ attrs }, output) };
}

const ADD_RANK = 5;

function addition(op: OpOf<'add'>, a: Tensor, b: Tensor, output: Tensor): Record<string, ParamValue> {
  const m = addMultipliers(a, b, output);
  return {
    dims: leading(output.shape),
    a_strides: broadcastStrides(a.shape),
    b_strides: broadcastStrides(b.shape),
    a_offset: -zeroPointOf(a),
    b_offset: -zeroPointOf(b),
    output_offset: zeroPointOf(output),
    ...clamp(op, output),
    left_shift: m.leftShift,
    a_shift: m.a.shift,
    a_multiplier: m.a.value,
    b_multiplier: m.b.value,
    output_multiplier: m.output.value,
    b_shift: m.b.shift,
    output_shift: m.output.shift,
  };
}

function leading(shape: readonly number[]): number[] {
  return [...new Array<number>(ADD_RANK - shape.length).fill(1), ...shape];
}

/** Row-major strides in elements, 0 along extents of 1. */
function broadcastStrides(shape: readonly number[]): number[] {
  const extents = leading(shape);
  return extents.map((extent, i) => (extent === 1 ? 0 : extents.slice(i + 1).reduce((n, e) => n * e, 1)));
}
