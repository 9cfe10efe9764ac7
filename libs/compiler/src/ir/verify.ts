// The IR's specification, as checks. Runs between every two passes; a violation is a fault of the pass before it, so it
// throws a plain invariant error (with the pass's name), never a user's diagnostic. Frontends check users' models.
import { viewOf } from './cost.js';
import { byteLength, tensorOf, zeroPointRange, type Graph, type Tensor, type TensorId } from './graph.js';
import { specOf, type Op } from './ops.js';
import type { Check } from './ops/spec.js';

export class IrViolation extends Error {
  constructor(
    readonly after: string,
    readonly rule: string,
  ) {
    super(`IR violated after ${after}: ${rule}`);
    this.name = 'IrViolation';
  }
}

/** Throws IrViolation at the first broken rule. */
export function verify(graph: Graph, after: string): void {
  const check = (fact: boolean, rule: () => string): void => {
    if (!fact) throw new IrViolation(after, rule());
  };

  for (const [id, tensor] of graph.tensors) {
    const say = `%${id} ${tensor.name}`;
    check(id === tensor.id, () => `${say} is filed under another id`);
    check(
      tensor.shape.every((extent) => Number.isInteger(extent) && extent >= 1),
      () => `${say} has extents ${tensor.shape.join('x')}`,
    );
    check(
      tensor.data === null || tensor.data.length === byteLength(tensor),
      () => `${say} has data of another size`,
    );
    check(tensor.variable === undefined || tensor.data === null, () => `${say} is a variable and a constant`);
    check(
      (tensor.variable?.initial ?? null) === null || tensor.variable!.initial!.length === byteLength(tensor),
      () => `${say} starts with bytes of another size`,
    );
    checkQuantization(tensor, say, check);
  }

  const ready = new Set<TensorId>(graph.inputs);
  for (const tensor of graph.tensors.values())
    if (tensor.data !== null || tensor.variable !== undefined) ready.add(tensor.id);
  for (const id of graph.inputs) {
    check(
      graph.tensors.has(id) && tensorOf(graph, id).data === null,
      () => `input %${id} is missing or constant`,
    );
  }
  const names = new Set<string>();
  for (const op of graph.ops) {
    check(!names.has(op.name), () => `two ops are called ${op.name}`);
    names.add(op.name);
    for (const id of op.inputs) check(ready.has(id), () => `${op.name} reads %${id} before it is defined`);
    for (const id of op.outputs) {
      check(graph.tensors.has(id), () => `${op.name} writes an unknown tensor`);
      check(!ready.has(id), () => `%${id} is assigned twice (${op.name})`);
      ready.add(id);
    }
    checkOp(graph, op, (fact, rule) => check(fact, () => `${op.kind} ${op.name}: ${rule}`));
  }
  for (const id of [...graph.outputs, ...graph.roots]) {
    check(ready.has(id), () => `%${id} is an output or root that nothing produces`);
  }
}

function checkQuantization(
  tensor: Tensor,
  say: string,
  check: (fact: boolean, rule: () => string) => void,
): void {
  const q = tensor.quantization;
  if (q === null) return;
  const slices = q.axis === null ? 1 : tensor.shape[q.axis];
  check(
    q.scales.length === slices && q.zeroPoints.length === slices,
    () => `${say} has ${q.scales.length} scales`,
  );
  check(
    q.scales.every((s) => Number.isFinite(s) && s > 0 && Math.fround(s) === s),
    () => `${say} has a scale that is no positive float32`,
  );
  const [low, high] = zeroPointRange(tensor.dtype);
  check(
    q.zeroPoints.every((z) => Number.isInteger(z) && z >= low && z <= high),
    () => `${say} has a zero point outside ${tensor.dtype}`,
  );
  check(tensor.dtype !== 'float32', () => `${say} is float and has a scale`);
}

function checkOp(graph: Graph, op: Op, check: Check): void {
  const spec = specOf(op);
  check(op.inputs.length >= spec.minInputs && op.inputs.length <= spec.maxInputs, 'wrong number of operands');
  check(op.outputs.length <= (spec.maxOutputs ?? 1), 'too many results');
  const view = viewOf(graph, op);
  view.inputs.slice(spec.constantFrom).forEach((t) => {
    check(t.data !== null || t.variable !== undefined, `operand ${t.name} is not constant`);
  });
  view.outputs.forEach((t) => check(t.data === null, 'output is constant'));
  for (const position of spec.writes ?? []) {
    const written = view.inputs[position];
    check(written?.variable !== undefined, `operand ${position} is written and not a variable`);
  }
  spec.check(view, check);
}
