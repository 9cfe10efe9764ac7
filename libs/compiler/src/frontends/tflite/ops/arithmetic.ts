// Element-wise ops of two operands.
import type { Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { broadcastShape } from '../../../ir/shapes.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import { DATA, ids, type Importers, type OpContext } from '../context.js';

export const ARITHMETIC: Importers = { ADD: importAdd };

function importAdd(context: OpContext): Op | null {
  const found = context.operands([DATA, DATA]);
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
  return { kind: 'add', name, sourceIndex, inputs: ids(a, b), outputs: ids(output), attrs: { activation } };
}
