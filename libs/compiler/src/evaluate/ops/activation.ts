// Element-wise ops of one operand, and softmax.
import type { ActivationOps } from '../../ir/ops/activation.js';
import { always, clamp, type FloatSpecs } from './spec.js';

export const ACTIVATION_FLOAT: FloatSpecs<ActivationOps> = {
  relu: { run: ({ tf, attrs, values: [x] }) => clamp(tf, x!, attrs.activation), stacks: always },
  leaky_relu: { run: ({ tf, attrs, values: [x] }) => tf.leakyRelu(x!, attrs.alpha), stacks: always },
  elu: { run: ({ tf, values: [x] }) => tf.elu(x!), stacks: always },
  hard_swish: {
    run: ({ tf, values: [x] }) => tf.div(tf.mul(x!, tf.clipByValue(tf.add(x!, 3), 0, 6)), 6),
    stacks: always,
  },
  logistic: { run: ({ tf, values: [x] }) => tf.sigmoid(x!), stacks: always },
  tanh: { run: ({ tf, values: [x] }) => tf.tanh(x!), stacks: always },
  quantize: { run: ({ values: [x] }) => x!.clone(), stacks: always },
  softmax: {
    run: ({ tf, attrs, values: [x] }) => tf.softmax(attrs.beta === 1 ? x! : tf.mul(x!, attrs.beta), -1),
    stacks: always,
  },
};
