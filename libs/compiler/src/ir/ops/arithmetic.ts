// Element-wise ops of two operands; shapes broadcast as in NumPy, at most 5 dimensions.
import { broadcastShape } from '../shapes.js';
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

interface Activated {
  readonly activation: Activation;
}

export interface ArithmeticOps {
  add: Activated;
  sub: Activated;
  mul: Activated;
  div: Activated;
  /** All three tensors have one quantization. */
  maximum: NoAttrs;
  minimum: NoAttrs;
  /** x where x >= 0, else alpha * x; alpha broadcasts to the shape of x, and is int8 beside int16 too. */
  prelu: NoAttrs;
}

export const ARITHMETIC_OPS: OpSpecs<ArithmeticOps> = {
  add: binary(0),
  sub: binary(41),
  mul: binary(18),
  div: binary(42),
  maximum: binary(55),
  minimum: binary(57),
  prelu: { code: 54, minInputs: 2, maxInputs: 2, constantFrom: 2, check: checkPrelu },
};

function binary(code: number): OpSpec<unknown> {
  return { code, minInputs: 2, maxInputs: 2, constantFrom: 2, check: checkBinary };
}

function checkBinary(op: OpView<unknown>, check: Check): void {
  checkSameType([...op.inputs, op.outputs[0]!], check);
  checkBroadcast(op, check);
}

function checkPrelu(op: OpView<unknown>, check: Check): void {
  const [input, alpha] = [op.inputs[0]!, op.inputs[1]!];
  const output = op.outputs[0]!;
  checkSameType([input, output], check);
  check(alpha.dtype === (input.dtype === 'int16' ? 'int8' : input.dtype), 'alpha has another type');
  check(input.shape.join() === output.shape.join(), 'shapes differ');
  checkBroadcast(op, check);
}

function checkBroadcast({ inputs, outputs }: OpView<unknown>, check: Check): void {
  const [a, b] = [inputs[0]!, inputs[1]!];
  const output = outputs[0]!;
  const shape = broadcastShape(a.shape, b.shape);
  check(
    shape?.join() === output.shape.join() && output.shape.length <= 5,
    'output is not the broadcast shape',
  );
  checkQuantized([a, b, output], check);
}
