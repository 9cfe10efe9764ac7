// The life of a rotating machine: which fault it has at a time, how bad, at which load. Pure functions of
// (seed, time), so 14 days of history and the live stream tell one story. Knows nothing of accelerometers.
import { mix32, Random } from './random.js';

/** Classes of the vibration task, in the order of the models' outputs. */
export const VIBRATION_CLASSES = ['normal', 'imbalance', 'bearing', 'looseness'] as const;
export type VibrationClass = (typeof VIBRATION_CLASSES)[number];

/** A scripted fault: from `fromMs` to `toMs` its severity grows linearly between the two given ones. */
export interface FaultEpisode {
  readonly fault: VibrationClass;
  readonly fromMs: number;
  readonly toMs: number;
  readonly severityFrom: number;
  readonly severityTo: number;
}

export interface MachineLifeOptions {
  readonly seed: number;
  /** Relative weights of the classes in unscripted time. */
  readonly mix: Readonly<Record<VibrationClass, number>>;
  /** Length of one unscripted episode; every episode draws its class and severity anew. */
  readonly episodeMs: number;
  /** Scripted faults; the first that covers a time wins over the mix. */
  readonly episodes?: readonly FaultEpisode[];
  /** Peak relative change of load over a day, 0 for none. Load is highest at 14:00 UTC. */
  readonly dailyLoad?: number;
}

export interface MachineState {
  fault: VibrationClass;
  /** 0..1; at .12 it drowns in the noise of half of the machines. */
  severity: number;
  /** Relative load, 1 is nominal. */
  load: number;
}

const DAY_MS = 86_400_000;

export class MachineLife {
  private readonly random = new Random(0);
  private readonly weights: number[];
  private readonly offsetMs: number;
  private episode = Number.NaN;
  private episodeFault: VibrationClass = 'normal';
  private episodeSeverity = 0;

  constructor(readonly options: MachineLifeOptions) {
    this.weights = VIBRATION_CLASSES.map((name) => options.mix[name]);
    // Machines do not change state in step.
    this.offsetMs = (mix32(options.seed, 0x0ff5e7) / 4294967296) * options.episodeMs;
  }

  /** The state at a time; the object passed in is filled and returned. */
  at(timeMs: number, state: MachineState): MachineState {
    const { dailyLoad = 0, episodes = [], episodeMs, seed } = this.options;
    state.load = 1 + dailyLoad * Math.cos((2 * Math.PI * (timeMs - 14 * 3_600_000)) / DAY_MS);
    for (const scripted of episodes) {
      if (timeMs < scripted.fromMs || timeMs >= scripted.toMs) continue;
      const part = (timeMs - scripted.fromMs) / (scripted.toMs - scripted.fromMs);
      state.fault = scripted.fault;
      state.severity = scripted.severityFrom + part * (scripted.severityTo - scripted.severityFrom);
      return state;
    }
    const episode = Math.floor((timeMs + this.offsetMs) / episodeMs);
    if (episode !== this.episode) {
      this.episode = episode;
      this.random.reseed(mix32(mix32(seed, episode | 0), Math.floor(episode / 4294967296)));
      this.episodeFault = VIBRATION_CLASSES[this.random.pick(this.weights)]!;
      this.episodeSeverity = this.random.between(0.12, 1);
    }
    state.fault = this.episodeFault;
    state.severity = this.episodeSeverity;
    return state;
  }
}
