// The binary range coder of payloads (docs/spec/transfer.md), writing side. Carries are propagated as in the LZMA
// encoder (Igor Pavlov, LZMA specification 9.20); the reader is firmware-stubs/agent/src/payload.c.

import type { BitSink } from './symbols.js';

/** A probability that the next bit is 0, 12 bits, over a count of bits seen, 4 bits: it moves fast first, then slowly. */
const FRESH = 0x8000;
const MAX_SEEN = 15;

/** log2 of the share by which a bit moves a probability, by the bits that it has seen: 1/2, then slower, down to 1/32. */
export const RATE_SHIFTS: readonly number[] = Array.from(
  { length: MAX_SEEN + 1 },
  (_, seen) => 32 - Math.clz32(seen + 1),
);

export class RangeEncoder implements BitSink {
  private readonly states: Uint16Array;
  private readonly bytes: number[] = [];
  /** Of the interval, above what was written; below 2^40. */
  private low = 0;
  private range = 0xffff_ffff;

  constructor(contexts: number) {
    this.states = new Uint16Array(contexts).fill(FRESH);
  }

  bit(context: number, bit: number): void {
    const state = this.states[context]!;
    const zero = state >>> 4;
    const seen = state & MAX_SEEN;
    const bound = (this.range >>> 12) * zero;
    const shift = RATE_SHIFTS[seen]!;
    if (bit === 0) {
      this.range = bound;
      this.states[context] = ((zero + ((4096 - zero) >>> shift)) << 4) | Math.min(seen + 1, MAX_SEEN);
    } else {
      this.low += bound;
      this.range -= bound;
      this.states[context] = ((zero - (zero >>> shift)) << 4) | Math.min(seen + 1, MAX_SEEN);
    }
    while (this.range < 0x100_0000) {
      this.range = (this.range * 256) >>> 0;
      this.shift();
    }
  }

  /** The bytes: of all that name the interval, those that end in most zeros, which are left off. */
  finish(): Uint8Array {
    const end = this.low + this.range - 1;
    for (let zeros = 32; zeros >= 0; zeros -= 8) {
      const unit = 2 ** zeros;
      const candidate = Math.ceil(this.low / unit) * unit;
      if (candidate > end) continue;
      this.low = candidate;
      break;
    }
    for (let i = 0; i < 4; i++) this.shift();
    let used = this.bytes.length;
    while (used > 0 && this.bytes[used - 1] === 0) used--;
    return Uint8Array.from(this.bytes.slice(0, used));
  }

  private shift(): void {
    const carry = this.low >= 2 ** 32;
    if (carry) {
      let at = this.bytes.length - 1;
      while (this.bytes[at] === 0xff) this.bytes[at--] = 0;
      this.bytes[at]!++;
    }
    const low = this.low % 2 ** 32;
    this.bytes.push(Math.floor(low / 2 ** 24));
    this.low = (low % 2 ** 24) * 256;
  }
}
