// Which ops can be evaluated in floats, family by family.
import type { Op, OpAttrs } from '../../ir/ops.js';
import { ACTIVATION_FLOAT } from './activation.js';
import { ARITHMETIC_FLOAT } from './arithmetic.js';
import { CONVOLUTION_FLOAT } from './convolution.js';
import { MOVEMENT_FLOAT } from './movement.js';
import { RECURRENT_FLOAT } from './recurrent.js';
import { REDUCTION_FLOAT } from './reduction.js';
import type { FloatSpec, FloatSpecs } from './spec.js';

export const FLOAT_OPS: FloatSpecs<OpAttrs> = {
  ...CONVOLUTION_FLOAT,
  ...ARITHMETIC_FLOAT,
  ...ACTIVATION_FLOAT,
  ...MOVEMENT_FLOAT,
  ...REDUCTION_FLOAT,
  ...RECURRENT_FLOAT,
};

/** Undefined for an op that has integers only. */
export function floatSpecOf(op: Op): FloatSpec<Op['attrs']> | undefined {
  return FLOAT_OPS[op.kind] as FloatSpec<Op['attrs']> | undefined;
}
