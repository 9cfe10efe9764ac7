// Orders of execution. Every order keeps producers before consumers; they differ in how much is alive at once.
import { producers, tensorOf, byteLength, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';

export interface Schedule {
  readonly name: string;
  readonly ops: readonly Op[];
}

/** The model's own order, and where branches leave a choice, the order that greedily frees the most bytes. */
export function schedules(graph: Graph): Schedule[] {
  const source: Schedule = { name: 'source', ops: graph.ops };
  const greedy = greedyOrder(graph);
  const same = greedy.every((op, i) => op === graph.ops[i]);
  return same ? [source] : [source, { name: 'greedy', ops: greedy }];
}

/**
 * List scheduling: of the ops whose operands are ready, the one that leaves the fewest bytes alive; of equals the
 * earliest in the source. O(ops^2) in the worst case, over at most 4,096 ops.
 */
function greedyOrder(graph: Graph): Op[] {
  const producer = producers(graph);
  const waiting = new Set(graph.ops);
  const done = new Set<Op>();
  const readers = new Map<TensorId, number>();
  for (const op of graph.ops)
    for (const id of new Set(op.inputs)) readers.set(id, (readers.get(id) ?? 0) + 1);
  for (const id of graph.outputs) readers.set(id, (readers.get(id) ?? 0) + 1);

  const bytes = (id: TensorId): number => {
    const tensor = tensorOf(graph, id);
    return tensor.data === null && tensor.variable === undefined ? byteLength(tensor) : 0;
  };
  const growth = (op: Op): number => {
    const freed = [...new Set(op.inputs)]
      .filter((id) => readers.get(id) === 1)
      .reduce((n, id) => n + bytes(id), 0);
    return op.outputs.reduce((n, id) => n + bytes(id), 0) - freed;
  };
  const before = stateOrder(graph);
  const isReady = (op: Op): boolean =>
    (before.get(op) ?? []).every((earlier) => done.has(earlier)) &&
    op.inputs.every((id) => {
      const source = producer.get(id);
      return source === undefined || done.has(source);
    });

  const order: Op[] = [];
  while (waiting.size > 0) {
    let best: Op | null = null;
    let least = Infinity;
    for (const op of waiting) {
      if (!isReady(op)) continue;
      const cost = growth(op);
      if (cost < least) [best, least] = [op, cost];
    }
    if (best === null) throw new Error('invariant: the graph has a cycle');
    waiting.delete(best);
    done.add(best);
    order.push(best);
    for (const id of new Set(best.inputs)) readers.set(id, readers.get(id)! - 1);
  }
  return order;
}

/** Ops that name the same variable, or a view of it, keep the source's order among themselves. */
function stateOrder(graph: Graph): Map<Op, Op[]> {
  const last = new Map<TensorId, Op>();
  const before = new Map<Op, Op[]>();
  const shows = new Map<TensorId, TensorId>();
  for (const op of graph.ops) {
    const base = (id: TensorId): TensorId => shows.get(id) ?? id;
    if (op.kind === 'view') shows.set(op.outputs[0]!, base(op.inputs[0]!));
    for (const id of new Set([...op.inputs, ...op.outputs].map(base))) {
      if (tensorOf(graph, id).variable === undefined) continue;
      const earlier = last.get(id);
      if (earlier !== undefined) before.set(op, [...(before.get(op) ?? []), earlier]);
      last.set(id, op);
    }
  }
  return before;
}
