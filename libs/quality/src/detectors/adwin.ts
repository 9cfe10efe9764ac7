/**
 * ADWIN: keeps as long a window as is consistent with one mean, and says drift when its older and newer parts differ.
 *
 * The window is held in buckets of 1, 2, 4, ... observations, at most `maxBuckets` of a size, each with its sum and squared
 * deviations: O(log n) memory. Every `clock` observations each border between buckets is tried as a cut (W0, W1): drift when
 *   |m0 - m1| > sqrt(2 s^2 d / m) + 2 d / (3 m),   d = ln(2 ln(n) / delta),   1/m = 1/(n0 - l + 1) + 1/(n1 - l + 1)
 * with s^2 the variance of the window, l = `minWindow` (Bifet and Gavalda 2007, "Learning from time-changing data with adaptive
 * windowing", SDM; variances merge as in Babcock, Datar, Motwani, O'Callaghan 2003). Its false alarms are bounded for any
 * distribution, which makes it slow: 52 observations for a shift of one standard deviation where CUSUM takes 21.
 */
import { checkOption, RunDetector, type Level } from './detector.js';

export interface AdwinOptions {
  /** Default .002. */
  readonly delta?: number;
  /** Observations between looks. Default 32. */
  readonly clock?: number;
  /** Default 5. */
  readonly maxBuckets?: number;
  /** Least observations on either side of a cut. Default 5. */
  readonly minWindow?: number;
  /** Observations before the first look. Default 10. */
  readonly grace?: number;
  /** The newest bucket of each size ends no W0: what River did up to 0.21. For comparison with it. Default false. */
  readonly skipsNewestOfSize?: boolean;
}

interface Run {
  /** By size 2^row, oldest first: sum and squared deviations of each bucket, one after the other. */
  rows: number[][];
  n: number;
  sum: number;
  squares: number;
  sinceLook: number;
}

export class Adwin extends RunDetector<Run> {
  readonly takes = 'number';
  private readonly options: Required<AdwinOptions>;

  constructor(options: AdwinOptions = {}) {
    super();
    this.options = {
      delta: 0.002,
      clock: 32,
      maxBuckets: 5,
      minWindow: 5,
      grace: 10,
      skipsNewestOfSize: false,
      ...options,
    };
    const { delta, clock, maxBuckets, minWindow, grace } = this.options;
    checkOption('delta', delta, delta > 0 && delta < 1, 'between 0 and 1');
    for (const [name, value, least] of [
      ['clock', clock, 1],
      ['maxBuckets', maxBuckets, 2],
      ['minWindow', minWindow, 1],
      ['grace', grace, 0],
    ] as const)
      checkOption(name, value, Number.isInteger(value) && value >= least, `an integer from ${least}`);
  }

  /** Length, sum and squared deviations of the window. */
  get window(): { readonly n: number; readonly sum: number; readonly squares: number } {
    const { n, sum, squares } = this.current;
    return { n, sum, squares };
  }

  protected fresh(): Run {
    return { rows: [[]], n: 0, sum: 0, squares: 0, sinceLook: 0 };
  }

  protected step(run: Run, x: number): Level {
    if (run.n > 0) run.squares += (run.n * (x - run.sum / run.n) ** 2) / (run.n + 1);
    run.n++;
    run.sum += x;
    run.rows[0]!.push(x, 0);
    this.merge(run);
    if (++run.sinceLook < this.options.clock) return 'none';
    run.sinceLook = 0;
    return run.n > this.options.grace && this.differs(run) ? 'drift' : 'none';
  }

  /** The two oldest of a size become one of the next when there are too many. */
  private merge({ rows }: Run): void {
    for (let row = 0; rows[row]!.length > 2 * this.options.maxBuckets; row++) {
      const [sum1, squares1, sum2, squares2] = rows[row]!.splice(0, 4) as [number, number, number, number];
      const n = 2 ** row;
      const next = (rows[row + 1] ??= []);
      next.push(sum1 + sum2, squares1 + squares2 + (n / 2) * (sum1 / n - sum2 / n) ** 2);
    }
  }

  private differs({ rows, n, sum, squares }: Run): boolean {
    const { delta, minWindow, skipsNewestOfSize } = this.options;
    const d = Math.log((2 * Math.log(n)) / delta);
    const variance = squares / n;
    let [n0, sum0] = [0, 0];
    for (let row = rows.length - 1; row >= 0; row--) {
      const buckets = rows[row]!;
      const count = buckets.length / 2 - (skipsNewestOfSize ? 1 : 0);
      for (let k = 0; k < count; k++) {
        n0 += 2 ** row;
        sum0 += buckets[2 * k]!;
        const n1 = n - n0;
        if (n0 < minWindow || n1 < minWindow) continue;
        const recip = 1 / (n0 - minWindow + 1) + 1 / (n1 - minWindow + 1);
        const cut = Math.sqrt(2 * recip * variance * d) + (2 / 3) * d * recip;
        if (Math.abs(sum0 / n0 - (sum - sum0) / n1) > cut) return true;
      }
    }
    return false;
  }
}
