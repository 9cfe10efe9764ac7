// Element-wise ops of two operands as steps.
import type { Tensor } from '../../ir/graph.js';
import { addMultipliers, zeroPointOf } from '../../ir/multipliers.js';
import type { OpAttrs, OpView } from '../../ir/ops.js';
import type { ArithmeticOps } from '../../ir/ops/arithmetic.js';
import { broadcastStrides, clampOf, leading, type Lowered, type Lowerings } from './spec.js';

const RANK = 5;

export const ARITHMETIC: Lowerings<ArithmeticOps> = {
  add: { op: 'ADD', inPlace: true, lower: addition },
};

function addition({ attrs, inputs, outputs }: OpView<OpAttrs['add']>): Lowered {
  const [a, b] = inputs as [Tensor, Tensor];
  const output = outputs[0]!;
  const m = addMultipliers(a, b, output);
  const params = {
    dims: leading(output.shape, RANK),
    a_strides: broadcastStrides(a.shape, RANK),
    b_strides: broadcastStrides(b.shape, RANK),
    a_offset: -zeroPointOf(a),
    b_offset: -zeroPointOf(b),
    output_offset: zeroPointOf(output),
    ...clampOf(attrs.activation, output),
    left_shift: m.leftShift,
    a_shift: m.a.shift,
    a_multiplier: m.a.value,
    b_multiplier: m.b.value,
    output_multiplier: m.output.value,
    b_shift: m.b.shift,
    output_shift: m.output.shift,
  };
  return { params };
}
