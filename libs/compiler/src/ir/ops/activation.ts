// Element-wise ops of one operand, and softmax.
import { elements } from '../graph.js';
import { checkQuantized, checkSameType, type Activation, type OpSpecs } from './spec.js';

export interface ActivationOps {
  /** A clamp that requantizes when its output's scale differs: kept only until it is fused. */
  relu: { readonly activation: Exclude<Activation, 'none'> };
  /** Over the last dimension. beta is an exact float32. */
  softmax: { readonly beta: number };
}

export const ACTIVATION_OPS: OpSpecs<ActivationOps> = {
  relu: {
    code: 19,
    minInputs: 1,
    maxInputs: 1,
    constantFrom: 1,
    check: ({ inputs, outputs }, check) => {
      check(elements(inputs[0]!) === elements(outputs[0]!), 'sizes differ');
      checkSameType([inputs[0]!, outputs[0]!], check);
      checkQuantized([inputs[0]!, outputs[0]!], check);
    },
  },
  softmax: {
    code: 25,
    minInputs: 1,
    maxInputs: 1,
    constantFrom: 1,
    check: ({ inputs, outputs }, check) => {
      check(inputs[0]!.shape.join() === outputs[0]!.shape.join(), 'shapes differ');
      checkQuantized([inputs[0]!, outputs[0]!], check);
    },
  },
};
