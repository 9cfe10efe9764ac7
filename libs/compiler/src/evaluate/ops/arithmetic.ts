// Element-wise ops of two operands, broadcast as in NumPy.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ArithmeticOps } from '../../ir/ops/arithmetic.js';
import { clamp, sameRank, type FloatSpecs } from './spec.js';

export const ARITHMETIC_FLOAT: FloatSpecs<ArithmeticOps> = {
  add: {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, tf.add<Tf.Tensor>(a!, b!), attrs.activation),
    stacks: sameRank,
  },
};
