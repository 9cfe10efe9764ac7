// A streaming layer keeps the last rows it saw: value = concat(variable, new rows), used by a convolution, and the end of value is
// assigned to the variable. Here the variable becomes the whole window: one SHIFT_STATE moves it and appends the new rows, and
// the convolution reads it in place. The state grows by the new rows; the copies of the window in the arena go.
import {
  byteLength,
  consumers,
  elements,
  producers,
  tensorOf,
  type Graph,
  type Tensor,
  type TensorId,
} from '../ir/graph.js';
import type { Op, OpOf } from '../ir/ops.js';

interface Stream {
  readonly read: Op;
  readonly concat: OpOf<'concatenation'>;
  readonly slice: Op;
  readonly assign: Op;
  readonly fresh: TensorId;
  readonly variable: Tensor;
}

export function shiftState(graph: Graph): Graph {
  const streams = findStreams(graph);
  if (streams.length === 0) return graph;
  const tensors = new Map(graph.tensors);
  const becomes = new Map<Op, readonly Op[]>();
  let next = Math.max(...graph.tensors.keys()) + 1;
  for (const { read, concat, slice, assign, fresh, variable } of streams) {
    const window = windowOf(variable, tensorOf(graph, concat.outputs[0]!), next++);
    tensors.set(window.id, window);
    const { name, sourceIndex, outputs } = concat;
    becomes.set(concat, [
      { kind: 'shift_state', name, sourceIndex, inputs: [fresh, window.id], outputs: [], attrs: {} },
      { kind: 'view', name: slice.name, sourceIndex, inputs: [window.id], outputs, attrs: {} },
    ]);
    for (const op of [read, slice, assign]) becomes.set(op, []);
  }
  return { ...graph, tensors, ops: graph.ops.flatMap((op) => becomes.get(op) ?? [op]) };
}

/** The variable's rows last, as the next shift finds them; what is in front is shifted out unread. */
function windowOf(variable: Tensor, value: Tensor, id: TensorId): Tensor {
  const first = variable.variable!.initial;
  let initial: Uint8Array | null = null;
  if (first !== null) {
    initial = new Uint8Array(byteLength(value));
    initial.set(first, initial.length - first.length);
  }
  const { name, quantization } = variable;
  return { ...value, id, name, quantization, variable: { initial } };
}

function findStreams(graph: Graph): Stream[] {
  const producer = producers(graph);
  const users = consumers(graph);
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  const only = (id: TensorId, user: Op): boolean => {
    const found = users.get(id) ?? [];
    return found.length === 1 && found[0] === user && !pinned.has(id);
  };
  return graph.ops.flatMap((concat): Stream[] => {
    if (concat.kind !== 'concatenation' || concat.inputs.length !== 2 || pinned.has(concat.outputs[0]!))
      return [];
    const [kept, fresh] = concat.inputs as [TensorId, TensorId];
    const read = producer.get(kept);
    if (read?.kind !== 'read_variable' || !only(kept, concat)) return [];
    const value = tensorOf(graph, concat.outputs[0]!);
    const variable = tensorOf(graph, read.inputs[0]!);
    const outer = value.shape.slice(0, concat.attrs.axis).reduce((n, extent) => n * extent, 1);
    const [assign, ...others] = (users.get(variable.id) ?? []).filter((op) => op !== read);
    if (outer !== 1 || assign?.kind !== 'assign_variable' || others.length > 0) return [];
    const slice = producer.get(assign.inputs[1]!);
    if (slice?.kind !== 'slice' || slice.inputs[0] !== value.id || !only(assign.inputs[1]!, assign))
      return [];
    if (!isEnd(slice, value, variable) || graph.ops.indexOf(assign) < graph.ops.indexOf(concat)) return [];
    return [{ read, concat, slice, assign, fresh, variable }];
  });
}

/** Does the slice take the last elements of `value`, as many as the variable has? */
function isEnd({ attrs }: OpOf<'slice'>, value: Tensor, variable: Tensor): boolean {
  const { begin, size, strides } = attrs;
  // Along the first dimension that is cut, the end; in front of it single rows, behind it all.
  const cut = size.findIndex((extent, i) => extent !== value.shape[i]);
  const inFront = value.shape.slice(0, Math.max(cut, 0)).every((extent) => extent === 1);
  const toTheEnd = size.every(
    (extent, i) => begin[i]! + extent === value.shape[i] && (strides[i] === 1 || extent === 1),
  );
  const whole = size.every((extent, i) => i <= cut || extent === value.shape[i]);
  return inFront && toTheEnd && whole && size.reduce((n, e) => n * e, 1) === elements(variable);
}
