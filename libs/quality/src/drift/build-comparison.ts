/**
 * Holds a fleet, and each version in it, against what validation data said of the build: who has no past of its own yet is judged, too.
 *
 * Each device has a mean of its last windows, older ones counting less (weight (1 - 1/memory)^age). Of N devices with means x_j, less
 * what validation data said,
 *   t = (|mean x_j| - leastShift) / sqrt(S^2 / N + error + H / m)       N - 1 degrees of freedom
 * S^2 is the variance of x_j between devices, which is learned from this very fleet, so that it needs no history: few devices have a
 * wide null, and fewer than three are not judged. `error` is that of validation data, from its own size. H is the variance of the
 * fleet's rounds about their mean and m = memory (1 - r) / (1 + r), at least 1, how many independent rounds there are in the memory
 * when neighbours correlate by r (Bayley and Hammersley 1946, J. R. Statist. Soc. Suppl. 8): of a daily cycle there is one.
 *
 * The mean of a level that has not moved keeps its error for good, so that there is nothing to be summed by a CUSUM: each look has its
 * own chance p of a false page. p <= 1 / ARL0 spends the same budget: streams x rounds / ARL0.
 */
import { studentTwoSided } from '../statistics/distributions.js';
import { checkOption } from '../detectors/detector.js';
import { packState, unpackState } from './saved-state.js';

export interface ComparedStream {
  /** Nearer to validation data than so much is as good as the same, in the stream's units. */
  readonly leastShift: number;
  /** Variance of what validation data said, from its size. */
  readonly error: number;
  /** Values are ratios of second moments about the mean of validation data, less 1; its mean is the stream before it. */
  readonly isSpread?: boolean;
}
export interface ComparedLevel {
  /** From validation data, in the stream's units. */
  readonly shift: number;
  /** Of `shift`. */
  readonly sd: number;
  readonly devices: number;
  /** Windows of a device behind it, at most. */
  readonly windows: number;
  /** Chance of a level so far away or farther. */
  readonly p: number;
}
export interface BuildComparisonOptions {
  readonly devices: number;
  readonly streams: readonly ComparedStream[];
  /** Rounds. Default 24: one day of hours. */
  readonly memory?: number;
}

const LEAST_DEVICES = 3;
/** One window is no level. */
const LEAST_ROUNDS = 3;
/** Of the rounds of the fleet, by stream: weight, sum, sum of squares, products of neighbours, the last one. */
const ROUND_SIZE = 5;

export class BuildComparison {
  private readonly weights: Float64Array;
  private readonly sums: Float64Array;
  private readonly windows: Int32Array;
  /** Round of the last window, by device. */
  private readonly last: Int32Array;
  private readonly rounds: Float64Array;
  /** What people took for healthy, by name of the level: shifts by stream. */
  private readonly accepted = new Map<string, readonly number[]>();
  private readonly memory: number;
  private readonly now: { sums: Float64Array; counts: Float64Array };
  private closedRound = -1;

  constructor(private readonly options: BuildComparisonOptions) {
    const { devices, streams, memory = 24 } = options;
    checkOption('devices', devices, Number.isInteger(devices) && devices >= 1, 'an integer from 1');
    checkOption('streams', streams.length, streams.length >= 1, 'at least one');
    checkOption('memory', memory, memory >= LEAST_ROUNDS, `from ${LEAST_ROUNDS}`);
    this.memory = memory;
    const size = devices * streams.length;
    this.weights = new Float64Array(size);
    this.sums = new Float64Array(size);
    this.windows = new Int32Array(devices);
    this.last = new Int32Array(devices).fill(-1);
    this.rounds = new Float64Array(streams.length * ROUND_SIZE);
    this.now = { sums: new Float64Array(streams.length), counts: new Float64Array(streams.length) };
  }

  /** Round that was closed last; -1 = none. */
  get closed(): number {
    return this.closedRound;
  }

  lastRoundOf(device: number): number {
    return this.last[device]!;
  }

  /** One window of one device, by stream; NaN = not in it. One that comes after a later one of its device is left out. */
  observe(round: number, device: number, values: ArrayLike<number>): boolean {
    if (round <= this.last[device]!) return false;
    const { length } = this.options.streams;
    const decay = this.last[device]! < 0 ? 0 : (1 - 1 / this.memory) ** (round - this.last[device]!);
    for (let s = 0; s < length; s++) {
      const at = device * length + s;
      const value = values[s]!;
      const isIn = Number.isFinite(value);
      this.weights[at] = this.weights[at]! * decay + (isIn ? 1 : 0);
      this.sums[at] = this.sums[at]! * decay + (isIn ? value : 0);
      if (!isIn) continue;
      this.now.sums[s]! += value;
      this.now.counts[s]!++;
    }
    this.last[device] = round;
    this.windows[device]!++;
    return true;
  }

  /** Nothing that a device said before counts any more: it runs another version. */
  begin(device: number): void {
    const { length } = this.options.streams;
    this.weights.fill(0, device * length, (device + 1) * length);
    this.sums.fill(0, device * length, (device + 1) * length);
    this.windows[device] = 0;
  }

  close(round: number): void {
    this.closedRound = round;
    const decay = 1 - 1 / this.memory;
    this.options.streams.forEach((_, s) => {
      const count = this.now.counts[s]!;
      if (count > 0) {
        const value = this.now.sums[s]! / count;
        const at = s * ROUND_SIZE;
        const isFirst = this.rounds[at] === 0;
        const terms = [1, value, value * value, isFirst ? value * value : value * this.rounds[at + 4]!];
        terms.forEach((term, i) => (this.rounds[at + i] = this.rounds[at + i]! * decay + term));
        this.rounds[at + 4] = value;
      }
      this.now.sums[s] = this.now.counts[s] = 0;
    });
  }

  /** Where a level is, by stream. @param members devices of it; @param name `everyone`, or what they share */
  level(name: string, members: Iterable<number>): ComparedLevel[] {
    const heard = [...members].filter((j) => this.isHeard(j));
    const accepted = this.accepted.get(name) ?? this.accepted.get(EVERYONE);
    const raw = this.options.streams.map((_, s) => this.momentsOf(heard, s));
    return raw.map(({ n, mean, variance }, s) => {
      const { leastShift, error, isSpread } = this.options.streams[s]!;
      const windows = heard.reduce((most, j) => Math.max(most, this.windows[j]!), 0);
      let [shift, square] = [mean, variance / Math.max(1, n) + this.roundVariance(s)];
      if (isSpread) {
        // The cube root of the ratio of variances, less 1; a shift of the mean is none of the spread.
        const ratio = Math.max(1e-6, 1 + mean - (raw[s - 1]!.mean || 0) ** 2);
        shift = Math.cbrt(ratio) - 1;
        square /= (3 * Math.cbrt(ratio) ** 2) ** 2;
      }
      shift -= accepted?.[s] ?? 0;
      const sd = Math.sqrt(square + error);
      const beyond = Math.abs(shift) - leastShift;
      const isJudged = n >= LEAST_DEVICES && windows >= LEAST_ROUNDS && beyond > 0 && sd > 0;
      const p = isJudged ? studentTwoSided(beyond / sd, n - 1) : 1;
      return { shift: n > 0 ? shift : 0, sd, devices: n, windows, p };
    });
  }

  /** Of one device from where everyone is expected, by the stream's values; undefined: it is not heard. */
  meanOf(device: number, stream: number): number | undefined {
    const at = device * this.options.streams.length + stream;
    if (!this.isHeard(device) || !(this.weights[at]! > 0)) return undefined;
    return this.sums[at]! / this.weights[at]! - (this.accepted.get(EVERYONE)?.[stream] ?? 0);
  }

  /** Where it is now is where it is from now on. */
  accept(name: string, members: Iterable<number>): void {
    const before = this.accepted.get(name) ?? this.accepted.get(EVERYONE) ?? [];
    this.accepted.set(
      name,
      this.level(name, members).map(({ shift }, s) => shift + (before[s] ?? 0)),
    );
  }

  save(): Uint8Array {
    const { weights, sums, windows, last, rounds } = this;
    return packState({
      facts: { closed: this.closedRound, accepted: [...this.accepted], streams: this.options.streams.length },
      arrays: { weights, sums, windows, last, rounds },
    });
  }

  /** A saved one that has seen nothing: only what people accepted is left of it. */
  static anew(bytes: Uint8Array): Uint8Array {
    const { facts } = unpackState(bytes);
    const none = new Float64Array();
    const arrays = { weights: none, sums: none, windows: none, last: none, rounds: none };
    return packState({ facts: { ...facts, closed: -1 }, arrays });
  }

  /** Goes on where the saved one was; `options` may have more devices, behind the known ones. */
  static restore(options: BuildComparisonOptions, bytes: Uint8Array): BuildComparison {
    const { facts, arrays } = unpackState(bytes);
    const was = facts as { closed: number; accepted: [string, number[]][] };
    const comparison = new BuildComparison(options);
    comparison.closedRound = was.closed;
    for (const [name, shifts] of was.accepted) comparison.accepted.set(name, shifts);
    for (const name of ['weights', 'sums', 'windows', 'last', 'rounds'] as const)
      comparison[name].set(arrays[name]!);
    return comparison;
  }

  private isHeard(device: number): boolean {
    return this.last[device]! >= 0 && this.last[device]! > this.closedRound - this.memory;
  }

  private momentsOf(devices: readonly number[], s: number): { n: number; mean: number; variance: number } {
    let [n, mean, squares] = [0, 0, 0];
    for (const j of devices) {
      const at = j * this.options.streams.length + s;
      if (!(this.weights[at]! > 0)) continue;
      const value = this.sums[at]! / this.weights[at]!;
      n++;
      const difference = value - mean;
      mean += difference / n;
      squares += difference * (value - mean);
    }
    return { n, mean, variance: n > 1 ? squares / (n - 1) : 0 };
  }

  /** Variance that the fleet's rounds leave in their mean. */
  private roundVariance(s: number): number {
    const [weight, sum, squares, products] = this.rounds.subarray(s * ROUND_SIZE, (s + 1) * ROUND_SIZE);
    if (!(weight! > 1)) return 0;
    const mean = sum! / weight!;
    const variance = Math.max(0, squares! / weight! - mean * mean);
    if (variance === 0) return 0;
    const r = Math.min(0.99, Math.max(0, (products! / weight! - mean * mean) / variance));
    return variance / Math.max(1, (weight! * (1 - r)) / (1 + r));
  }
}

/** Name of the level of all devices. */
export const EVERYONE = 'everyone';
