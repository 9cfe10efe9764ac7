// Options of element-wise ops of two operands.
import type { ArithmeticOps } from '../../../ir/ops/arithmetic.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { activation, type Writers } from './spec.js';

export const ARITHMETIC: Writers<ArithmeticOps> = {
  add: ({ attrs }) => ({ type: OPTIONS_TYPE.add, value: { activation: activation(attrs.activation) } }),
};
