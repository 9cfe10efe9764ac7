// Element-wise ops of two operands as steps. One layout of parameters serves them all; an op leaves at zero what it has no use
// for.
import type { Tensor } from '../../ir/graph.js';
import {
  addMultipliers,
  divMultiplier,
  mulMultiplier,
  preluMultipliers,
} from '../../ir/element-multipliers.js';
import { zeroPointOf, type Multiplier } from '../../ir/multipliers.js';
import type { Activation, OpView } from '../../ir/ops.js';
import type { ArithmeticOps } from '../../ir/ops/arithmetic.js';
import {
  broadcastStrides,
  clampOf,
  leading,
  offset,
  type Lowered,
  type Lowering,
  type Lowerings,
} from './spec.js';

const RANK = 5;
const UNUSED: Multiplier = { value: 0, shift: 0 };

export const ARITHMETIC: Lowerings<ArithmeticOps> = {
  add: binary('ADD', (op) => sum(op)),
  sub: binary('SUB', (op) => sum(op)),
  mul: binary('MUL', (op) => product(op, mulMultiplier)),
  div: binary('DIV', (op) => product(op, divMultiplier)),
  maximum: binary('MAXIMUM', (op) => lowered(op, { shifted: false })),
  minimum: binary('MINIMUM', (op) => lowered(op, { shifted: false })),
  prelu: binary('PRELU', prelu),
};

function binary<A>(op: Lowering<A>['op'], lower: (op: OpView<A>) => Lowered): Lowering<A> {
  return { op, inPlace: true, lower };
}

interface Activated {
  readonly activation: Activation;
}

interface Numbers {
  /** Zero points take part; else the integers themselves are compared. */
  readonly shifted: boolean;
  readonly activation?: Activation;
  readonly leftShift?: number;
  readonly a?: Multiplier;
  readonly b?: Multiplier;
  readonly output?: Multiplier;
}

function lowered({ inputs, outputs }: OpView<unknown>, numbers: Numbers): Lowered {
  const [a, b] = inputs as [Tensor, Tensor];
  const y = outputs[0]!;
  const { shifted, activation = 'none', leftShift = 0 } = numbers;
  const m = { a: UNUSED, b: UNUSED, output: UNUSED, ...numbers };
  const params = {
    ...collapsed(y, a, b),
    a_offset: shifted ? offset(-zeroPointOf(a)) : 0,
    b_offset: shifted ? offset(-zeroPointOf(b)) : 0,
    output_offset: shifted ? zeroPointOf(y) : 0,
    ...clampOf(activation, y),
    left_shift: leftShift,
    a_shift: m.a.shift,
    a_multiplier: m.a.value,
    b_multiplier: m.b.value,
    output_multiplier: m.output.value,
    b_shift: m.b.shift,
    output_shift: m.output.shift,
  };
  return { params };
}

/** Extents and strides with neighbouring dimensions joined where both operands walk on through them: long inner loops. */
function collapsed(y: Tensor, a: Tensor, b: Tensor) {
  const [dims, aStrides, bStrides] = [leading(y.shape, RANK), strides(a), strides(b)];
  const joined: { n: number; a: number; b: number }[] = [];
  for (let i = RANK - 1; i >= 0; i--) {
    const [n, inner] = [dims[i]!, joined[0]];
    if (n === 1) continue;
    if (inner !== undefined && aStrides[i] === inner.a * inner.n && bStrides[i] === inner.b * inner.n)
      inner.n *= n;
    else joined.unshift({ n, a: aStrides[i]!, b: bStrides[i]! });
  }
  while (joined.length < RANK) joined.unshift({ n: 1, a: 0, b: 0 });
  return {
    dims: joined.map(({ n }) => n),
    a_strides: joined.map((dim) => dim.a),
    b_strides: joined.map((dim) => dim.b),
  };
}

function strides(tensor: Tensor): number[] {
  return broadcastStrides(tensor.shape, RANK);
}

function sum(op: OpView<Activated>): Lowered {
  const { activation } = op.attrs;
  const multipliers = addMultipliers(op.inputs[0]!, op.inputs[1]!, op.outputs[0]!);
  return lowered(op, { shifted: true, activation, ...multipliers });
}

function product(
  op: OpView<Activated>,
  multiplier: (a: Tensor, b: Tensor, y: Tensor) => Multiplier,
): Lowered {
  const output = multiplier(op.inputs[0]!, op.inputs[1]!, op.outputs[0]!);
  return lowered(op, { shifted: true, activation: op.attrs.activation, output });
}

function prelu(op: OpView<unknown>): Lowered {
  const { positive, negative } = preluMultipliers(op.inputs[0]!, op.inputs[1]!, op.outputs[0]!);
  return lowered(op, { shifted: true, a: positive, b: negative });
}
