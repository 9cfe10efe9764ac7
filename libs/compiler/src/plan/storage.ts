// Which tensors share bytes, and for how long those bytes are needed. A view shares with what it shows; a reshape
// or an element-wise op writes over an operand that dies there (bundle.md allows exactly these in place).
import { byteLength, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { loweringOf, scratchBytes } from './lower/lower.js';

export interface Buffer {
  /** First one names it; none in scratch. */
  readonly tensors: TensorId[];
  readonly name: string;
  readonly bytes: number;
  firstStep: number;
  lastStep: number;
}

export interface Storage {
  readonly buffers: readonly Buffer[];
  /** Scratch buffers of each op, in the order of its lowering. */
  readonly scratchOf: ReadonlyMap<Op, readonly Buffer[]>;
  readonly bufferOf: ReadonlyMap<TensorId, Buffer>;
  /** Views of constants and variables, by tensor: what has the bytes. */
  readonly outsideOf: ReadonlyMap<TensorId, TensorId>;
}

/** `steps` are the ops that execute (views do not); `ops` is the whole schedule. */
export function assignStorage(graph: Graph, ops: readonly Op[], steps: readonly Op[]): Storage {
  const bufferOf = new Map<TensorId, Buffer>();
  const outsideOf = new Map<TensorId, TensorId>();
  const buffers: Buffer[] = [];
  const scratchOf = new Map<Op, readonly Buffer[]>();
  const stepOf = new Map(steps.map((op, i) => [op, i]));
  const lastRead = lastReads(graph, ops, stepOf);

  const fresh = (id: TensorId, firstStep: number): void => {
    const { name } = tensorOf(graph, id);
    const bytes = byteLength(tensorOf(graph, id));
    const buffer = { tensors: [id], name, bytes, firstStep, lastStep: firstStep };
    bufferOf.set(id, buffer);
    buffers.push(buffer);
  };
  for (const id of graph.inputs) fresh(id, -1);
  for (const op of ops) {
    const [output, ...more] = op.outputs;
    if (op.kind === 'view') {
      const first = op.inputs[0]!;
      const { data, variable } = tensorOf(graph, first);
      const outside = data !== null || variable !== undefined ? first : outsideOf.get(first);
      if (outside !== undefined) outsideOf.set(output!, outside);
      else share(bufferOf.get(first)!, output!, bufferOf);
      continue;
    }
    const step = stepOf.get(op)!;
    const host = inPlaceHost(graph, op, step, bufferOf, lastRead);
    if (host !== null) share(host, output!, bufferOf);
    else if (output !== undefined) fresh(output, step);
    for (const id of more) fresh(id, step);
    const scratch = scratchBytes(graph, op).map((bytes): Buffer => {
      return { tensors: [], name: `scratch of ${op.name}`, bytes, firstStep: step, lastStep: step };
    });
    buffers.push(...scratch);
    scratchOf.set(op, scratch);
  }
  for (const [id, step] of lastRead) {
    const buffer = bufferOf.get(id);
    if (buffer !== undefined) buffer.lastStep = Math.max(buffer.lastStep, step);
  }
  return { buffers, bufferOf, outsideOf, scratchOf };
}

function share(buffer: Buffer, id: TensorId, bufferOf: Map<TensorId, Buffer>): void {
  buffer.tensors.push(id);
  bufferOf.set(id, buffer);
}

/** Step of each tensor's last read, through views; outputs are read after the last step. */
function lastReads(graph: Graph, ops: readonly Op[], stepOf: ReadonlyMap<Op, number>): Map<TensorId, number> {
  const last = new Map<TensorId, number>();
  const extend = (id: TensorId, step: number): void => {
    last.set(id, Math.max(last.get(id) ?? -1, step));
  };
  for (const id of graph.outputs) extend(id, stepOf.size - 1);
  for (const op of ops.toReversed()) {
    // A view's readers come later in the schedule, so its own last read is final here.
    const step = op.kind === 'view' ? (last.get(op.outputs[0]!) ?? -1) : stepOf.get(op)!;
    for (const id of op.inputs) extend(id, step);
  }
  return last;
}

/** The buffer of an operand that this op may overwrite, or null. */
function inPlaceHost(
  graph: Graph,
  op: Op,
  step: number,
  bufferOf: ReadonlyMap<TensorId, Buffer>,
  lastRead: ReadonlyMap<TensorId, number>,
): Buffer | null {
  const [output] = op.outputs;
  const elementwise = loweringOf(op)?.inPlace === true;
  if (output === undefined || (op.kind !== 'reshape' && !elementwise)) return null;
  // A copy from input to output must stay a copy: the caller sees two places.
  if (op.kind === 'reshape' && graph.inputs.includes(op.inputs[0]!) && graph.outputs.includes(output))
    return null;
  const { shape, dtype } = tensorOf(graph, output);
  for (const id of op.inputs) {
    const buffer = bufferOf.get(id);
    if (buffer === undefined) continue;
    const operand = tensorOf(graph, id);
    const same = operand.shape.join() === shape.join() && operand.dtype === dtype;
    if (elementwise && (!same || op.inputs.indexOf(id) !== op.inputs.lastIndexOf(id))) continue;
    if (buffer.tensors.every((shared) => (lastRead.get(shared) ?? -1) <= step)) {
      // An operand that is also read by the other side of this op is not free before the op is done.
      const other = op.inputs.filter((read) => bufferOf.get(read) === buffer).length;
      const isOutput = buffer.tensors.some((shared) => graph.outputs.includes(shared));
      if (other === 1 && !isOutput) return buffer;
    }
  }
  return null;
}
