/**
 * One interface for everything that watches a stream of observations for change. A detector costs one file and inherits
 * the suite in conformance.spec.ts.
 */
import { FleetError } from '@tinyfleet/errors';

/** `warning` is for those who want to collect samples early; most detectors never say it. */
export type Level = 'none' | 'warning' | 'drift';

/** Any finite number; 0 or 1, 1 being an error. */
export type ObservationKind = 'number' | 'bit';

export interface Detector {
  readonly takes: ObservationKind;
  /**
   * Takes in one observation, in order. After `drift` the next one begins a new run.
   * @throws quality.observation-invalid
   */
  update(x: number): Level;
  /** A JSON-safe copy of everything learned. */
  save(): SavedDetector;
  /** From then on as if the saved one, which had the same options, had never stopped. */
  load(saved: SavedDetector): void;
}

/** `ended` = the last observation was a drift. */
export interface SavedDetector {
  readonly ended: boolean;
  readonly run: unknown;
}

/** What all detectors share: checks, a new run after a drift, saving. `Run` is plain data, without Infinity or NaN. */
export abstract class RunDetector<Run extends object> implements Detector {
  abstract readonly takes: ObservationKind;
  private run: Run | undefined;
  private ended = false;

  protected abstract fresh(): Run;
  protected abstract step(run: Run, x: number): Level;

  update(x: number): Level {
    if (!Number.isFinite(x)) {
      throw new FleetError('quality.observation-invalid', { value: x, wanted: 'finite number' });
    }
    if (this.takes === 'bit' && x !== 0 && x !== 1) {
      throw new FleetError('quality.observation-invalid', { value: x, wanted: '0 or 1' });
    }
    if (this.ended || this.run === undefined) this.run = this.fresh();
    const level = this.step(this.run, x);
    this.ended = level === 'drift';
    return level;
  }

  save(): SavedDetector {
    return { ended: this.ended, run: structuredClone(this.run ?? this.fresh()) };
  }

  load({ ended, run }: SavedDetector): void {
    this.ended = ended;
    this.run = structuredClone(run) as Run;
  }

  /** What has been learned so far, for subclasses that show it. */
  protected get current(): Run {
    return this.run ?? this.fresh();
  }
}

/** @throws quality.option-invalid */
export function checkOption(option: string, value: number, isValid: boolean, wanted: string): void {
  if (!isValid || Number.isNaN(value))
    throw new FleetError('quality.option-invalid', { option, value, wanted });
}
