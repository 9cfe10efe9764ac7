// Options of element-wise ops of one operand, and softmax.
import type { ActivationOps } from '../../../ir/ops/activation.js';
import { OPTIONS_TYPE, TENSOR_TYPES } from '../../../ir/tflite-schema.js';
import type { Writers } from './spec.js';

export const ACTIVATION: Writers<ActivationOps> = {
  leaky_relu: ({ attrs }) => ({ type: OPTIONS_TYPE.leakyRelu, value: { alpha: attrs.alpha } }),
  hard_swish: () => ({ type: OPTIONS_TYPE.hardSwish, value: {} }),
  quantize: () => ({ type: OPTIONS_TYPE.quantize, value: {} }),
  cast: ({ inputs, outputs }) => {
    const [inDataType, outDataType] = [inputs[0]!, outputs[0]!].map(({ dtype }) =>
      TENSOR_TYPES.indexOf(dtype),
    );
    return { type: OPTIONS_TYPE.cast, value: { inDataType, outDataType } };
  },
  softmax: ({ attrs }) => ({ type: OPTIONS_TYPE.softmax, value: { beta: attrs.beta } }),
};
