// What the caller of the compiler decides, and the defaults.
import type { StateChoice } from './state.js';
import type { SensorContract } from '../backends/bundle/contents.js';
import type { TreeImportOptions } from '../frontends/tree-json/open.js';
import type { FrontEnd } from '../plan/front-end/description.js';
import type { ModelLimits } from '../frontends/limits.js';

/** A hardware profile, as far as the compiler needs it; a DeviceType of the API fits. */
export interface TargetType {
  readonly name: string;
  readonly core: string;
  readonly clockHz: number;
  /** Room for one bundle in flash. */
  readonly slotBytes: number;
  /** RAM for the scratch memory of one inference. */
  readonly arenaBytes: number;
  /** RAM for what goes from one inference to the next. Not checked when left out. */
  readonly stateBytes?: number | undefined;
  /**
   * `reduced`, for slots of a few KB: the bundle has the sections that a device reads and neither names, labels, info nor a stored
   * sample, and two golden vectors unless told otherwise. The same format, the same results. Default `full`.
   */
  readonly profile?: 'full' | 'reduced' | undefined;
}

export interface CompileOptions {
  readonly deviceType: TargetType;
  /** Written into the bundle's info section. */
  readonly model?: string;
  readonly version?: string;
  /** Class names in output order. */
  readonly labels?: readonly string[];
  /** Of the first input; default: the platform hands over the quantized tensor. */
  readonly sensor?: Partial<SensorContract>;
  /**
   * Makes the first input of raw samples on the device. Sensor and axes come from `sensor` (micro-speech and mfcc: a microphone
   * of one axis unless stated); frame, hop and the sample rate of the contract follow from it.
   */
  readonly frontEnd?: FrontEnd;
  /** Of tree ensembles: how features become integers, and what a bare dump does not say. */
  readonly trees?: TreeImportOptions;
  /** Bins of the confidence histogram. 16 when AUC is wanted; costs 8 bytes per class and window. Default 8. */
  readonly confidenceBins?: 8 | 16;
  /** Self-test vectors, 1..16. More cost 4 bytes per plan step each and time at every activation. Default 4, 2 in the profile reduced. */
  readonly goldenVectors?: number;
  /** One real input, quantized: stored as a further golden vector when it is <= 2 KB. */
  readonly goldenSample?: Uint8Array;
  /**
   * NPY files: inputs [n, ...] and labels uint8 [n]. Inputs are floats, or quantized as the model's own input; of a float
   * model they are the values themselves, whatever their type.
   */
  readonly validation?: { readonly inputs: Uint8Array; readonly labels: Uint8Array };
  /**
   * Samples that the scales of a float model are made from: one NPY file [n, ...] per input, of the values themselves.
   * Default: the validation inputs; without those, random values of `inputRange`, with a warning.
   */
  readonly calibration?: readonly Uint8Array[];
  /** Smallest and largest value of a float model's inputs, where there are no samples. Default -1..1. */
  readonly inputRange?: readonly [low: number, high: number];
  /**
   * What an inference starts from: `carry` the state that the one before left, `reset` the first values. Default `auto`: reset
   * for LSTMs that see a whole sequence per inference, carry for everything that sees a stream piece by piece.
   */
  readonly state?: StateChoice;
  /** False: one step per operator, in the model's order, for comparison layer by layer. Default true. */
  readonly optimize?: boolean;
  readonly limits?: Partial<ModelLimits & WorkLimits>;
}

export interface WorkLimits {
  /** Inner-loop rounds of one inference (MACs, mostly): what the self-test is ready to run many times. */
  readonly work: number;
}

/** Far above any microcontroller's model: about 1 s per inference here, minutes there. */
export const DEFAULT_WORK: WorkLimits = { work: 1_000_000_000 };

export interface Progress {
  /** 0..1, never falling. */
  readonly progress: number;
  readonly stage: 'read' | 'calibrate' | 'optimize' | 'plan' | 'encode' | 'self-test' | 'validate' | 'report';
}

/** In the info section and every report. Changes when the same model may give other bytes. */
export const COMPILER_VERSION = '0.1.0';
