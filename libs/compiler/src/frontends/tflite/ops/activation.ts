// Element-wise ops of one operand, and softmax.
import { elements, type Tensor } from '../../../ir/graph.js';
import type { Activation, Op } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { DATA, DATA16, ids, type Importers, type OpContext } from '../context.js';

export const ACTIVATION: Importers = {
  RELU: (context) => importRelu('relu', context),
  RELU6: (context) => importRelu('relu6', context),
  RELU_N1_TO_1: (context) => importRelu('relu_n1_to_1', context),
  LEAKY_RELU: importLeakyRelu,
  ELU: (context) => importUnary('elu', context, DATA),
  HARD_SWISH: (context) => importUnary('hard_swish', context, DATA),
  LOGISTIC: (context) => importCurve('logistic', context),
  TANH: (context) => importCurve('tanh', context),
  QUANTIZE: importQuantize,
  CAST: importCast,
  SOFTMAX: importSoftmax,
};

function importRelu(activation: Exclude<Activation, 'none'>, context: OpContext): Op | null {
  const found = operands(context, DATA16);
  if (found === null) return null;
  const { input, output } = found;
  const { name, sourceIndex } = context;
  return { kind: 'relu', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: { activation } };
}

function importLeakyRelu(context: OpContext): Op | null {
  const found = operands(context, DATA16);
  if (found === null) return null;
  const { input, output } = found;
  const { alpha } = context.options(OPTIONS_TYPE.leakyRelu, { alpha: 0 });
  if (!Number.isFinite(alpha)) return context.option(`alpha ${alpha}`);
  const { name, sourceIndex } = context;
  const [inputs, outputs] = [ids(input), ids(output)];
  return { kind: 'leaky_relu', name, sourceIndex, inputs, outputs, attrs: { alpha } };
}

function importUnary(
  kind: 'elu' | 'hard_swish' | 'logistic' | 'tanh',
  context: OpContext,
  types: readonly string[],
): Op | null {
  const found = operands(context, types);
  if (found === null) return null;
  const { name, sourceIndex } = context;
  return { kind, name, sourceIndex, inputs: ids(found.input), outputs: ids(found.output), attrs: {} };
}

/** The outputs that the kernels have: all of the function's range. */
const CURVE_OUTPUTS = {
  logistic: { int8: { scale: 2 ** -8, zeroPoint: -128 }, int16: { scale: 2 ** -15, zeroPoint: 0 } },
  tanh: { int8: { scale: 2 ** -7, zeroPoint: 0 }, int16: { scale: 2 ** -15, zeroPoint: 0 } },
} as const;

function importCurve(kind: 'logistic' | 'tanh', context: OpContext): Op | null {
  const op = importUnary(kind, context, DATA16);
  const [input, output] = [context.input(0, DATA16), context.output(DATA16)];
  if (op === null || input === null || output === null) return null;
  const { dtype, quantization: q } = output;
  if (dtype !== 'int8' && dtype !== 'int16') return op;
  const { scale, zeroPoint } = CURVE_OUTPUTS[kind][dtype];
  // The tolerance of the reference.
  if (Math.abs(Math.log2(q!.scales[0]! / scale)) > 1e-3 || q!.zeroPoints[0] !== zeroPoint) {
    context.quantization(output, `${dtype} ${kind} has scale 1/${1 / scale} and zero point ${zeroPoint}`);
    return null;
  }
  if (dtype === 'int16' && input.quantization!.zeroPoints[0] !== 0) {
    context.quantization(input, `int16 ${kind} reads numbers with zero point 0`);
    return null;
  }
  return op;
}

/** What the reference converts: not all pairs of these, but the kernel is one. */
const INTEGERS: readonly string[] = ['int8', 'int16', 'int32'];

function importQuantize(context: OpContext): Op | null {
  const [input, output] = [context.input(0, INTEGERS), context.output(INTEGERS)];
  if (input === null || output === null || !context.perTensor(input, output)) return null;
  if (elements(input) !== elements(output)) return context.invalid('input and output sizes differ');
  const { name, sourceIndex } = context;
  return { kind: 'quantize', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: {} };
}

function importCast(context: OpContext): Op | null {
  const types = [...INTEGERS, 'uint8'];
  const [input, output] = [context.input(0, types), context.output(types)];
  if (input === null || output === null) return null;
  if (elements(input) !== elements(output)) return context.invalid('input and output sizes differ');
  const { name, sourceIndex } = context;
  return { kind: 'cast', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: {} };
}

function operands(context: OpContext, types: readonly string[]): { input: Tensor; output: Tensor } | null {
  const found = context.operands([types]);
  if (found === null) return null;
  const [input] = found.inputs as [Tensor];
  const { output } = found;
  if (!context.perTensor(input, output)) return null;
  if (elements(input) !== elements(output)) return context.invalid('input and output sizes differ');
  return { input, output };
}

/** Types of input and output, and the one quantization of the output that the kernels have. */
const SOFTMAX_OUTPUTS: Readonly<Record<string, { scale: number; zeroPoint: number }>> = {
  'int8 int8': { scale: 1 / 256, zeroPoint: -128 },
  'int8 int16': { scale: 1 / 65_536, zeroPoint: -32_768 },
  'int16 int16': { scale: 1 / 32_768, zeroPoint: 0 },
};

function wrongSoftmaxOutput(input: Tensor, output: Tensor): string | null {
  const q = output.quantization;
  if (q === null) return null;
  const { scale, zeroPoint } = SOFTMAX_OUTPUTS[`${input.dtype} ${output.dtype}`]!;
  // The tolerance of the reference.
  const right = Math.abs(q.scales[0]! - scale) <= 0.001 * scale && q.zeroPoints[0] === zeroPoint;
  return right
    ? null
    : `${output.dtype} softmax of ${input.dtype} has scale 1/${1 / scale} and zero point ${zeroPoint}`;
}

function importSoftmax(context: OpContext): Op | null {
  const input = context.input(0, ['int8', 'int16', 'float32']);
  const output = context.output(input?.dtype === 'int8' ? ['int8', 'int16'] : [input?.dtype ?? 'int8']);
  if (input === null || output === null || !context.perTensor(input, output)) return null;
  if (input.shape.join() !== output.shape.join()) return context.invalid('input and output shapes differ');
  const wrong = wrongSoftmaxOutput(input, output);
  if (wrong !== null) {
    context.quantization(output, wrong);
    return null;
  }
  const { beta } = context.options(OPTIONS_TYPE.softmax, { beta: 0 });
  // The int8 kernel works with beta * scale * 2^26 > 1.
  const least = input.dtype === 'int8' ? 2 ** -26 : 0;
  if (!(beta > 0 && Number.isFinite(beta) && beta * (input.quantization?.scales[0] ?? 1) > least)) {
    return context.option(`beta ${beta}`);
  }
  const { name, sourceIndex } = context;
  return { kind: 'softmax', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: { beta } };
}
