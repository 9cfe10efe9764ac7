// Element-wise ops of two operands, broadcast as in NumPy.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ArithmeticOps } from '../../ir/ops/arithmetic.js';
import type { Activation } from '../../ir/ops.js';
import type { Tfjs } from '../backend.js';
import { clamp, sameRank, type FloatSpec, type FloatSpecs } from './spec.js';

type Binary = (tf: Tfjs, a: Tf.Tensor, b: Tf.Tensor) => Tf.Tensor;

export const ARITHMETIC_FLOAT: FloatSpecs<ArithmeticOps> = {
  add: activated((tf, a, b) => tf.add(a, b)),
  sub: activated((tf, a, b) => tf.sub(a, b)),
  mul: activated((tf, a, b) => tf.mul(a, b)),
  div: activated((tf, a, b) => tf.div(a, b)),
  maximum: plain((tf, a, b) => tf.maximum(a, b)),
  minimum: plain((tf, a, b) => tf.minimum(a, b)),
  prelu: plain((tf, x, alpha) => tf.add(tf.relu(x), tf.mul(alpha, tf.minimum(x, 0)))),
};

function activated(compute: Binary): FloatSpec<{ readonly activation: Activation }> {
  return {
    run: ({ tf, attrs, values: [a, b] }) => clamp(tf, compute(tf, a!, b!), attrs.activation),
    stacks: sameRank,
  };
}

function plain(compute: Binary): FloatSpec<unknown> {
  return { run: ({ tf, values: [a, b] }) => compute(tf, a!, b!), stacks: sameRank };
}
