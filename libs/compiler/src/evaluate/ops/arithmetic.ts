// Element-wise ops of two operands, broadcast as in NumPy.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ArithmeticOps } from '../../ir/ops/arithmetic.js';
import { clamp, sameRank, type FloatSpecs } from './spec.js';

export const ARITHMETIC_FLOAT: FloatSpecs<ArithmeticOps> = {
  add: {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, tf.add<Tf.Tensor>(a!, b!), attrs.activation),
    stacks: sameRank,
  },
  sub: {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, tf.sub<Tf.Tensor>(a!, b!), attrs.activation),
    stacks: sameRank,
  },
  mul: {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, tf.mul<Tf.Tensor>(a!, b!), attrs.activation),
    stacks: sameRank,
  },
  div: {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, tf.div<Tf.Tensor>(a!, b!), attrs.activation),
    stacks: sameRank,
  },
  maximum: { run: ({ tf, values: [a, b] }) => tf.maximum(a!, b!), stacks: sameRank },
  minimum: { run: ({ tf, values: [a, b] }) => tf.minimum(a!, b!), stacks: sameRank },
  prelu: {
    run: ({ tf, values: [x, alpha] }) => tf.add(tf.relu(x!), tf.mul(tf.minimum(x!, 0), alpha!)),
    stacks: sameRank,
  },
};
