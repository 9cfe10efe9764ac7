/**
 * Drift detection method: the error rate of a model that learns should fall; it is remembered where rate plus standard error was
 * least, and a rise by `drift` of those standard errors is a drift.
 *
 *   p + s > p_min + drift s_min,   s = sqrt(p (1 - p) / n)
 * (Gama, Medas, Castillo, Rodrigues 2004, "Learning with drift detection", SBIA). Its false alarms come early, while s_min is
 * still rough: at a steady error rate of .1 a third of all runs alarm within 1,000 observations.
 */
import { checkOption, RunDetector, type Level } from './detector.js';

export interface DdmOptions {
  /** Observations before anything is said. Default 30. */
  readonly warmUp?: number;
  /** In standard errors. Default 2. */
  readonly warning?: number;
  /** In standard errors. Default 3. */
  readonly drift?: number;
}

interface Run {
  n: number;
  errors: number;
  /** Where p + s was least; null = not yet. */
  best: { p: number; s: number } | null;
}

export class Ddm extends RunDetector<Run> {
  readonly takes = 'bit';
  private readonly options: Required<DdmOptions>;

  constructor(options: DdmOptions = {}) {
    super();
    this.options = { warmUp: 30, warning: 2, drift: 3, ...options };
    const { warmUp, warning, drift } = this.options;
    checkOption('warmUp', warmUp, Number.isInteger(warmUp) && warmUp >= 1, 'an integer from 1');
    checkOption('warning', warning, warning > 0, 'above 0');
    checkOption('drift', drift, drift >= warning, 'at least the warning');
  }

  protected fresh(): Run {
    return { n: 0, errors: 0, best: null };
  }

  protected step(run: Run, x: number): Level {
    run.n++;
    run.errors += x;
    if (run.n <= this.options.warmUp) return 'none';
    const p = run.errors / run.n;
    const s = Math.sqrt((p * (1 - p)) / run.n);
    if (run.best === null || p + s <= run.best.p + run.best.s) run.best = { p, s };
    const { best } = run;
    if (p + s > best.p + this.options.drift * best.s) return 'drift';
    return p + s > best.p + this.options.warning * best.s ? 'warning' : 'none';
  }
}
