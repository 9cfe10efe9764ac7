// What goes into a bundle besides the plan. Numbers of sensors and units are those of docs/spec/wire.cddl.
import type { Tensor } from '../../ir/graph.js';
import type { Plan, PlannedTensor } from '../../plan/types.js';
import type { GOLDEN_KINDS, MONITOR_KINDS, REDUCTIONS, ROLES } from '../../plan/generated/bundle-layout.js';

/** Where an input's samples come from. The default: the platform hands over the quantized tensor itself. */
export interface SensorContract {
  readonly sensor: number;
  readonly axes: number;
  readonly unit: number;
  /** 0 frame-major x y z, 1 axis-major. */
  readonly axisOrder: number;
  /** In unit/1000 at raw count 32767; 0 = not stated. */
  readonly fullScale: number;
  readonly sampleRateMilliHz: number;
  /** Sensor frames that one inference covers; 0 = one tensor is one sample. */
  readonly frame: number;
  /** Sensor frames between two inferences; 0 = frame. */
  readonly hop: number;
}

export const TENSOR_SENSOR: SensorContract = {
  sensor: 0,
  axes: 0,
  unit: 0,
  axisOrder: 0,
  fullScale: 0,
  sampleRateMilliHz: 0,
  frame: 0,
  hop: 0,
};

export interface ContractTensor {
  readonly tensor: Tensor;
  readonly planned: PlannedTensor;
  readonly role: keyof typeof ROLES;
  readonly sensor: SensorContract | null;
  /** 0 when the output names no classes. */
  readonly classes: number;
}

export interface Monitor {
  readonly kind: keyof typeof MONITOR_KINDS;
  readonly planned: PlannedTensor;
  /** Bytes from the tensor's beginning to the first element, and from one element to the next. */
  readonly first: number;
  readonly stride: number;
  readonly reduction: keyof typeof REDUCTIONS;
  readonly name: string;
  readonly bins: number;
  /** Elements of one inference. */
  readonly count: number;
  readonly centre: number;
  /** At most bins - 1 ascending values, the rest lie above every value; none for kind classes. */
  readonly edges: readonly number[];
}

export interface GoldenVector {
  readonly kind: keyof typeof GOLDEN_KINDS;
  /** Inferences in a row, from the initial state; a stored sample holds the inputs of all. */
  readonly frames: number;
  /** Of kinds random and raw; 0 for a stored sample. */
  readonly seed: number;
  /** Quantized inputs of kind stored, raw samples of kind raw. */
  readonly sample: Uint8Array | null;
  readonly outputsCrc: number;
  readonly stepCrcs: readonly number[];
}

export interface BundleContents {
  readonly plan: Plan;
  readonly inputs: readonly ContractTensor[];
  readonly outputs: readonly ContractTensor[];
  /** Class names of the one output that has `classes`; empty = none. */
  readonly labels: readonly string[];
  readonly monitors: readonly Monitor[];
  readonly golden: readonly GoldenVector[];
  /** Steps were left out or run in place: layers no longer compare one to one with the source. */
  readonly optimized: boolean;
  /** Without the sections that only tools read: names, labels, info. */
  readonly reduced: boolean;
  /** An inference goes on from the state that the one before left. */
  readonly streaming: boolean;
  readonly info: {
    readonly model: string;
    readonly version: string;
    readonly compiler: string;
    readonly sourceSha256: Uint8Array;
  };
}

/** Bytes of all stored samples together, by the format. */
export const MAX_SAMPLE_BYTES = 2048;
