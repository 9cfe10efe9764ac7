// What a pass is, and the runner that keeps the IR's specification between every two.
import type { Diagnostic } from '../ir/diagnostics.js';
import type { Graph } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { verify } from '../ir/verify.js';

export interface PassContext {
  /** Non-fatal remarks for the report. */
  readonly diagnostics: Diagnostic[];
  /** Results of a float op on constants, as float32 bytes; null where the op has no float form. */
  readonly evaluate?: (graph: Graph, op: Op) => Uint8Array[] | null;
}

export interface Pass {
  readonly name: string;
  /** One line: why the compiler does this. */
  readonly why: string;
  /** What must hold before it, beyond the verifier's rules. */
  readonly requires: string;
  /** What holds after it. Outputs and roots keep their exact values, always. */
  readonly ensures: string;
  readonly run: (graph: Graph, context: PassContext) => Graph;
}

export interface PassResult {
  readonly name: string;
  readonly opsBefore: number;
  readonly opsAfter: number;
}

/** Runs the passes in order; the verifier runs before the first and after each. */
export function runPasses(
  graph: Graph,
  passes: readonly Pass[],
  context: PassContext,
): { graph: Graph; results: PassResult[] } {
  verify(graph, 'frontend');
  const results: PassResult[] = [];
  let current = graph;
  for (const pass of passes) {
    const opsBefore = current.ops.length;
    current = pass.run(current, context);
    verify(current, pass.name);
    results.push({ name: pass.name, opsBefore, opsAfter: current.ops.length });
  }
  return { graph: current, results };
}
