// Element-wise ops of one operand, and softmax.
import { elements, type Tensor } from '../../../ir/graph.js';
import type { Activation, Op } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { DATA, ids, type Importers, type OpContext } from '../context.js';

export const ACTIVATION: Importers = {
  RELU: (context) => importRelu('relu', context),
  RELU6: (context) => importRelu('relu6', context),
  RELU_N1_TO_1: (context) => importRelu('relu_n1_to_1', context),
  SOFTMAX: importSoftmax,
};

function importRelu(activation: Exclude<Activation, 'none'>, context: OpContext): Op | null {
  const found = context.operands([DATA]);
  if (found === null) return null;
  const [input] = found.inputs as [Tensor];
  const { output } = found;
  if (!context.perTensor(input, output)) return null;
  if (elements(input) !== elements(output)) return context.invalid('input and output sizes differ');
  const { name, sourceIndex } = context;
  return { kind: 'relu', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: { activation } };
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
