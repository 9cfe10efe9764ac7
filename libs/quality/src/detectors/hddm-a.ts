/**
 * HDDM with averages: the mean of all observations against its own lowest upper bound, by Hoeffding's inequality.
 *
 * The cut is where mean + bound(n) was least; with n0 observations before it and n in all,
 *   drift when  mean_n - mean_n0 >= sqrt((n - n0) / (2 n0 n) ln(2 / confidence))
 * (Frias-Blanco et al. 2015, "Online and non-parametric drift detection methods based on Hoeffding's bounds", IEEE TKDE 27). No
 * assumption but that observations lie in 0..1. Good at sudden changes.
 */
import { checkOption, RunDetector, type Level } from './detector.js';

export interface HddmOptions {
  /** Chance of a false alarm of one look. Default .001. */
  readonly drift?: number;
  /** Default .005. */
  readonly warning?: number;
  /** Falls too. Default false. */
  readonly twoSided?: boolean;
}

interface Mean {
  n: number;
  sum: number;
}
interface Run {
  all: Mean;
  /** Before the cut for a rise, and for a fall. */
  low: Mean;
  high: Mean;
}

export class HddmA extends RunDetector<Run> {
  readonly takes = 'bit';
  private readonly options: Required<HddmOptions>;

  constructor(options: HddmOptions = {}) {
    super();
    this.options = checkedHddmOptions(options);
  }

  protected fresh(): Run {
    return { all: { n: 0, sum: 0 }, low: { n: 0, sum: 0 }, high: { n: 0, sum: 0 } };
  }

  protected step(run: Run, x: number): Level {
    const { all } = run;
    all.n++;
    all.sum += x;
    const bound = this.bound(all);
    if (run.low.n === 0 || mean(run.low) + this.bound(run.low) >= mean(all) + bound) run.low = { ...all };
    if (run.high.n === 0 || mean(run.high) - this.bound(run.high) <= mean(all) - bound) run.high = { ...all };
    const { drift, warning, twoSided } = this.options;
    const rise = mean(all) - mean(run.low);
    const fall = mean(run.high) - mean(all);
    const isBeyond = (confidence: number) =>
      exceeds(rise, run.low, all, confidence) || (twoSided && exceeds(fall, run.high, all, confidence));
    return isBeyond(drift) ? 'drift' : isBeyond(warning) ? 'warning' : 'none';
  }

  private bound({ n }: Mean): number {
    return Math.sqrt(Math.log(1 / this.options.drift) / (2 * n));
  }
}

const mean = ({ n, sum }: Mean): number => sum / n;

function exceeds(difference: number, before: Mean, all: Mean, confidence: number): boolean {
  if (before.n === all.n) return false;
  return difference >= Math.sqrt(((all.n - before.n) / (2 * before.n * all.n)) * Math.log(2 / confidence));
}

export function checkedHddmOptions(options: HddmOptions): Required<HddmOptions> {
  const checked = { drift: 0.001, warning: 0.005, twoSided: false, ...options };
  checkOption('drift', checked.drift, checked.drift > 0 && checked.drift < 1, 'between 0 and 1');
  checkOption(
    'warning',
    checked.warning,
    checked.warning >= checked.drift && checked.warning < 1,
    'from drift to 1',
  );
  return checked;
}
