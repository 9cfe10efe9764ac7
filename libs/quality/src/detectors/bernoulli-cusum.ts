/**
 * CUSUM of a share: errors among labelled predictions, stuck samples, any yes or no.
 *
 * The log likelihood ratio of p1 against p0 is added for each observation and held above 0 (Reynolds and Stoumbos 1999, "A
 * CUSUM chart for monitoring a proportion when inspecting continuously", J. Qual. Technol. 31). The two increments are put on a
 * lattice, +up for a 1 and -down for a 0 with small integers in nearly their ratio, so that the average run length is that of a
 * Markov chain, exactly:
 *   L(i) = 1 + p L(i + up) + (1 - p) L(max(0, i - down)),   L(i) = 0 for i >= h.
 * ARL0 is therefore at least what was asked, and above it by no more than the step of the lattice.
 *
 * p1 below p0 watches for a fall. Both directions: two detectors, each with twice the ARL0.
 *
 *   const detector = new BernoulliCusum({ p0: 0.1, p1: 0.2, arl0: 10_000 });
 */
import { checkOption, RunDetector, type Level } from './detector.js';

export interface BernoulliCusumOptions {
  /** Share of ones when all is well. */
  readonly p0: number;
  /** Share that is to be seen fastest. */
  readonly p1: number;
  /** Mean observations between false alarms. Default 100,000. */
  readonly arl0?: number;
}

export class BernoulliCusum extends RunDetector<{ sum: number }> {
  readonly takes = 'bit';
  readonly lattice: BernoulliLattice;
  private readonly watchesFall: boolean;

  constructor({ p0, p1, arl0 = 100_000 }: BernoulliCusumOptions) {
    super();
    checkOption('p0', p0, p0 > 0 && p0 < 1, 'between 0 and 1');
    checkOption('p1', p1, p1 > 0 && p1 < 1 && p1 !== p0, 'between 0 and 1, and not p0');
    checkOption('arl0', arl0, arl0 >= 10 && arl0 <= 1e9, 'from 10 to 1e9');
    this.watchesFall = p1 < p0;
    this.lattice = this.watchesFall ? bernoulliLattice(1 - p0, 1 - p1, arl0) : bernoulliLattice(p0, p1, arl0);
  }

  protected fresh(): { sum: number } {
    return { sum: 0 };
  }

  protected step(run: { sum: number }, x: number): Level {
    const { up, down, h } = this.lattice;
    run.sum = Math.max(0, run.sum + ((x === 1) === this.watchesFall ? -down : up));
    return run.sum >= h ? 'drift' : 'none';
  }
}

export interface BernoulliLattice {
  readonly up: number;
  readonly down: number;
  readonly h: number;
}

/** The lattice nearest to the ratio of the increments, and the least h with this ARL0. p1 > p0. */
export function bernoulliLattice(p0: number, p1: number, arl0: number): BernoulliLattice {
  const exact = Math.log(p1 / p0) / Math.log((1 - p0) / (1 - p1));
  let [up, down, error] = [1, 1, Infinity];
  // The rarer event has the longer step; its multiple is searched for among a few.
  for (let short = 1; short <= (exact > 8 || exact < 1 / 8 ? 1 : 4); short++) {
    const long = Math.max(1, Math.round(exact >= 1 ? exact * short : short / exact));
    const [u, d] = exact >= 1 ? [long, short] : [short, long];
    const off = Math.abs(Math.log(u / d / exact));
    if (off < error - 0.01) [up, down, error] = [u, d, off];
  }
  // The logarithm of the run length is nearly a straight line in h: interpolation needs few of the costly evaluations.
  const shortfall = (h: number) => Math.log(arl0 / bernoulliRunLength(p0, { up, down, h }));
  let [low, high] = [0, 2 * Math.max(up, down)];
  let [atLow, atHigh] = [Math.log(arl0), shortfall(high)];
  while (atHigh > 0) {
    const next = Math.ceil(Math.min(2 * high, high + 1 + (atHigh * (high - low)) / (atLow - atHigh)));
    [low, atLow, high] = [high, atHigh, next];
    atHigh = shortfall(high);
  }
  while (high - low > 1) {
    const guess = Math.round(low + ((high - low) * atLow) / (atLow - atHigh));
    const h = Math.min(high - 1, Math.max(low + 1, guess));
    const at = shortfall(h);
    if (at <= 0) [high, atHigh] = [h, at];
    else [low, atLow] = [h, at];
  }
  return { up, down, h: high };
}

/** Mean observations until the alarm, from 0, when ones have the share p. Banded elimination: O(h up down). */
export function bernoulliRunLength(p: number, { up, down, h }: BernoulliLattice): number {
  const width = down + up + 1;
  // Row i holds the columns i - down .. i + up. No pivoting: an M-matrix with dominant diagonal.
  const band = new Float64Array(h * width);
  const right = new Float64Array(h).fill(1);
  for (let i = 0; i < h; i++) {
    band[i * width + down]! += 1;
    if (i + up < h) band[i * width + down + up]! -= p;
    band[i * width + Math.max(0, i - down) - i + down]! -= 1 - p;
  }
  for (let column = 0; column < h; column++) {
    const head = band[column * width + down]!;
    for (let row = column + 1; row <= Math.min(h - 1, column + down); row++) {
      const factor = band[row * width + column - row + down]! / head;
      if (factor === 0) continue;
      for (let j = column + 1; j <= Math.min(h - 1, column + up); j++)
        band[row * width + j - row + down]! -= factor * band[column * width + j - column + down]!;
      right[row]! -= factor * right[column]!;
    }
  }
  for (let row = h - 1; row >= 0; row--) {
    let sum = right[row]!;
    for (let j = row + 1; j <= Math.min(h - 1, row + up); j++)
      sum -= band[row * width + j - row + down]! * right[j]!;
    right[row] = sum / band[row * width + down]!;
  }
  return right[0]!;
}
