// Graph to plan: order the ops, give every tensor an address, write every step's numbers. Deterministic.
import { failure } from '../ir/diagnostics.js';
import { tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { liveSetBound, pack } from './arena.js';
import { ConstantPool, TENSOR_ALIGNMENT } from './constants.js';
import { BUNDLE_LIMITS } from './generated/bundle-layout.js';
import { lower, loweringOf, STEP_KINDS } from './lower/lower.js';
import { layOutState } from './state.js';
import { schedules, type Schedule } from './schedule.js';
import { assignStorage, type Storage } from './storage.js';
import type { Operand, Plan, Placement, PlannedTensor } from './types.js';

export interface PlanOptions {
  /** Keep the model's own order: one step per operator for layer-by-layer comparison. Default false. */
  readonly sourceOrder?: boolean;
}

interface Candidate {
  readonly schedule: Schedule;
  readonly steps: readonly Op[];
  readonly storage: Storage;
  readonly offsets: readonly number[];
  readonly arenaBytes: number;
  readonly strategy: string;
}

/** Throws compiler.op-unsupported for ops that no step can be. */
export function makePlan(graph: Graph, options: PlanOptions = {}): Plan {
  refuseUnsupported(graph);
  const orders = schedules(graph).slice(0, options.sourceOrder ? 1 : undefined);
  const best = orders
    .map((schedule) => candidate(graph, schedule))
    .reduce((a, b) => (b.arenaBytes < a.arenaBytes ? b : a));
  const { steps, storage, offsets } = best;

  const pool = new ConstantPool();
  const offsetOf = new Map(storage.buffers.map((buffer, i) => [buffer, offsets[i]!]));
  const state = layOutState(graph);
  const locate = (id: TensorId): Operand => {
    const outside = storage.outsideOf.get(id) ?? id;
    const variable = state.operandOf.get(outside);
    if (variable !== undefined) return variable;
    const constant = tensorOf(graph, outside);
    if (constant.data !== null) return pool.add(constant.data, constant.dtype, TENSOR_ALIGNMENT);
    const buffer = storage.bufferOf.get(id)!;
    return {
      space: 'arena',
      dtype: tensorOf(graph, id).dtype,
      offset: offsetOf.get(buffer)!,
      bytes: buffer.bytes,
    };
  };
  const planSteps = steps.map((op) => {
    const scratch = (storage.scratchOf.get(op) ?? []).map((buffer): Operand => {
      return { space: 'arena', dtype: 'uint8', offset: offsetOf.get(buffer)!, bytes: buffer.bytes };
    });
    return lower(graph, op, { locate, pool, scratch });
  });

  const afterStep = new Map<TensorId, number>([
    ...graph.inputs.map((id): [TensorId, number] => [id, -1]),
    ...steps.flatMap((op, i) => op.outputs.map((id): [TensorId, number] => [id, i])),
  ]);
  for (const op of best.schedule.ops)
    if (op.kind === 'view') afterStep.set(op.outputs[0]!, afterStep.get(op.inputs[0]!) ?? -1);
  const planned = (tensor: TensorId): PlannedTensor => ({
    tensor,
    operand: locate(tensor),
    afterStep: afterStep.get(tensor)!,
  });
  const placements = storage.buffers.map((buffer, i): Placement => {
    return { ...buffer, offset: offsets[i]! };
  });
  return {
    steps: planSteps,
    stateBytes: state.bytes,
    stateInit: state.initial,
    arenaBytes: Math.max(TENSOR_ALIGNMENT, best.arenaBytes),
    lowerBoundBytes: liveSetBound(storage.buffers),
    placements: placements.sort((a, b) => a.firstStep - b.firstStep || a.offset - b.offset),
    inputs: graph.inputs.map(planned),
    outputs: graph.outputs.map(planned),
    tensors: new Map([...storage.bufferOf.keys()].map((id) => [id, planned(id)])),
    strategy: `${best.schedule.name} order, ${best.strategy}`,
    constants: pool.bytes(),
  };
}

function candidate(graph: Graph, schedule: Schedule): Candidate {
  const steps = schedule.ops.filter((op) => op.kind !== 'view');
  const storage = assignStorage(graph, schedule.ops, steps);
  return { schedule, steps, storage, ...pack(storage.buffers) };
}

function refuseUnsupported(graph: Graph): void {
  const bad = graph.ops.filter((op) => op.kind !== 'view' && loweringOf(op) === undefined);
  if (bad.length > 0) {
    const supported = STEP_KINDS.map((kind) => kind.toUpperCase()).join(', ');
    const all = bad.map((op) => `${op.kind.toUpperCase()} (${op.name})`).join('; ');
    throw failure(
      bad.map((op) => ({
        code: 'compiler.op-unsupported',
        severity: 'error',
        data: { count: bad.length, ops: all, supported },
        op: op.name,
      })),
    );
  }
  for (const [what, found, limit] of [
    ['operators', graph.ops.length, BUNDLE_LIMITS.steps],
    ['inputs', graph.inputs.length, BUNDLE_LIMITS.inputs],
    ['outputs', graph.outputs.length, BUNDLE_LIMITS.outputs],
  ] as const) {
    if (found > limit) {
      throw failure([{ code: 'compiler.limit-exceeded', severity: 'error', data: { what, found, limit } }]);
    }
  }
}
