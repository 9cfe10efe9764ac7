// Element-wise ops of one operand, and softmax.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ActivationOps } from '../../ir/ops/activation.js';
import type { Tfjs } from '../backend.js';
import { always, clamp, type FloatSpec, type FloatSpecs } from './spec.js';

export const ACTIVATION_FLOAT: FloatSpecs<ActivationOps> = {
  relu: { run: ({ tf, attrs, values: [x] }) => clamp(tf, x!, attrs.activation), stacks: always },
  leaky_relu: {
    run: ({ tf, attrs, values: [x] }) => tf.add(tf.relu(x!), tf.mul(tf.minimum(x!, 0), attrs.alpha)),
    stacks: always,
  },
  elu: unary((tf, x) => tf.elu(x)),
  hard_swish: unary((tf, x) => tf.mul(x, tf.div(tf.clipByValue(tf.add(x, 3), 0, 6), 6))),
  logistic: unary((tf, x) => tf.sigmoid(x)),
  tanh: unary((tf, x) => tf.tanh(x)),
  // Between scales the reals stay.
  quantize: unary((tf, x) => tf.clone(x)),
  softmax: {
    run: ({ tf, attrs, values: [x] }) => tf.softmax(attrs.beta === 1 ? x! : tf.mul(x!, attrs.beta), -1),
    stacks: always,
  },
};

function unary(compute: (tf: Tfjs, x: Tf.Tensor) => Tf.Tensor): FloatSpec<unknown> {
  return { run: ({ tf, values: [x] }) => compute(tf, x!), stacks: always };
}
