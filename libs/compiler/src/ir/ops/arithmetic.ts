// Element-wise ops of two operands; shapes broadcast as in NumPy, at most 5 dimensions.
import { broadcastShape } from '../shapes.js';
import {
  checkQuantized,
  checkSameType,
  type Activation,
  type Check,
  type OpSpecs,
  type OpView,
} from './spec.js';

export interface ArithmeticOps {
  add: { readonly activation: Activation };
}

export const ARITHMETIC_OPS: OpSpecs<ArithmeticOps> = {
  add: { code: 0, minInputs: 2, maxInputs: 2, constantFrom: 2, check: checkBinary },
};

function checkBinary({ inputs, outputs }: OpView<unknown>, check: Check): void {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const output = outputs[0]!;
  const shape = broadcastShape(a.shape, b.shape);
  check(
    shape?.join() === output.shape.join() && output.shape.length <= 5,
    'output is not the broadcast shape',
  );
  checkSameType([a, b, output], check);
  checkQuantized([a, b, output], check);
}
