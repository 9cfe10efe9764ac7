// Operands of ops that move elements: any type, input and output alike.
import type { Tensor } from '../../../ir/graph.js';
import type { Op, OpAttrs, OpKind } from '../../../ir/ops.js';
import { ids, type OpContext } from '../context.js';

const TYPES = ['int8', 'int16', 'int32', 'int64', 'bool', 'float32'];

export interface Moved {
  readonly input: Tensor;
  readonly output: Tensor;
}

/** An operand that can be moved: of one scale where its type has scales. */
export function movable(context: OpContext, what: 'input' | 'output', position = 0): Tensor | null {
  const tensor = what === 'input' ? context.input(position, TYPES) : context.output(TYPES, position);
  if (tensor === null) return null;
  const scaled = tensor.dtype === 'int8' || tensor.dtype === 'int16';
  return !scaled || context.perTensor(tensor) ? tensor : null;
}

/** Operand `position` and the output, of one type and scale. */
export function moved(context: OpContext, position = 0): Moved | null {
  const [input, output] = [movable(context, 'input', position), movable(context, 'output')];
  if (input === null || output === null) return null;
  if (input.dtype !== output.dtype) return context.invalid(`it makes ${output.dtype} of ${input.dtype}`);
  return context.sameScale(input, output) ? { input, output } : null;
}

export function op<K extends OpKind>(
  context: OpContext,
  kind: K,
  operands: { readonly inputs: readonly Tensor[]; readonly outputs: readonly Tensor[] },
  attrs: OpAttrs[K],
): Op | null {
  const { name, sourceIndex } = context;
  const [inputs, outputs] = [ids(...operands.inputs), ids(...operands.outputs)];
  return context.checked({ kind, name, sourceIndex, inputs, outputs, attrs } as Op);
}

export function one<K extends OpKind>(context: OpContext, kind: K, of: Moved, attrs: OpAttrs[K]): Op | null {
  return op(context, kind, { inputs: [of.input], outputs: [of.output] }, attrs);
}
