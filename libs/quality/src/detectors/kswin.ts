/**
 * KSWIN: the newest observations of a sliding window against all older ones, by the two-sample Kolmogorov-Smirnov test. Sees
 * changes of shape that leave the mean alone.
 *
 * After Raab, Heusinger, Schleif 2020, "Reactive soft prototype computing for concept drift streams", Neurocomputing 416, with two
 * differences: the older part is used whole instead of a random sample of it, so that the same stream gives the same answers,
 * and the critical distance is exact. `alpha` is the chance of one look, and looks overlap: at .005 standard normal
 * observations give a false alarm about every thousand.
 */
import { ksCriticalDistance, ksDistance } from '../samples/kolmogorov-smirnov.js';
import { checkOption, RunDetector, type Level } from './detector.js';

export interface KswinOptions {
  /** Default .005. */
  readonly alpha?: number;
  /** Default 100. */
  readonly window?: number;
  /** The newest ones. Default 30. */
  readonly newest?: number;
}

export class Kswin extends RunDetector<{ window: number[] }> {
  readonly takes = 'number';
  private readonly window: number;
  private readonly newest: number;
  private readonly critical: number;

  constructor({ alpha = 0.005, window = 100, newest = 30 }: KswinOptions = {}) {
    super();
    checkOption('alpha', alpha, alpha > 0 && alpha < 1, 'between 0 and 1');
    checkOption('newest', newest, Number.isInteger(newest) && newest >= 5, 'an integer from 5');
    const isWindow = Number.isInteger(window) && window >= 2 * newest && window <= 10_000;
    checkOption('window', window, isWindow, 'an integer from twice `newest` to 10,000');
    this.window = window;
    this.newest = newest;
    this.critical = ksCriticalDistance(window - newest, newest, alpha);
  }

  protected fresh(): { window: number[] } {
    return { window: [] };
  }

  protected step({ window }: { window: number[] }, x: number): Level {
    window.push(x);
    if (window.length < this.window) return 'none';
    const border = this.window - this.newest;
    const distance = ksDistance(window.slice(0, border), window.slice(border));
    window.shift();
    return distance >= this.critical ? 'drift' : 'none';
  }
}
