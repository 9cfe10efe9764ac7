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

function importSoftmax(context: OpContext): Op | null {
  const found = context.operands([DATA]);
  if (found === null) return null;
  const [input] = found.inputs as [Tensor];
  const { output } = found;
  if (!context.perTensor(input, output)) return null;
  if (input.shape.join() !== output.shape.join()) return context.invalid('input and output shapes differ');
  const q = output.quantization;
  if (q !== null && (Math.abs(q.scales[0]! - 1 / 256) > 1e-6 || q.zeroPoints[0] !== -128)) {
    context.quantization(output, 'int8 softmax has scale 1/256 and zero point -128');
    return null;
  }
  const { beta } = context.options(OPTIONS_TYPE.softmax, { beta: 0 });
  // The kernel works with beta * scale * 2^26 > 1.
  const scale = input.quantization?.scales[0] ?? 1;
  if (!(beta > 0 && Number.isFinite(beta) && beta * scale * 2 ** 26 > 1)) {
    return context.option(`beta ${beta}`);
  }
  const { name, sourceIndex } = context;
  return { kind: 'softmax', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: { beta } };
}
