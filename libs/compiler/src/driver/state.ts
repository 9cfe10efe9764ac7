// What an inference starts from. A stream goes on from the state before. An LSTM that sees a whole sequence per inference must not: its
// interpreter is to be reset between sequences, which nobody does on a device (99.1 % of the digits of the shared MNIST model are
// right with a reset, 93.6 % without). So the plan itself assigns the first values then, step by step.
import type { Diagnostic } from '../ir/diagnostics.js';
import { byteLength, tensorOf, type Graph, type Tensor } from '../ir/graph.js';
import { specOf, type Op } from '../ir/ops.js';
import { LSTM } from '../ir/ops/recurrent.js';

/** `auto` starts anew where every state is that of an LSTM with more than one time step per inference. */
export type StateChoice = 'auto' | 'carry' | 'reset';

export function withState(graph: Graph, choice: StateChoice, diagnostics: Diagnostic[]): Graph {
  const writers = graph.ops.filter((op) => (specOf(op).writes ?? []).length > 0);
  if (writers.length === 0 || choice === 'carry') return graph;
  if (choice !== 'reset') {
    const steps = writers.map((op) => stepsOf(graph, op));
    if (steps.some((count) => count < 2)) return graph;
    const data = { steps: Math.max(...steps) };
    diagnostics.push({ code: 'compiler.state-starts-anew', severity: 'warning', data });
  }
  return startAnew(graph, writers);
}

/** Does an inference read what the one before left? */
export function carriesState(graph: Graph): boolean {
  return [...graph.tensors.values()].some(({ id, variable }) => {
    if (variable === undefined) return false;
    const first = graph.ops.find((op) => op.inputs.includes(id));
    return first !== undefined && !(first.kind === 'assign_variable' && isConstant(graph, first));
  });
}

function isConstant(graph: Graph, op: Op): boolean {
  return tensorOf(graph, op.inputs[1]!).data !== null;
}

/** Time steps of an LSTM; 1 for what sees one at a time. */
function stepsOf(graph: Graph, op: Op): number {
  if (op.kind !== 'unidirectional_sequence_lstm') return 1;
  return tensorOf(graph, op.inputs[LSTM.input]!).shape[op.attrs.timeMajor ? 0 : 1]!;
}

function startAnew(graph: Graph, writers: readonly Op[]): Graph {
  const tensors = new Map(graph.tensors);
  let next = Math.max(...tensors.keys()) + 1;
  const seen = new Set<number>();
  const names = new Set(graph.ops.map(({ name }) => name));
  const assignments: Op[] = [];
  for (const op of writers) {
    for (const position of specOf(op).writes ?? []) {
      const { variable, ...like } = tensorOf(graph, op.inputs[position]!);
      if (seen.has(like.id)) continue;
      seen.add(like.id);
      const data = variable!.initial ?? new Uint8Array(byteLength(like));
      // Files may give several tensors one name; ops must differ.
      const plain = `${like.name}/first`;
      const name = names.has(plain) ? `${plain}:${like.id}` : plain;
      names.add(name);
      const first: Tensor = { ...like, id: next++, name, data };
      tensors.set(first.id, first);
      const { sourceIndex } = op;
      const inputs = [like.id, first.id];
      assignments.push({
        kind: 'assign_variable',
        name: first.name,
        sourceIndex,
        inputs,
        outputs: [],
        attrs: {},
      });
    }
  }
  return { ...graph, tensors, ops: [...assignments, ...graph.ops] };
}
