// The plan: what a device executes, with every number decided. Backends write it down; they decide nothing.
import type { DType, TensorId } from '../ir/graph.js';
import type { DTYPES, FRONT_END_STAGES, OpName } from './generated/bundle-layout.js';

export type { OpName };

/** Where bytes lie. `const` offsets count in `Plan.constants`. */
export interface Operand {
  readonly space: 'none' | 'arena' | 'const' | 'state';
  readonly dtype: DType;
  readonly offset: number;
  readonly bytes: number;
}

export type ParamValue = number | readonly number[];

export interface Step {
  readonly op: OpName;
  readonly name: string;
  /** Node of the source model, null for steps the compiler made. */
  readonly node: number | null;
  readonly inputs: readonly Operand[];
  readonly outputs: readonly Operand[];
  readonly outputTensors: readonly TensorId[];
  /** Arena bytes the kernel may overwrite freely. */
  readonly scratch: readonly Operand[];
  /** By field name of docs/spec/bundle.yaml; reserved fields are left out. */
  readonly params: Readonly<Record<string, ParamValue>>;
  readonly macs: number;
  /** Inner-loop rounds: MACs, window elements, else elements. */
  readonly work: number;
}

/** One buffer of the arena and how long it is needed. */
export interface Placement {
  /** Tensors that share the bytes: a tensor, its views and what is computed in place. */
  readonly tensors: readonly TensorId[];
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  /** Steps during which the bytes must survive, inclusive; -1 = filled before the first step. */
  readonly firstStep: number;
  readonly lastStep: number;
}

export interface PlannedTensor {
  readonly tensor: TensorId;
  readonly operand: Operand;
  /** Step that completes it; -1 for inputs. */
  readonly afterStep: number;
}

/** Operand of a front end stage: types that no tensor of a model has, too. */
export interface StageOperand extends Omit<Operand, 'dtype'> {
  readonly dtype: keyof typeof DTYPES;
}

export interface Stage {
  readonly stage: keyof typeof FRONT_END_STAGES;
  readonly inputs: readonly StageOperand[];
  readonly outputs: readonly StageOperand[];
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Only in the last pass before an inference. */
  readonly final: boolean;
}

/** From raw sensor frames to the plan's inputs. */
export interface FrontEndPlan {
  readonly stages: readonly Stage[];
  /** Sensor frames that one pass covers, and new ones per pass. */
  readonly frame: number;
  readonly hop: number;
  /** Passes from one inference to the next, and from a reset to the first. */
  readonly passes: number;
  readonly firstPasses: number;
  readonly axes: number;
  /** The contract's input that names the sensor. */
  readonly input: number;
  readonly samplesOffset: number;
}

export interface Plan {
  readonly steps: readonly Step[];
  readonly constants: Uint8Array;
  /** Memory that outlives an inference. */
  readonly stateBytes: number;
  /** Its first content; null = zero bytes. */
  readonly stateInit: Uint8Array | null;
  readonly arenaBytes: number;
  /** The most bytes live at one step of this order: no packing of it can do with less. */
  readonly lowerBoundBytes: number;
  readonly placements: readonly Placement[];
  readonly inputs: readonly PlannedTensor[];
  readonly outputs: readonly PlannedTensor[];
  /** Every tensor that has an address, by id: for monitors. */
  readonly tensors: ReadonlyMap<TensorId, PlannedTensor>;
  /** Which order and packing won. */
  readonly strategy: string;
  /** Absent: the platform hands over the quantized inputs. */
  readonly frontEnd?: FrontEndPlan;
}
