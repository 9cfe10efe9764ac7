/**
 * Windows as they come: late, never, or twice. A device's windows are judged in their order, so one that is missing is waited for
 * until the watermark; then it is a gap. One that comes later still is counted and left out: its counts are in the sums anyway.
 */
import type { SavedArray } from './saved-state.js';

export class Arrivals {
  /** Round of the next window to be judged, by device. */
  readonly next: Int32Array;
  tooLate = 0;
  duplicates = 0;
  private readonly values: Float64Array;
  private readonly variances: Float64Array;
  /** Round that is in the slot, -1 = none. */
  private readonly rounds: Int32Array;
  private readonly slots: number;

  /** @param watermark rounds that a window may be late */
  constructor(
    private readonly devices: number,
    private readonly streams: number,
    private readonly watermark: number,
  ) {
    this.slots = watermark + 2;
    this.next = new Int32Array(devices);
    this.values = new Float64Array(this.slots * devices * streams);
    this.variances = new Float64Array(this.slots * devices * streams);
    this.rounds = new Int32Array(this.slots * devices).fill(-1);
  }

  /** @param values by stream, NaN = not reported; @param variances of the values, from their n */
  add(round: number, device: number, values: ArrayLike<number>, variances: ArrayLike<number>): void {
    if (round < this.next[device]!) {
      this.tooLate++;
      return;
    }
    const slot = this.slotOf(round, device);
    if (this.rounds[slot] === round) {
      this.duplicates++;
      return;
    }
    this.rounds[slot] = round;
    for (let s = 0; s < this.streams; s++) {
      this.values[slot * this.streams + s] = values[s]!;
      this.variances[slot * this.streams + s] = variances[s]!;
    }
  }

  has(round: number, device: number): boolean {
    return this.rounds[this.slotOf(round, device)] === round;
  }

  value(round: number, device: number, stream: number): number {
    return this.values[this.slotOf(round, device) * this.streams + stream]!;
  }

  variance(round: number, device: number, stream: number): number {
    return this.variances[this.slotOf(round, device) * this.streams + stream]!;
  }

  /** The round to judge next, or -1: it has not come and may still. Gaps behind the watermark are passed over. */
  due(device: number, now: number): number {
    while (this.next[device]! <= now) {
      const round = this.next[device]!;
      if (this.has(round, device)) return round;
      if (now - round < this.watermark) return -1;
      this.next[device]!++;
    }
    return -1;
  }

  /** Nothing of this device has come, and nothing of rounds before this one will be taken. */
  begin(device: number, round: number): void {
    this.next[device] = round;
  }

  save(): Record<string, SavedArray> {
    const { next, values, variances, rounds } = this;
    return {
      'arrivals.next': next,
      'arrivals.values': values,
      'arrivals.variances': variances,
      'arrivals.rounds': rounds,
    };
  }

  /** @param known devices that it was saved with: the first ones */
  load(arrays: Readonly<Record<string, SavedArray>>, known: number): void {
    const { devices, streams } = this;
    this.next.set(arrays['arrivals.next']!);
    for (let slot = 0; slot < this.slots; slot++) {
      this.rounds.set(arrays['arrivals.rounds']!.subarray(slot * known, (slot + 1) * known), slot * devices);
      for (const [to, from] of [
        [this.values, arrays['arrivals.values']!],
        [this.variances, arrays['arrivals.variances']!],
      ] as const)
        to.set(from.subarray(slot * known * streams, (slot + 1) * known * streams), slot * devices * streams);
    }
  }

  private slotOf(round: number, device: number): number {
    return (round % this.slots) * this.devices + device;
  }
}
