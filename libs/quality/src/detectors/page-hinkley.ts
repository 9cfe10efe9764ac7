/**
 * Page-Hinkley test: a CUSUM about the running mean, for streams without a reference.
 *
 * With m the mean of all observations so far, d = x - m and forgetting a, either (`clipped`, the default)
 *   up = max(0, a up + d - delta),            drift when up >= threshold,
 * or, as in the original,
 *   U = a U + d - delta,                      drift when U - min U > threshold,
 *   D = a D + d + delta,                      drift when max D - D > threshold.
 * The forms agree but for the forgetting, which fades the extremes differently. Page 1954; Hinkley 1971, "Inference about the
 * change-point from cumulative sum tests", Biometrika 58; Mouss et al. 2004. Its ARL0 depends on the stream: with the customary
 * options it is 1,650 for standard normal observations. Prefer CUSUM where a reference is known.
 */
import { checkOption, RunDetector, type Level } from './detector.js';

export interface PageHinkleyOptions {
  /** Default 30. */
  readonly minObservations?: number;
  /** Change that is tolerated, in units of the stream. Default .005. */
  readonly delta?: number;
  /** Default 50. */
  readonly threshold?: number;
  /** Forgetting of the sums. Default .9999. */
  readonly alpha?: number;
  /** Default `up`. */
  readonly direction?: 'up' | 'down' | 'both';
  /** Default true. */
  readonly clipped?: boolean;
}

interface Run {
  n: number;
  mean: number;
  up: number;
  down: number;
  least: number;
  greatest: number;
}

export class PageHinkley extends RunDetector<Run> {
  readonly takes = 'number';
  private readonly options: Required<PageHinkleyOptions>;

  constructor(options: PageHinkleyOptions = {}) {
    super();
    this.options = {
      minObservations: 30,
      delta: 0.005,
      threshold: 50,
      alpha: 0.9999,
      direction: 'up',
      clipped: true,
      ...options,
    };
    const { minObservations, delta, threshold, alpha } = this.options;
    checkOption(
      'minObservations',
      minObservations,
      Number.isInteger(minObservations) && minObservations >= 1,
      'an integer from 1',
    );
    checkOption('delta', delta, delta >= 0, 'at least 0');
    checkOption('threshold', threshold, threshold > 0, 'above 0');
    checkOption('alpha', alpha, alpha > 0 && alpha <= 1, 'above 0 and at most 1');
  }

  protected fresh(): Run {
    return { n: 0, mean: 0, up: 0, down: 0, least: 0, greatest: 0 };
  }

  protected step(run: Run, x: number): Level {
    const { minObservations, direction } = this.options;
    run.n++;
    run.mean += (x - run.mean) / run.n;
    const [rise, fall] = this.options.clipped ? this.clipped(run, x) : this.unclipped(run, x);
    // As its authors' programs count: the observation after the last of the first `minObservations` - 1 may alarm.
    if (run.n + 1 < minObservations) return 'none';
    return (direction !== 'down' && rise) || (direction !== 'up' && fall) ? 'drift' : 'none';
  }

  private clipped(run: Run, x: number): readonly [boolean, boolean] {
    const { alpha, delta, threshold } = this.options;
    run.up = Math.max(0, alpha * run.up + (x - run.mean - delta));
    run.down = Math.max(0, alpha * run.down + (run.mean - x - delta));
    return [run.up >= threshold, run.down >= threshold];
  }

  private unclipped(run: Run, x: number): readonly [boolean, boolean] {
    const { alpha, delta, threshold } = this.options;
    run.up = alpha * run.up + (x - run.mean - delta);
    run.down = alpha * run.down + (x - run.mean + delta);
    run.least = Math.min(run.least, run.up);
    run.greatest = Math.max(run.greatest, run.down);
    return [run.up - run.least > threshold, run.greatest - run.down > threshold];
  }
}
