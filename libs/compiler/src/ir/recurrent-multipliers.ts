// Scale factors of SVDF and LSTM as the kernels' integers, in the order of float and double operations of TensorFlow Lite
// Micro (svdf_common.cc, lstm_eval_common.cc). Pure functions of scales, like ir/multipliers.ts.
import type { Tensor } from './graph.js';
import { quantizeMultiplier, roundHalfAway, scaleOf, type Multiplier } from './multipliers.js';

export interface SvdfMultipliers {
  /** Feature dot product to state, time sum to output. */
  readonly feature: Multiplier;
  readonly output: Multiplier;
}

/** PrepareSvdf: both ratios are computed in float and only then become doubles. */
export function svdfMultipliers(tensors: {
  readonly input: Tensor;
  readonly feature: Tensor;
  readonly time: Tensor;
  readonly state: Tensor;
  readonly output: Tensor;
}): SvdfMultipliers {
  const { input, feature, time, state, output } = tensors;
  const ratio = (a: Tensor, b: Tensor, over: Tensor): Multiplier =>
    quantizeMultiplier(Math.fround(Math.fround(scaleOf(a) * scaleOf(b)) / scaleOf(over)));
  return { feature: ratio(input, feature, state), output: ratio(state, time, output) };
}

/** What sigmoid and tanh take, Q3.12, and give, Q0.15. */
const GATE_INPUT_SCALE = 2 ** -12;
const GATE_OUTPUT_SCALE = 2 ** -15;

/** CreateGateParams: weights times activation, rounded to float, over Q3.12. */
export function gateMultiplier(activation: Tensor, weights: Tensor): Multiplier {
  return quantizeMultiplier(Math.fround(scaleOf(activation) * scaleOf(weights)) / GATE_INPUT_SCALE);
}

export interface LstmMultipliers {
  readonly forget: Multiplier;
  readonly update: Multiplier;
  readonly output: Multiplier;
  /** The cell state's scale is taken as 2^power. */
  readonly cellScalePower: number;
  /** -1 = no clipping. */
  readonly cellClip: number;
}

/** CreateInterGateMulParams and CreateLstmCellStateInfo. */
export function lstmMultipliers(hidden: Tensor, cell: Tensor, cellClip: number): LstmMultipliers {
  const cellScale = scaleOf(cell);
  const product = (a: number, b: number, output: number): Multiplier => quantizeMultiplier((a * b) / output);
  const cellScalePower = roundHalfAway(Math.log2(cellScale));
  if (cellScalePower < -42 || cellScalePower > 1)
    throw new RangeError(`a cell state's scale of ${cellScale} is outside 2^-42..2`);
  return {
    forget: product(GATE_OUTPUT_SCALE, cellScale, cellScale),
    update: product(GATE_OUTPUT_SCALE, GATE_OUTPUT_SCALE, cellScale),
    output: product(GATE_OUTPUT_SCALE, GATE_OUTPUT_SCALE, scaleOf(hidden)),
    cellScalePower,
    cellClip: cellClip > 0 ? Math.trunc(Math.min(cellClip / cellScale, 32_767)) : -1,
  };
}
