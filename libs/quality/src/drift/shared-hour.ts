/**
 * What all devices of a fleet share in an hour: the time of day, the weather, a network that is down. It is taken away before
 * devices are judged, and judged itself against the same hour of healthy days.
 */

/** Share of values left out at either end: so many devices may be broken without moving the rest. */
export const TRIM = 0.2;

/** Mean without the lowest and highest fifth; NaN of nothing. Sorts its argument. */
export function trimmedMean(values: Float64Array): number {
  values.sort();
  const cut = Math.floor(values.length * TRIM);
  let sum = 0;
  for (let i = cut; i < values.length - cut; i++) sum += values[i]!;
  return sum / (values.length - 2 * cut);
}

/** Mean of each place in the day, or in the week, over the healthy ones; of all rounds with fewer than two of them. */
export class Season {
  readonly sums: Float64Array;
  readonly counts: Float64Array;

  constructor(
    /** Of a day or of a week. */
    private readonly length: number,
    healthyRounds: number,
  ) {
    const places = healthyRounds >= 2 * length ? length : 1;
    this.sums = new Float64Array(places);
    this.counts = new Float64Array(places);
  }

  add(round: number, value: number): void {
    if (Number.isNaN(value)) return;
    const place = this.placeOf(round);
    this.sums[place]! += value;
    this.counts[place]!++;
  }

  expected(round: number): number {
    const place = this.placeOf(round);
    return this.counts[place]! > 0 ? this.sums[place]! / this.counts[place]! : 0;
  }

  /** Healthy values behind one expectation. */
  days(round: number): number {
    return this.counts[this.placeOf(round)]!;
  }

  private placeOf(round: number): number {
    return this.sums.length === 1 ? 0 : round % this.length;
  }
}

/** Takes from each round what its devices share, after their own means. Answers it; `values` keeps the rest. */
export function shareHistory(values: Float64Array, devices: number): Float64Array {
  const rounds = values.length / devices;
  const common = new Float64Array(rounds);
  const own = new Float64Array(devices);
  const rest = new Float64Array(devices);
  // Twice: own means need what is shared, and the other way round.
  for (let pass = 0; pass < 2; pass++) {
    for (let t = 0; t < rounds; t++) {
      let n = 0;
      for (let j = 0; j < devices; j++) {
        const value = values[t * devices + j]!;
        if (!Number.isNaN(value)) rest[n++] = value - own[j]!;
      }
      common[t] = n > 0 ? trimmedMean(rest.subarray(0, n)) : NaN;
    }
    for (let j = 0; j < devices; j++) {
      let [sum, n] = [0, 0];
      for (let t = 0; t < rounds; t++) {
        const value = values[t * devices + j]! - common[t]!;
        if (Number.isNaN(value)) continue;
        sum += value;
        n++;
      }
      own[j] = n > 0 ? sum / n : 0;
    }
  }
  for (let t = 0; t < rounds; t++) for (let j = 0; j < devices; j++) values[t * devices + j]! -= common[t]!;
  return common;
}
