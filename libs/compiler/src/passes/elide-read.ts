// Reading a variable copies it, so that a later write does not show. Where no op writes the variable before the value's last read,
// the value is a view of the state instead.
import { consumers, type Graph, type TensorId } from '../ir/graph.js';
import { specOf, type Op } from '../ir/ops.js';

export function elideRead(graph: Graph): Graph {
  const users = consumers(graph);
  const position = new Map(graph.ops.map((op, i) => [op, i]));
  const pinned = new Set<TensorId>([...graph.outputs, ...graph.roots]);
  /** Position of the last op that reads the tensor or a view of it; Infinity for what is an output or root. */
  const lastRead = (id: TensorId): number =>
    pinned.has(id)
      ? Infinity
      : Math.max(
          -1,
          ...(users.get(id) ?? []).map((op) =>
            op.kind === 'view' ? lastRead(op.outputs[0]!) : position.get(op)!,
          ),
        );
  const isSafe = (read: Op): boolean => {
    const variable = read.inputs[0]!;
    const last = lastRead(read.outputs[0]!);
    return (
      last !== Infinity &&
      (users.get(variable) ?? []).every((op) => {
        const at = position.get(op)!;
        const writes = (specOf(op).writes ?? []).some((operand) => op.inputs[operand] === variable);
        return !writes || at < position.get(read)! || at > last;
      })
    );
  };
  const ops = graph.ops.map((op): Op =>
    op.kind === 'read_variable' && isSafe(op) ? { ...op, kind: 'view' } : op,
  );
  return { ...graph, ops };
}
