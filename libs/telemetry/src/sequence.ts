/**
 * Follows the sequence numbers of one device and counts those that never came. Every up message carries one, whatever
 * its topic, so a hole is a message lost on the way; a late one closes its hole. Duplicates are recognized within the
 * last 64 numbers only: rows are deduplicated by their key, this is for the count.
 */
const span = 64n;
const mask = (1n << span) - 1n;
/** The number a will carries: the broker sends it, so it stands outside the device's sequence (docs/spec/wire.md). */
const willSequence = 0xffff_ffff;

export type Sighting = 'new' | 'duplicate' | 'late' | 'stale';

export class SequenceTracker {
  private bootId: bigint | undefined;
  private highest = -1;
  private missing = 0;
  /** Bit i: number `highest - i` was seen. */
  private seen = 0n;

  /** Continues from what was stored; numbers up to `last` count as seen. */
  constructor(stored?: { readonly bootId: bigint; readonly last: number; readonly gaps: number }) {
    if (!stored) return;
    this.bootId = stored.bootId;
    this.highest = stored.last;
    this.missing = stored.gaps;
    this.seen = mask;
  }

  get last(): number {
    return this.highest;
  }

  /** Numbers of the present boot that have not come. */
  get gaps(): number {
    return this.missing;
  }

  get boot(): bigint | undefined {
    return this.bootId;
  }

  observe(bootId: bigint, sequence: number): Sighting {
    if (sequence === willSequence) return 'stale';
    if (bootId !== this.bootId) {
      // Messages of an earlier boot may follow from the device's store; they open no holes in this one.
      if (this.bootId !== undefined && bootId >> 32n < this.bootId >> 32n) return 'stale';
      this.bootId = bootId;
      this.highest = -1;
      this.missing = 0;
      this.seen = 0n;
    }
    if (sequence > this.highest) {
      const step = sequence - this.highest;
      this.missing += step - 1;
      this.seen = step >= Number(span) ? 1n : ((this.seen << BigInt(step)) | 1n) & mask;
      this.highest = sequence;
      return 'new';
    }
    const age = this.highest - sequence;
    if (age >= Number(span)) return 'late';
    const bit = 1n << BigInt(age);
    if ((this.seen & bit) !== 0n) return 'duplicate';
    this.seen |= bit;
    this.missing = Math.max(0, this.missing - 1);
    return 'late';
  }
}
