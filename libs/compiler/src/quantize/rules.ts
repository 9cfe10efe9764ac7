// How each op wants its operands' scales when a float graph becomes int8: the rules of TensorFlow Lite Micro's kernels, as
// TFLite's own converter follows them. An op without a rule has no int8 form.
import type { OpKind } from '../ir/ops.js';
import type { Quantization } from '../ir/graph.js';

export interface WeightRule {
  /** Operand that the weights multiply. */
  readonly data: number;
  /** Operand that is weights: symmetric, one scale per slice of `axis`. A bias may follow it. */
  readonly operand: number;
  readonly axis: number;
}

export interface QuantizeRule {
  /** All float operands and results have one scale: their bytes are moved or compared, not computed with. */
  readonly same?: true;
  /** The result's scale, whatever its values. */
  readonly fixed?: Quantization;
  readonly weights?: WeightRule;
  /** An LSTM: eight weights, four biases, a hidden state in the output's scale, a cell state in a power of two. */
  readonly lstm?: true;
}

const PROBABILITY: Quantization = { scales: [1 / 256], zeroPoints: [-128], axis: null };

const SIGNED_UNIT: Quantization = { scales: [1 / 128], zeroPoints: [0], axis: null };

const SAME: QuantizeRule = { same: true };
/** Each float tensor has the scale of its own values. */
const OWN: QuantizeRule = {};
const OUTPUTS_FIRST: QuantizeRule = { weights: { data: 0, operand: 1, axis: 0 } };

const RULES: { readonly [K in OpKind]?: QuantizeRule } = {
  conv_2d: OUTPUTS_FIRST,
  transpose_conv: OUTPUTS_FIRST,
  fully_connected: OUTPUTS_FIRST,
  depthwise_conv_2d: { weights: { data: 0, operand: 1, axis: 3 } },
  average_pool_2d: SAME,
  max_pool_2d: SAME,

  add: OWN,
  sub: OWN,
  mul: OWN,
  div: OWN,
  maximum: SAME,
  minimum: SAME,
  prelu: OWN,

  relu: OWN,
  leaky_relu: OWN,
  elu: OWN,
  hard_swish: OWN,
  logistic: { fixed: PROBABILITY },
  tanh: { fixed: SIGNED_UNIT },
  softmax: { fixed: PROBABILITY },

  reshape: SAME,
  view: SAME,
  transpose: SAME,
  slice: SAME,
  broadcast_to: SAME,
  tile: SAME,
  space_to_depth: SAME,
  depth_to_space: SAME,
  space_to_batch_nd: SAME,
  batch_to_space_nd: SAME,
  pad: SAME,
  mirror_pad: SAME,
  concatenation: SAME,
  pack: SAME,
  split: SAME,
  unpack: SAME,
  gather: SAME,
  resize_nearest_neighbor: SAME,
  resize_bilinear: SAME,

  mean: OWN,
  sum: OWN,
  reduce_max: SAME,
  reduce_min: SAME,
  arg_max: OWN,
  arg_min: OWN,
  batch_matmul: OWN,

  unidirectional_sequence_lstm: { lstm: true },
  read_variable: SAME,
  assign_variable: SAME,
  shift_state: SAME,
};

export function ruleOf(kind: OpKind): QuantizeRule | undefined {
  return RULES[kind];
}
