/**
 * Exponentially weighted moving average with a known reference: as fast as CUSUM for small shifts, and its value is a smooth
 * estimate that people can read.
 *
 * w = (1 - lambda) w + lambda z,  z = (x - mean) / sd,  drift when |w| > c (Roberts 1959, "Control chart tests based on geometric
 * moving averages", Technometrics 1). c follows from ARL0 (cusum-run-length.ts). Small lambda for small shifts: .05 for half a
 * standard deviation, .13 for one, .4 for two (Lucas and Saccucci 1990, Technometrics 32).
 */
import { checkOption, RunDetector, type Level } from './detector.js';
import { ewmaLimit } from './cusum-run-length.js';

export interface EwmaOptions {
  readonly reference: { readonly mean: number; readonly sd: number };
  /** Weight of the newest observation. Default .13. */
  readonly lambda?: number;
  /** Mean observations between false alarms. Default 100,000. */
  readonly arl0?: number;
}

export class Ewma extends RunDetector<{ w: number }> {
  readonly takes = 'number';
  readonly limit: number;
  private readonly lambda: number;
  private readonly reference: EwmaOptions['reference'];

  constructor({ reference, lambda = 0.13, arl0 = 100_000 }: EwmaOptions) {
    super();
    checkOption('reference.mean', reference.mean, Number.isFinite(reference.mean), 'a finite number');
    checkOption('reference.sd', reference.sd, reference.sd > 0 && Number.isFinite(reference.sd), 'above 0');
    checkOption('lambda', lambda, lambda >= 0.01 && lambda <= 1, 'from 0.01 to 1');
    this.reference = reference;
    this.lambda = lambda;
    this.limit = ewmaLimit(lambda, arl0);
  }

  protected fresh(): { w: number } {
    return { w: 0 };
  }

  protected step(run: { w: number }, x: number): Level {
    const z = (x - this.reference.mean) / this.reference.sd;
    run.w += this.lambda * (z - run.w);
    return Math.abs(run.w) > this.limit ? 'drift' : 'none';
  }
}
