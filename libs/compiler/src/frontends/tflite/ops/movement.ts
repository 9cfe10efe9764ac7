// Ops that move elements.
import { byteLength } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { ids, type Importers, type OpContext } from '../context.js';

export const MOVEMENT: Importers = { RESHAPE: importReshape };

/** The shape operand and option are not read: the output tensor's static shape says the same. */
function importReshape(context: OpContext): Op | null {
  const input = context.input(0);
  const output = context.output();
  if (input === null || output === null) return null;
  if (byteLength(input) !== byteLength(output)) {
    return context.invalid(`[${input.shape.join(', ')}] cannot become [${output.shape.join(', ')}]`);
  }
  if (!context.perTensor(input, output)) return null;
  const { name, sourceIndex } = context;
  return { kind: 'reshape', name, sourceIndex, inputs: ids(input), outputs: ids(output), attrs: {} };
}
