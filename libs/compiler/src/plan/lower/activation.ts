// Element-wise ops of one operand, and softmax, as steps.
import { elements, type Tensor } from '../../ir/graph.js';
import {
  curveMultiplier,
  hardSwishMultipliers,
  leakyReluMultipliers,
  rescale,
  wideCurveMultiplier,
} from '../../ir/element-multipliers.js';
import { eluTable, int16Table, sigmoidTable } from '../../ir/lookup-tables.js';
import {
  softmaxMultiplier,
  softmaxMultiplier16,
  scaleOf,
  zeroPointOf,
  type Multiplier,
} from '../../ir/multipliers.js';
import type { Activation, OpAttrs, OpView } from '../../ir/ops.js';
import type { ActivationOps } from '../../ir/ops/activation.js';
import type { ConstantPool } from '../constants.js';
import { ABSENT, clampOf, type Lowered, type Lowering, type Lowerings } from './spec.js';

const RELU_OPS = { relu: 'RELU', relu6: 'RELU6', relu_n1_to_1: 'RELU_N1_TO_1' } as const;
/** Powers of two, from 2^-12 up, that int16 kernels take as they are. */
const EXACT = { LOGISTIC: 0, TANH: 1 } as const;
const UNUSED: Multiplier = { value: 0, shift: 0 };

export const ACTIVATION: Lowerings<ActivationOps> = {
  relu: unary(
    ({ attrs }) => RELU_OPS[attrs.activation],
    (op) => unaryParams(op, { multiplier: rescaleOf(op), activation: op.attrs.activation }),
  ),
  leaky_relu: unary('LEAKY_RELU', (op) => {
    const { positive, negative } = leakyReluMultipliers(op.inputs[0]!, op.outputs[0]!, op.attrs.alpha);
    return unaryParams(op, { multiplier: positive, second: negative });
  }),
  elu: unary('ELU', ({ inputs, outputs }, pool) => ({
    params: { elements: elements(outputs[0]!) },
    tables: [pool.int8s(eluTable(tableScale(inputs[0]!), tableScale(outputs[0]!)))],
  })),
  hard_swish: unary('HARD_SWISH', (op) => {
    const { output, factor } = hardSwishMultipliers(op.inputs[0]!, op.outputs[0]!);
    return unaryParams(op, { multiplier: output, second: factor });
  }),
  logistic: unary('LOGISTIC', (op, pool) => curve('LOGISTIC', op, pool)),
  tanh: unary('TANH', (op, pool) => curve('TANH', op, pool)),
  quantize: unary('QUANTIZE', (op) => unaryParams(op, { multiplier: rescaleOf(op) })),
  cast: unary('CAST', ({ outputs }) => ({ params: { elements: elements(outputs[0]!) } })),
  softmax: { op: 'SOFTMAX', lower: softmax },
};

function unary<A>(op: Lowering<A>['op'], lower: Lowering<A>['lower']): Lowering<A> {
  return { op, inPlace: true, lower };
}

function tableScale(tensor: Tensor) {
  return { scale: scaleOf(tensor), zeroPoint: zeroPointOf(tensor) };
}

function rescaleOf({ inputs, outputs }: OpView<unknown>): Multiplier {
  return rescale(inputs[0]!, outputs[0]!);
}

interface Numbers {
  readonly multiplier: Multiplier;
  readonly second?: Multiplier;
  readonly radius?: number;
  readonly activation?: Activation;
}

function unaryParams({ inputs, outputs }: OpView<unknown>, numbers: Numbers): Lowered {
  const [x, y] = [inputs[0]!, outputs[0]!];
  const { multiplier, second = UNUSED, radius = 0, activation = 'none' } = numbers;
  for (const { name, dtype, quantization: q } of [x, y]) {
    if (dtype === 'int32' && q!.zeroPoints[0] !== 0) throw new RangeError(`int32 ${name} has a zero point`);
  }
  const params = {
    elements: elements(y),
    input_zero_point: zeroPointOf(x),
    output_offset: zeroPointOf(y),
    multiplier: multiplier.value,
    shift: multiplier.shift,
    second_shift: second.shift,
    // All of int32 is not said: it does not fit.
    ...(y.dtype === 'int32' ? { activation_min: 0, activation_max: 0 } : clampOf(activation, y)),
    radius,
    second_multiplier: second.value,
  };
  return { params };
}

/** Beside int16 the table of both functions; int8 is computed without. */
function curve(name: keyof typeof EXACT, op: OpView<unknown>, pool: ConstantPool): Lowered {
  const input = op.inputs[0]!;
  if (input.dtype === 'int16') {
    const { params } = unaryParams(op, { multiplier: wideCurveMultiplier(input, EXACT[name]) });
    return { params, tables: [pool.int16s(sigmoidTable())] };
  }
  const { radius, ...multiplier } = curveMultiplier(input);
  return { ...unaryParams(op, { multiplier, radius }), tables: [ABSENT] };
}

/** Exponentials of -10..0 and 1 / (1 + x) of 0..1, both in Q0.15: the tables of SoftmaxInt16. */
const OUT = { scale: 2 / 65_535, zeroPoint: 0 };
const EXPONENTIALS = int16Table({ scale: 10 / 65_535, zeroPoint: 32_767 }, OUT, Math.exp);
const RECIPROCALS = int16Table({ scale: 1 / 65_535, zeroPoint: -32_768 }, OUT, (x) => 1 / Math.fround(1 + x));

function softmax({ attrs, inputs }: OpView<OpAttrs['softmax']>, pool: ConstantPool): Lowered {
  const input = inputs[0]!;
  const depth = input.shape.at(-1)!;
  const rows = elements(input) / depth;
  if (input.dtype === 'int16') {
    const { value, shift } = softmaxMultiplier16(input, attrs.beta);
    const tables = [pool.int16s(EXPONENTIALS), pool.int16s(RECIPROCALS)];
    return { params: { rows, depth, multiplier: value, shift, diff_min: 0 }, tables };
  }
  const { value, shift, diffMin } = softmaxMultiplier(input, attrs.beta);
  // Differences of int8 values end at 255: a lower bound is never reached and fits the field.
  const diff_min = Math.max(-32_768, diffMin);
  // The two tables belong to int16.
  return { params: { rows, depth, multiplier: value, shift, diff_min }, tables: [ABSENT, ABSENT] };
}
