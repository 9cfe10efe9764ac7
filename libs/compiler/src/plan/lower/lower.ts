// One IR op as one plan step: its parameters by the names of docs/spec/bundle.yaml and its operands. The only arithmetic
// here is on shapes; multipliers come from ir/multipliers.
import { macsOf, viewOf, workOf } from '../../ir/cost.js';
import { fault } from '../../ir/diagnostics.js';
import type { Graph, TensorId } from '../../ir/graph.js';
import type { Op, OpAttrs } from '../../ir/ops.js';
import type { ConstantPool } from '../constants.js';
import type { Operand, OpName, Step } from '../types.js';
import { ACTIVATION } from './activation.js';
import { ARITHMETIC } from './arithmetic.js';
import { CLASSIC } from './classic.js';
import { CONVOLUTION } from './convolution.js';
import { MOVEMENT } from './movement.js';
import { REDUCTION } from './reduction.js';
import { RECURRENT } from './recurrent.js';
import type { Lowered, Lowering, Lowerings } from './spec.js';

/** Address of a tensor, constants and variables included. */
export type Locate = (id: TensorId) => Operand;

const LOWERINGS: Lowerings<OpAttrs> = {
  ...CLASSIC,
  ...CONVOLUTION,
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MOVEMENT,
  ...REDUCTION,
  ...RECURRENT,
};

/** IR kinds that a step can be; the others never reach a plan. */
export const STEP_KINDS: readonly string[] = Object.keys(LOWERINGS);

export function loweringOf(op: Op): Lowering<Op['attrs']> | undefined {
  return LOWERINGS[op.kind] as Lowering<Op['attrs']> | undefined;
}

export function stepOp(graph: Graph, op: Op): OpName {
  const { op: name } = loweringOf(op)!;
  return typeof name === 'string' ? name : name(viewOf(graph, op));
}

export function scratchBytes(graph: Graph, op: Op): readonly number[] {
  return loweringOf(op)?.scratch?.(viewOf(graph, op)) ?? [];
}

export function lower(
  graph: Graph,
  op: Op,
  memory: { readonly locate: Locate; readonly pool: ConstantPool; readonly scratch: readonly Operand[] },
): Step {
  const { locate, pool, scratch } = memory;
  // Operands first: the pool keeps constants in the order of the op's own operands, tables behind them.
  const { reads, stores = [] } = loweringOf(op)!;
  const stored = stores.map((i) => op.inputs[i]!);
  const own = (reads?.map((i) => op.inputs[i]!) ?? op.inputs.filter((id) => !stored.includes(id))).map(
    locate,
  );
  const {
    params,
    tables = [],
    keep,
  } = refuseScales(op, () => loweringOf(op)!.lower(viewOf(graph, op), pool));
  return {
    op: stepOp(graph, op),
    name: op.name,
    node: op.sourceIndex,
    inputs: [...(keep === undefined ? own : keep.map((i) => own[i]!)), ...tables],
    outputs: [...stored, ...op.outputs].map(locate),
    outputTensors: [...stored, ...op.outputs],
    scratch,
    params,
    macs: macsOf(graph, op),
    work: workOf(graph, op),
  };
}

/** Scales so far apart that no kernel's shift bridges them: the model's fault, said with its names. */
function refuseScales(op: Op, make: () => Lowered): Lowered {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw fault('compiler.quantization-invalid', { tensor: op.name, reason: error.message });
  }
}
