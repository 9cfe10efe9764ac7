// Options of element-wise ops of one operand, and softmax.
import type { ActivationOps } from '../../../ir/ops/activation.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { Writers } from './spec.js';

export const ACTIVATION: Writers<ActivationOps> = {
  softmax: ({ attrs }) => ({ type: OPTIONS_TYPE.softmax, value: { beta: attrs.beta } }),
};
