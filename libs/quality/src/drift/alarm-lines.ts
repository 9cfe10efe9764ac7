/**
 * Two-sided CUSUMs of many score streams in typed arrays, with when each began to move and how far.
 *
 * Scores beyond `clip` count as `clip`: no single window alarms, however wild (a device that was carried, a frame that was torn).
 */
import { cusumStep } from '../detectors/cusum.js';
import { cusumThreshold } from '../detectors/cusum-run-length.js';
import type { SavedArray } from './saved-state.js';

export interface Sensitivity {
  readonly k: number;
  readonly h: number;
  /** Scores are multiplied by it: below 1 where noise is so small that `leastShift` is dozens of standard deviations. */
  readonly scale: number;
}

/** Half of the smallest shift of a score that any stream is set for. */
export const LEAST_K = 0.5;
const GREATEST_K = 2.5;
export const CLIP = 5;

/** @param response mean score of a shift of one unit; @param leastShift the smallest worth a page, in units */
export function sensitivityOf(response: number, leastShift: number, arl0: number): Sensitivity {
  const half = (leastShift * response) / 2;
  const k = Math.min(GREATEST_K, Math.max(LEAST_K, half));
  return { k, h: cusumThreshold(k, Math.min(1e9, arl0)), scale: Math.min(1, GREATEST_K / half) };
}

export class AlarmLines {
  private readonly up: Float64Array;
  private readonly down: Float64Array;
  private readonly upSteps: Int32Array;
  private readonly downSteps: Int32Array;

  constructor(count: number) {
    this.up = new Float64Array(count);
    this.down = new Float64Array(count);
    this.upSteps = new Int32Array(count);
    this.downSteps = new Int32Array(count);
  }

  /** Takes in a score; does the stream alarm? */
  step(i: number, z: number, { k, h, scale }: Sensitivity): boolean {
    const score = Math.max(-CLIP, Math.min(CLIP, z * scale));
    this.up[i] = cusumStep(this.up[i]!, score, k);
    this.down[i] = cusumStep(this.down[i]!, -score, k);
    this.upSteps[i] = this.up[i] > 0 ? this.upSteps[i]! + 1 : 0;
    this.downSteps[i] = this.down[i] > 0 ? this.downSteps[i]! + 1 : 0;
    return this.up[i] > h || this.down[i] > h;
  }

  /** Share of the way to the alarm, with the sign of the direction. */
  level(i: number, { h }: Sensitivity): number {
    return this.up[i]! >= this.down[i]! ? this.up[i]! / h : -this.down[i]! / h;
  }

  /** Windows since the sum was last 0 (the estimate of the change point: Page 1954) and the mean score since. */
  since(i: number, { k, scale }: Sensitivity): { readonly windows: number; readonly meanScore: number } {
    const rises = this.up[i]! >= this.down[i]!;
    const windows = rises ? this.upSteps[i]! : this.downSteps[i]!;
    if (windows === 0) return { windows: 0, meanScore: 0 };
    const mean = ((rises ? this.up[i]! : this.down[i]!) / windows + k) / scale;
    return { windows, meanScore: rises ? mean : -mean };
  }

  reset(i: number): void {
    this.up[i] = this.down[i] = 0;
    this.upSteps[i] = this.downSteps[i] = 0;
  }

  save(name: string): Record<string, SavedArray> {
    return {
      [`${name}.up`]: this.up,
      [`${name}.down`]: this.down,
      [`${name}.upSteps`]: this.upSteps,
      [`${name}.downSteps`]: this.downSteps,
    };
  }

  /** @param placeOf where line i was when it was saved; -1 = it is new */
  load(name: string, arrays: Readonly<Record<string, SavedArray>>, placeOf: (i: number) => number): void {
    for (let i = 0; i < this.up.length; i++) {
      const from = placeOf(i);
      if (from < 0) continue;
      this.up[i] = arrays[`${name}.up`]![from]!;
      this.down[i] = arrays[`${name}.down`]![from]!;
      this.upSteps[i] = arrays[`${name}.upSteps`]![from]!;
      this.downSteps[i] = arrays[`${name}.downSteps`]![from]!;
    }
  }
}
