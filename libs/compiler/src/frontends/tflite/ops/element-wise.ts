// ADD, RELU, RELU_N1_TO_1, RELU6, SOFTMAX and RESHAPE: ops without weights.
import { byteLength, elements, type Tensor } from '../../../ir/graph.js';
import type { Activation, Op } from '../../../ir/ops.js';
import { broadcastShape } from '../../../ir/shapes.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { ids, type OpContext } from '../context.js';

export function importAdd(context: OpContext): Op | null {
  const found = context.operands([['int8'], ['int8']]);
  if (found === null) return null;
  const [a, b] = found.inputs as [Tensor, Tensor];
  const { output } = found;
  if (!context.perTensor(a, b, output)) return null;
  const activation = context.activation(context.options(OPTIONS_TYPE.add, { activation: 0 }).activation);
  if (activation === null) return null;
  const shape = broadcastShape(a.shape, b.shape);
  if (shape === null || shape.join() !== output.shape.join()) {
    return context.invalid(
      `[${a.shape.join(', ')}] + [${b.shape.join(', ')}] is not [${output.shape.join(', ')}]`,
    );
  }
  if (shape.length > 5) return context.rank(output, 5) ? null : null;
  const { name, sourceIndex } = context;
  return { kind: 'add', name, sourceIndex, inputs: ids(a, b), output: output.id, attrs: { activation } };
}

export function importRelu(activation: Exclude<Activation, 'none'>, context: OpContext): Op | null {
  const found = context.operands([['int8']]);
  if (found === null) return null;
  const [input] = found.inputs as [Tensor];
  const { output } = found;
  if (!context.perTensor(input, output)) return null;
  if (elements(input) !== elements(output)) return context.invalid('input and output sizes differ');
  const { name, sourceIndex } = context;
  return { kind: 'relu', name, sourceIndex, inputs: ids(input), output: output.id, attrs: { activation } };
}

export function importSoftmax(context: OpContext): Op | null {
  const found = context.operands([['int8']]);
  if (found === null) return null;
  const [input] = found.inputs as [Tensor];
  const { output } = found;
  if (!context.perTensor(input, output)) return null;
  if (input.shape.join() !== output.shape.join()) return context.invalid('input and output shapes differ');
  const [q] = [output.quantization!];
  if (Math.abs(q.scales[0]! - 1 / 256) > 1e-6 || q.zeroPoints[0] !== -128) {
    context.quantization(output, 'int8 softmax has scale 1/256 and zero point -128');
    return null;
  }
  const { beta } = context.options(OPTIONS_TYPE.softmax, { beta: 0 });
  // The kernel works with beta * scale * 2^26 > 1.
  if (!(beta > 0 && Number.isFinite(beta) && beta * input.quantization!.scales[0]! * 2 ** 26 > 1)) {
    return context.option(`beta ${beta}`);
  }
  const { name, sourceIndex } = context;
  return { kind: 'softmax', name, sourceIndex, inputs: ids(input), output: output.id, attrs: { beta } };
}

/** The shape operand and option are not read: the output tensor's static shape says the same. */
export function importReshape(context: OpContext): Op | null {
  const input = context.input(0);
  const output = context.output();
  if (input === null || output === null) return null;
  if (byteLength(input) !== byteLength(output)) {
    return context.invalid(`[${input.shape.join(', ')}] cannot become [${output.shape.join(', ')}]`);
  }
  if (!context.perTensor(input, output)) return null;
  const { name, sourceIndex } = context;
  return { kind: 'reshape', name, sourceIndex, inputs: ids(input), output: output.id, attrs: {} };
}
