// Element-wise ops of one operand, and softmax, as steps.
import { elements } from '../../ir/graph.js';
import { softmaxMultiplier } from '../../ir/multipliers.js';
import type { OpAttrs, OpView } from '../../ir/ops.js';
import type { ActivationOps } from '../../ir/ops/activation.js';
import { ABSENT, type Lowered, type Lowerings } from './spec.js';

export const ACTIVATION: Lowerings<ActivationOps> = {
  softmax: { op: 'SOFTMAX', lower: softmax },
};

function softmax({ attrs, inputs }: OpView<OpAttrs['softmax']>): Lowered {
  const input = inputs[0]!;
  const { value, shift, diffMin } = softmaxMultiplier(input, attrs.beta);
  const depth = input.shape.at(-1)!;
  // Differences of int8 values end at 255: a lower bound is never reached and fits the field.
  const diff_min = Math.max(-32_768, diffMin);
  const params = { rows: elements(input) / depth, depth, multiplier: value, shift, diff_min };
  // The two tables belong to int16.
  return { params, tables: [ABSENT, ABSENT] };
}
