/**
 * Packed histograms: byte 0 is the bits per count (0 to 16; 0 = every count is 0), then the counts in bin order,
 * least significant bit first, the last byte padded with zero bits.
 */
import { FleetError } from '@tinyfleet/errors';

/** Bytes of a packed histogram. */
export function histogramBytes(bins: number, bits: number): number {
  return 1 + Math.ceil((bins * bits) / 8);
}

/** Packs with the fewest bits that hold the largest count. @throws wire.histogram-invalid above 65,535 */
export function packHistogram(counts: ArrayLike<number>): Uint8Array {
  let max = 0;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    if (!Number.isInteger(count) || count < 0 || count > 65_535)
      throw invalid(`count ${i} is ${count}, outside 0..65535`);
    if (count > max) max = count;
  }
  const bits = 32 - Math.clz32(max);
  const out = new Uint8Array(histogramBytes(counts.length, bits));
  out[0] = bits;
  let position = 8;
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i] ?? 0;
    for (let bit = 0; bit < bits; bit++, position++) {
      if ((count >> bit) & 1) out[position >> 3] = (out[position >> 3] ?? 0) | (1 << (position & 7));
    }
  }
  return out;
}

/**
 * Unpacks `bins` counts. Refuses another length, a width above 16, padding that is not zero and a width larger
 * than needed: each histogram has exactly one encoding.
 * @throws wire.histogram-invalid
 */
export function unpackHistogram(bytes: Uint8Array, bins: number, field = 'histogram'): number[] {
  const counts = new Array<number>(bins).fill(0);
  readHistogram(bytes, counts, { bins, field });
  return counts;
}

export interface HistogramPlace {
  readonly bins: number;
  /** For errors. */
  readonly field: string;
  /** Where in the array the counts go; 0 by default. */
  readonly at?: number;
  /** Which of the bytes are the histogram; all by default. */
  readonly from?: number;
  readonly to?: number;
}

/**
 * The same into `bins` places of an array of the caller's, for who unpacks by the million.
 * @returns the sum of the counts
 */
export function readHistogram(
  bytes: Uint8Array,
  into: number[],
  { bins, field, at: first = 0, from = 0, to = bytes.length }: HistogramPlace,
): number {
  const bits = from < to ? bytes[from] : undefined;
  if (bits === undefined) throw invalid('it is empty', field);
  if (bits > 16) throw invalid(`its width is ${bits}, above 16`, field);
  const expected = histogramBytes(bins, bits);
  if (to - from !== expected)
    throw invalid(`${bins} counts of ${bits} bits are ${expected} bytes, not ${to - from}`, field);
  let all = 0;
  let sum = 0;
  let accumulator = 0;
  let held = 0;
  let at = from + 1;
  const mask = (1 << bits) - 1;
  for (let bin = 0; bin < bins; bin++) {
    while (held < bits) {
      accumulator |= bytes[at++]! << held; // at most 15 + 8 bits
      held += 8;
    }
    const count = accumulator & mask;
    into[first + bin] = count;
    all |= count;
    sum += count;
    accumulator >>>= bits;
    held -= bits;
  }
  if (accumulator !== 0) throw invalid('its padding is not zero', field);
  if (32 - Math.clz32(all) !== bits) throw invalid('it is wider than its counts need', field);
  return sum;
}

/** Confidence bin of an int8 softmax output among `bins`; p is output + 128, 0..255. */
export function confidenceBin(p: number, bins: number): number {
  return Math.floor((p * bins) / 256);
}

function invalid(reason: string, field = 'histogram') {
  return new FleetError('wire.histogram-invalid', { field, message: 'telemetry', reason });
}
