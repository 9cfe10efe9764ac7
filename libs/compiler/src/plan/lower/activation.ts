// Element-wise ops of one operand, and softmax, as steps.
import { elements } from '../../ir/graph.js';
import { int16Table } from '../../ir/lookup-tables.js';
import { softmaxMultiplier, softmaxMultiplier16 } from '../../ir/multipliers.js';
import type { OpAttrs, OpView } from '../../ir/ops.js';
import type { ActivationOps } from '../../ir/ops/activation.js';
import type { ConstantPool } from '../constants.js';
import { ABSENT, type Lowered, type Lowerings } from './spec.js';

export const ACTIVATION: Lowerings<ActivationOps> = {
  softmax: { op: 'SOFTMAX', lower: softmax },
};

/** Exponentials of -10..0 and 1 / (1 + x) of 0..1, both in Q0.15: the tables of SoftmaxInt16. */
const OUT = { scale: 2 / 65_535, zeroPoint: 0 };
const EXPONENTIALS = int16Table({ scale: 10 / 65_535, zeroPoint: 32_767 }, OUT, Math.exp);
const RECIPROCALS = int16Table({ scale: 1 / 65_535, zeroPoint: -32_768 }, OUT, (x) => 1 / Math.fround(1 + x));

function softmax({ attrs, inputs }: OpView<OpAttrs['softmax']>, pool: ConstantPool): Lowered {
  const input = inputs[0]!;
  const depth = input.shape.at(-1)!;
  const rows = elements(input) / depth;
  if (input.dtype === 'int16') {
    const { value, shift } = softmaxMultiplier16(input, attrs.beta);
    const tables = [pool.int16s(EXPONENTIALS), pool.int16s(RECIPROCALS)];
    return { params: { rows, depth, multiplier: value, shift, diff_min: 0 }, tables };
  }
  const { value, shift, diffMin } = softmaxMultiplier(input, attrs.beta);
  // Differences of int8 values end at 255: a lower bound is never reached and fits the field.
  const diff_min = Math.max(-32_768, diffMin);
  // The two tables belong to int16.
  return { params: { rows, depth, multiplier: value, shift, diff_min }, tables: [ABSENT, ABSENT] };
}
