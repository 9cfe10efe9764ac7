// Operators that only compute shapes: a model with a dynamic batch takes its input's SHAPE, cuts the batch out and packs it into
// the shape that a RESHAPE is given. All shapes are static here, so the operands of shapes are not read, and what is computed for
// nothing else is left out.
import type { Decoded, SUBGRAPH } from '../../ir/tflite-schema.js';

/** Operands that say what the result's static shape says, by operator. */
const SHAPE_OPERANDS: Readonly<Record<string, number>> = {
  BROADCAST_TO: 1,
  RESHAPE: 1,
  RESIZE_BILINEAR: 1,
  RESIZE_NEAREST_NEIGHBOR: 1,
  SPLIT_V: 1,
  TRANSPOSE_CONV: 0,
};

/** Positions of such operators. `outside` are left out already; `nameOf` gives an operator's builtin name. */
export function shapeArithmetic(
  subgraph: Decoded<typeof SUBGRAPH>,
  outputs: readonly number[],
  outside: ReadonlySet<number>,
  nameOf: (operator: number) => string,
): Set<number> {
  const operators = subgraph.operators ?? [];
  const data = new Set(outputs);
  const shapes = new Set<number>();
  const found = new Set<number>();
  // Readers come behind their operands in a file that is in order; another one is refused later.
  for (let i = operators.length - 1; i >= 0; i--) {
    if (outside.has(i)) continue;
    const { inputs, outputs: results } = operators[i]!;
    const onlyShapes =
      (results ?? []).some((id) => shapes.has(id)) &&
      (results ?? []).every((id) => !data.has(id)) &&
      (inputs ?? []).length > 0;
    if (onlyShapes) found.add(i);
    const shapeOperand = SHAPE_OPERANDS[nameOf(i)];
    (inputs ?? []).forEach((id, position) => {
      (onlyShapes || position === shapeOperand ? shapes : data).add(id);
    });
  }
  return found;
}
