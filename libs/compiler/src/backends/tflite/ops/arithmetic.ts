// Options of element-wise ops of two operands.
import type { ArithmeticOps } from '../../../ir/ops/arithmetic.js';
import type { Activation } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { activation, type Writers } from './spec.js';

export const ARITHMETIC: Writers<ArithmeticOps> = {
  add: ({ attrs }) => activated(OPTIONS_TYPE.add, attrs),
  sub: ({ attrs }) => activated(OPTIONS_TYPE.sub, attrs),
  mul: ({ attrs }) => activated(OPTIONS_TYPE.mul, attrs),
  div: ({ attrs }) => activated(OPTIONS_TYPE.div, attrs),
  maximum: () => ({ type: OPTIONS_TYPE.maximumMinimum, value: {} }),
  minimum: () => ({ type: OPTIONS_TYPE.maximumMinimum, value: {} }),
};

function activated(type: number, attrs: { readonly activation: Activation }) {
  return { type, value: { activation: activation(attrs.activation) } };
}
