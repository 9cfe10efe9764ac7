/**
 * HDDM with weighted averages: two exponentially weighted means, before and after the cut, by McDiarmid's inequality.
 *
 * The weight of the squared influences of all observations is b = lambda^2 + (1 - lambda)^2 b. The cut is where
 * mean + sqrt(b ln(1/c) / 2) was least; drift when the mean since the cut exceeds the one before it by
 * sqrt((b0 + b1) ln(1/c) / 2) (Frias-Blanco et al. 2015, as hddm-a.ts). Good at gradual changes.
 */
import { checkOption, RunDetector, type Level } from './detector.js';
import { checkedHddmOptions, type HddmOptions } from './hddm-a.js';

export interface HddmWOptions extends HddmOptions {
  /** Weight of the newest observation. Default .05. */
  readonly lambda?: number;
}

interface Weighted {
  /** null = no observation. */
  mean: number | null;
  influence: number;
}
interface Cut {
  bound: number | null;
  before: Weighted;
  after: Weighted;
}
interface Run {
  all: Weighted;
  rise: Cut;
  fall: Cut;
}

const nothing = (): Weighted => ({ mean: null, influence: 1 });
const noCut = (): Cut => ({ bound: null, before: nothing(), after: nothing() });

export class HddmW extends RunDetector<Run> {
  readonly takes = 'bit';
  private readonly options: Required<HddmOptions>;
  private readonly lambda: number;

  constructor({ lambda = 0.05, ...options }: HddmWOptions = {}) {
    super();
    checkOption('lambda', lambda, lambda > 0 && lambda < 1, 'between 0 and 1');
    this.options = checkedHddmOptions(options);
    this.lambda = lambda;
  }

  protected fresh(): Run {
    return { all: nothing(), rise: noCut(), fall: noCut() };
  }

  protected step(run: Run, x: number): Level {
    const { drift, warning, twoSided } = this.options;
    this.add(run.all, x);
    this.cut(run.rise, run.all, x, 1);
    this.cut(run.fall, run.all, x, -1);
    const isBeyond = (confidence: number) =>
      exceeds(run.rise, 1, confidence) || (twoSided && exceeds(run.fall, -1, confidence));
    return isBeyond(drift) ? 'drift' : isBeyond(warning) ? 'warning' : 'none';
  }

  private add(sample: Weighted, x: number): void {
    sample.mean = sample.mean === null ? x : sample.mean + this.lambda * (x - sample.mean);
    sample.influence = this.lambda ** 2 + (1 - this.lambda) ** 2 * sample.influence;
  }

  /** @param sign 1: the lowest upper bound; -1: the highest lower bound */
  private cut(cut: Cut, all: Weighted, x: number, sign: 1 | -1): void {
    const bound = sign * all.mean! + mcdiarmid(all.influence, this.options.drift);
    if (cut.bound === null || bound < cut.bound) {
      cut.bound = bound;
      cut.before = { ...all };
      cut.after = nothing();
    } else this.add(cut.after, x);
  }
}

const mcdiarmid = (influence: number, confidence: number): number =>
  Math.sqrt((influence * Math.log(1 / confidence)) / 2);

function exceeds({ before, after }: Cut, sign: 1 | -1, confidence: number): boolean {
  if (before.mean === null || after.mean === null) return false;
  return sign * (after.mean - before.mean) > mcdiarmid(before.influence + after.influence, confidence);
}
