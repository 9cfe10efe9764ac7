/**
 * Early drift detection method: watches the distance between errors, which shrinks when a model gets slowly worse.
 *
 * With m and s the mean and standard deviation of the distances, (m + 2 s) / max(m + 2 s) < beta is a drift and < alpha a warning
 * (Baena-Garcia et al. 2006, "Early drift detection method", IWKDDS). Its customary .95 and .9 alarm often; .8 and .75 are calmer.
 */
import { checkOption, RunDetector, type Level } from './detector.js';
import { addTo, noMoments, sampleVariance, type RunningMoments } from './running-moments.js';

export interface EddmOptions {
  /** Errors, and observations, before anything is said. Default 30. */
  readonly warmUp?: number;
  /** Warning below. Default .95. */
  readonly alpha?: number;
  /** Drift below. Default .9. */
  readonly beta?: number;
}

interface Run {
  n: number;
  lastError: number;
  distances: RunningMoments;
  greatest: number;
  warned: boolean;
}

export class Eddm extends RunDetector<Run> {
  readonly takes = 'bit';
  private readonly options: Required<EddmOptions>;

  constructor(options: EddmOptions = {}) {
    super();
    this.options = { warmUp: 30, alpha: 0.95, beta: 0.9, ...options };
    const { warmUp, alpha, beta } = this.options;
    checkOption('warmUp', warmUp, Number.isInteger(warmUp) && warmUp >= 2, 'an integer from 2');
    checkOption('beta', beta, beta > 0 && beta < 1, 'between 0 and 1');
    checkOption('alpha', alpha, alpha >= beta && alpha < 1, 'at least beta and below 1');
  }

  protected fresh(): Run {
    return { n: 0, lastError: 0, distances: noMoments(), greatest: 0, warned: false };
  }

  /** Between two errors the last answer stands. */
  protected step(run: Run, x: number): Level {
    run.n++;
    if (x === 0) return run.warned ? 'warning' : 'none';
    addTo(run.distances, run.n - run.lastError);
    run.lastError = run.n;
    const { warmUp, alpha, beta } = this.options;
    if (run.n <= warmUp) return 'none';
    const size = run.distances.mean + 2 * Math.sqrt(sampleVariance(run.distances));
    if (size > run.greatest) run.greatest = size;
    else if (run.distances.n > warmUp) {
      const share = size / run.greatest;
      if (share < beta) return 'drift';
      run.warned = share < alpha;
    }
    return run.warned ? 'warning' : 'none';
  }
}
