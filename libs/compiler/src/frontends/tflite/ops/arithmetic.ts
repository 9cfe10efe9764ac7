// Element-wise ops of two operands.
import type { Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { broadcastShape } from '../../../ir/shapes.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { DATA, DATA16, ids, type Importers, type OpContext } from '../context.js';
import { sameQuantization } from './pool-2d.js';

export const ARITHMETIC: Importers = {
  ADD: (context) => importActivated('add', OPTIONS_TYPE.add, context),
  SUB: (context) => importActivated('sub', OPTIONS_TYPE.sub, context),
  MUL: (context) => importActivated('mul', OPTIONS_TYPE.mul, context),
  DIV: (context) => importActivated('div', OPTIONS_TYPE.div, context, DATA),
  MAXIMUM: (context) => importExtreme('maximum', context),
  MINIMUM: (context) => importExtreme('minimum', context),
  PRELU: importPrelu,
};

interface Operands {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly output: Tensor;
}

function importActivated(
  kind: 'add' | 'sub' | 'mul' | 'div',
  optionsType: number,
  context: OpContext,
  types = DATA16,
): Op | null {
  const found = operands(context, types, types);
  if (found === null) return null;
  const { a, b, output } = found;
  const wide = [a, b, output].find((t) => t.dtype === 'int16' && t.quantization!.zeroPoints[0] !== 0);
  if (kind === 'mul' && wide !== undefined) {
    context.quantization(wide, 'int16 products have zero point 0');
    return null;
  }
  const activation = context.activation(context.options(optionsType, { activation: 0 }).activation);
  if (activation === null) return null;
  const { name, sourceIndex } = context;
  return { kind, name, sourceIndex, inputs: ids(a, b), outputs: ids(output), attrs: { activation } };
}

/** The reference compares integers, whatever they mean: with two scales it would compute something else than the model says. */
function importExtreme(kind: 'maximum' | 'minimum', context: OpContext): Op | null {
  const found = operands(context, DATA16, DATA16);
  if (found === null) return null;
  const { a, b, output } = found;
  const other = [b, output].find((t) => t.dtype !== 'float32' && !sameQuantization(a, t));
  if (other !== undefined) {
    context.quantization(other, `${context.builtin} compares numbers of one scale`);
    return null;
  }
  const { name, sourceIndex } = context;
  return { kind, name, sourceIndex, inputs: ids(a, b), outputs: ids(output), attrs: {} };
}

function importPrelu(context: OpContext): Op | null {
  const found = operands(context, DATA16, DATA);
  if (found === null) return null;
  const { a, b, output } = found;
  if (a.shape.join() !== output.shape.join()) return context.invalid('input and output shapes differ');
  const { name, sourceIndex } = context;
  return { kind: 'prelu', name, sourceIndex, inputs: ids(a, b), outputs: ids(output), attrs: {} };
}

function operands(context: OpContext, first: readonly string[], second: readonly string[]): Operands | null {
  const found = context.operands([first, second]);
  if (found === null) return null;
  const [a, b] = found.inputs as [Tensor, Tensor];
  const { output } = found;
  if (!context.perTensor(a, b, output)) return null;
  const shape = broadcastShape(a.shape, b.shape);
  if (shape === null || shape.join() !== output.shape.join()) {
    return context.invalid(
      `[${a.shape.join(', ')}] and [${b.shape.join(', ')}] do not broadcast to [${output.shape.join(', ')}]`,
    );
  }
  if (shape.length > 5) return context.rank(output, 5) ? null : null;
  return { a, b, output };
}
