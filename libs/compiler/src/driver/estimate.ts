// What an inference will cost on a device that nobody has measured: instructions of our kernels on a Cortex-M4, cycles by
// core, time by clock, energy by board. Each of the three steps was fitted to measurements and carries the largest
// relative error it has on them.
//
// Instructions: counted under QEMU (mps2-an386, -icount), least squares over the steps of the MLPerf Tiny models;
// `npm run bench -- estimate` measures again. Cycles: 1.46..1.51 per instruction in convolutions and 1.72 in dense layers
// on that core with flash wait states, and what other cores need of the M4's cycles for the same four models, from the
// MLPerf Tiny v1.1 and v1.2 results (X-CUBE-AI on L4R5ZI, U575, U385, H7A3; HALE on G0B1). Energy: the power those
// boards draw while they run them.
import type { Report } from './report.js';

export interface Hardware {
  readonly name: string;
  readonly core: string;
  readonly clockHz: number;
}

export interface Estimate {
  /** On a Cortex-M4. */
  readonly instructions: number;
  readonly cycles: number;
  readonly milliseconds: number;
  /** Null where no board of this type has published figures. */
  readonly microjoules: number | null;
  /** Relative: 0.25 = within 25 % of what the models were fitted to. */
  readonly timeError: number;
  readonly energyError: number | null;
}

type StepCost = Pick<Report['ops'][number], 'op' | 'work' | 'outputBytes'>;

interface StepModel {
  readonly perRound: number;
  readonly perOutputByte: number;
  readonly cyclesPerInstruction: number;
}

/** Instructions that start and end any step. */
const PER_STEP = 300;
/** The ops of the MLPerf Tiny models, as `bench -- estimate` fits them. */
const STEP_MODELS: Readonly<Record<string, StepModel>> = {
  ADD: { perRound: 54, perOutputByte: 0, cyclesPerInstruction: 1.49 },
  AVERAGE_POOL_2D: { perRound: 7.7, perOutputByte: 46, cyclesPerInstruction: 1.49 },
  CONV_2D: { perRound: 2.9, perOutputByte: 82, cyclesPerInstruction: 1.49 },
  DEPTHWISE_CONV_2D: { perRound: 9.5, perOutputByte: 53, cyclesPerInstruction: 1.49 },
  FULLY_CONNECTED: { perRound: 3.1, perOutputByte: 62, cyclesPerInstruction: 1.72 },
  SOFTMAX: { perRound: 220, perOutputByte: 0, cyclesPerInstruction: 1.49 },
};
/** Any other op: a guess, and its share of the instructions counts with half of itself as error. */
const OTHER: StepModel = { perRound: 12, perOutputByte: 20, cyclesPerInstruction: 1.5 };
const OTHER_ERROR = 0.5;
/** Of a whole model's instructions, on the six models; and of cycles per instruction, on the published results. */
const INSTRUCTION_ERROR = 0.05;
const CYCLE_ERROR = 0.02;

/** Cycles of this core for one of the M4, geometric mean over ad, ic, kws and vww, and the largest deviation. */
const CORES: Readonly<Record<string, { readonly cycles: number; readonly error: number }>> = {
  'cortex-m4': { cycles: 1, error: 0 },
  'cortex-m4f': { cycles: 1, error: 0 },
  'cortex-m33': { cycles: 0.87, error: 0.065 },
  'cortex-m7': { cycles: 0.589, error: 0.073 },
  'cortex-m0plus': { cycles: 5.64, error: 0.503 },
};

/** Milliwatts at the published clock, mean over the four models, and the largest deviation. */
const BOARDS: Readonly<Record<string, { readonly milliwatts: number; readonly error: number }>> = {
  'nucleo-l4r5zi': { milliwatts: 41.6, error: 0.072 },
  'b-u585i-iot02a': { milliwatts: 23.4, error: 0.027 },
};

/**
 * A self-test that takes longer than so many times the longest that is estimated is not this model on this hardware. What
 * the fit knows nothing of (wait states, caches, interrupts, other tasks) costs a factor of 2 on bad boards, which is
 * doubled once more: a good model must never be refused for it, and one that is an order slower always is.
 */
export const LATENCY_FACTOR = 4;
/** Shorter bounds would judge the timer. */
const LEAST_LATENCY_US = 1_000;

/** Condition `latency-us` of a manifest, microseconds; undefined where there is no estimate. */
export function latencyBoundUs(steps: readonly StepCost[], hardware: Hardware): number | undefined {
  const found = estimate(steps, hardware);
  if (found === null) return undefined;
  const longest = found.milliseconds * 1_000 * (1 + found.timeError);
  return Math.min(0xffff_ffff, Math.max(LEAST_LATENCY_US, Math.ceil(LATENCY_FACTOR * longest)));
}

/** In words, for whoever shows an estimate. */
export const ESTIMATE_BASIS =
  'Instructions of the portable kernels counted on a Cortex-M4 under QEMU; cycles per core and power per board from ' +
  'published MLPerf Tiny results. An estimate, not a measurement: the error stated is the largest on that data.';

/** Null for cores nobody has published figures for. */
export function estimate(steps: readonly StepCost[], hardware: Hardware): Estimate | null {
  const core = CORES[hardware.core];
  if (core === undefined) return null;
  let [instructions, guessed, cycles] = [0, 0, 0];
  for (const { op, work, outputBytes } of steps) {
    const model = STEP_MODELS[op] ?? OTHER;
    const count = PER_STEP + model.perRound * work + model.perOutputByte * outputBytes;
    instructions += count;
    if (model === OTHER) guessed += count;
    cycles += count * model.cyclesPerInstruction * core.cycles;
  }
  const milliseconds = (cycles / hardware.clockHz) * 1_000;
  const guess = instructions === 0 ? 0 : (guessed / instructions) * OTHER_ERROR;
  const timeError = INSTRUCTION_ERROR + CYCLE_ERROR + core.error + guess;
  const board = BOARDS[hardware.name];
  return {
    instructions: Math.round(instructions),
    cycles: Math.round(cycles),
    milliseconds,
    timeError,
    microjoules: board === undefined ? null : board.milliwatts * milliseconds,
    energyError: board === undefined ? null : timeError + board.error,
  };
}
