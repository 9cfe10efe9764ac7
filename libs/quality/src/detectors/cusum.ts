/**
 * Two-sided tabular CUSUM with a known reference: the fastest way to see a lasting shift of a mean.
 *
 * With z = (x - mean) / sd,
 *   up = max(0, up + z - k),   down = max(0, down - z - k),   drift when either exceeds h.
 * k is half of the shift, in standard deviations, that is wanted fastest (Page 1954, "Continuous inspection schemes",
 * Biometrika 41; optimal by Moustakides 1986, "Optimal stopping times for detecting changes in distributions", Ann. Statist.
 * 14). h follows from the mean number of observations between false alarms, ARL0 (cusum-run-length.ts): nobody has to guess a
 * threshold. Delays at ARL0 100,000 for shifts of .5, 1 and 2 sd, each with its own k: 74, 21 and 6 observations.
 *
 * Without `reference` the mean and sd of the first `learnFrom` observations are taken and kept. ARL0 does not hold then: with 30
 * observations it is about a hundredth of what was asked (Jones, Champ, Rigdon 2004, "The run length distribution of the
 * CUSUM with estimated parameters", J. Qual. Technol. 36). Use it where no reference can be had.
 *
 *   const detector = new Cusum({ reference: { mean: 20, sd: 0.5 }, shift: 1, arl0: 100_000 });
 *   if (detector.update(21.3) === 'drift') ...
 */
import { checkOption, RunDetector, type Level } from './detector.js';
import { cusumThreshold } from './cusum-run-length.js';
import { addTo, noMoments, sampleVariance, type RunningMoments } from './running-moments.js';

export interface CusumOptions {
  readonly reference?: { readonly mean: number; readonly sd: number } | undefined;
  /** Observations the reference is learned from when none is given. Default 30. */
  readonly learnFrom?: number;
  /** Shift in standard deviations that is to be seen fastest; k is half of it. Default 1. */
  readonly shift?: number;
  /** Mean observations between false alarms, both sides together. Default 100,000. */
  readonly arl0?: number;
  /** h, in standard deviations, instead of `arl0`. */
  readonly threshold?: number;
}

interface Run {
  up: number;
  down: number;
  learned: RunningMoments;
  mean: number | null;
  sd: number;
}

export class Cusum extends RunDetector<Run> {
  readonly takes = 'number';
  readonly k: number;
  readonly h: number;
  private readonly reference: CusumOptions['reference'];
  private readonly learnFrom: number;

  constructor(options: CusumOptions = {}) {
    super();
    const { reference, learnFrom = 30, shift = 1, arl0 = 100_000, threshold } = options;
    if (reference) {
      checkOption('reference.mean', reference.mean, Number.isFinite(reference.mean), 'a finite number');
      checkOption('reference.sd', reference.sd, reference.sd > 0 && Number.isFinite(reference.sd), 'above 0');
    }
    checkOption('learnFrom', learnFrom, Number.isInteger(learnFrom) && learnFrom >= 2, 'an integer from 2');
    checkOption('shift', shift, shift >= 0.01 && shift <= 20, 'from 0.01 to 20');
    if (threshold !== undefined)
      checkOption('threshold', threshold, threshold > 0 && Number.isFinite(threshold), 'above 0');
    this.reference = reference;
    this.learnFrom = learnFrom;
    this.k = shift / 2;
    this.h = threshold ?? cusumThreshold(this.k, arl0);
  }

  protected fresh(): Run {
    const { mean, sd } = this.reference ?? { mean: null, sd: 0 };
    return { up: 0, down: 0, learned: noMoments(), mean, sd };
  }

  protected step(run: Run, x: number): Level {
    if (run.mean === null) {
      addTo(run.learned, x);
      if (run.learned.n < this.learnFrom) return 'none';
      run.mean = run.learned.mean;
      run.sd = Math.sqrt(sampleVariance(run.learned));
    }
    // A stream that stood still while it was learned: any other value is a drift, the same one is not.
    const difference = x - run.mean;
    const z =
      run.sd > 0 ? difference / run.sd : difference === 0 ? 0 : Math.sign(difference) * (this.h + this.k + 1);
    run.up = cusumStep(run.up, z, this.k);
    run.down = cusumStep(run.down, -z, this.k);
    return run.up > this.h || run.down > this.h ? 'drift' : 'none';
  }
}

/** One side of the recursion, for those who keep many streams in typed arrays. */
export const cusumStep = (sum: number, z: number, k: number): number => Math.max(0, sum + z - k);
