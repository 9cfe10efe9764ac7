// Element-wise ops of one operand, and softmax.
import type { ActivationOps } from '../../ir/ops/activation.js';
import { always, clamp, type FloatSpecs } from './spec.js';

export const ACTIVATION_FLOAT: FloatSpecs<ActivationOps> = {
  relu: { run: ({ tf, attrs, values: [x] }) => clamp(tf, x!, attrs.activation), stacks: always },
  softmax: {
    run: ({ tf, attrs, values: [x] }) => tf.softmax(attrs.beta === 1 ? x! : tf.mul(x!, attrs.beta), -1),
    stacks: always,
  },
};
