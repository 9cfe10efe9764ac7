// Element-wise ops of one operand, and softmax.
import { elements } from '../graph.js';
import {
  checkQuantized,
  checkSameType,
  type Activation,
  type Check,
  type NoAttrs,
  type OpSpec,
  type OpSpecs,
  type OpView,
} from './spec.js';

export interface ActivationOps {
  /** A clamp that requantizes when its output's scale differs. */
  relu: { readonly activation: Exclude<Activation, 'none'> };
  /** x where x >= 0, else alpha * x. alpha is an exact float32, of any sign. */
  leaky_relu: { readonly alpha: number };
  /** x where x >= 0, else e^x - 1. */
  elu: NoAttrs;
  /** x * relu6(x + 3) / 6 */
  hard_swish: NoAttrs;
  /** 1 / (1 + e^-x) */
  logistic: NoAttrs;
  tanh: NoAttrs;
  /** From one integer type and scale to another. */
  quantize: NoAttrs;
  /** Between integer types, modulo the width of the output; scales mean nothing here. */
  cast: NoAttrs;
  /** Over the last dimension. beta is an exact float32. */
  softmax: { readonly beta: number };
}

export const ACTIVATION_OPS: OpSpecs<ActivationOps> = {
  relu: unary(19),
  leaky_relu: unary(98),
  elu: unary(111),
  hard_swish: unary(117),
  logistic: unary(14),
  tanh: unary(28),
  quantize: {
    ...unary(114),
    check: ({ inputs, outputs }, check) => {
      check(elements(inputs[0]!) === elements(outputs[0]!), 'sizes differ');
      const scaled = inputs[0]!.quantization !== null && outputs[0]!.quantization !== null;
      check(scaled, 'an operand has no quantization');
    },
  },
  cast: {
    ...unary(53),
    check: ({ inputs, outputs }, check) =>
      check(elements(inputs[0]!) === elements(outputs[0]!), 'sizes differ'),
  },
  softmax: {
    ...unary(25),
    check: ({ inputs, outputs }, check) => {
      check(inputs[0]!.shape.join() === outputs[0]!.shape.join(), 'shapes differ');
      checkQuantized([inputs[0]!, outputs[0]!], check);
    },
  },
};

function unary(code: number): OpSpec<unknown> {
  return { code, minInputs: 1, maxInputs: 1, constantFrom: 1, check: checkUnary };
}

function checkUnary({ inputs, outputs }: OpView<unknown>, check: Check): void {
  check(elements(inputs[0]!) === elements(outputs[0]!), 'sizes differ');
  checkSameType([inputs[0]!, outputs[0]!], check);
  checkQuantized([inputs[0]!, outputs[0]!], check);
}
