/**
 * Reads over the feature summaries of telemetry in the one form that devices write (docs/spec/wire.cddl, feature-summary). They are
 * half of the heads of a message and nothing is made of them, so they are read without what the decoder needs to say what is wrong.
 */
import { Major } from './cbor-heads.js';

const maxFeatures = 16;
const mapOfSix = 0xa6;
const [histogram, n, sumSquares, last] = [1, 2, 4, 6];
const maxN = 65_535;
const leastOfBytes = [24, 256, 65_536];

/**
 * @param ranges is given where each histogram begins and ends, counted from `start`
 * @returns where the list ends; -1: it is written in another way, which the decoder may accept or not
 */
export function skimFeatureSummaries(bytes: Uint8Array, start: number, ranges: number[]): number {
  const list = bytes[start];
  if (list === undefined || list >> 5 !== Major.array || (list & 31) > maxFeatures) return -1;
  let at = start + 1;
  for (let left = list & 31; left > 0; left--) {
    if (bytes[at++] !== mapOfSix) return -1;
    for (let key = 1; key <= last; key++) {
      if (bytes[at] !== key) return -1;
      const head = bytes[at + 1]!;
      const major = head >> 5;
      let argument = head & 31;
      at += 2;
      if (argument > 23) {
        const width = argument - 24;
        const least = leastOfBytes[width];
        argument = 0;
        for (const end = at + (1 << width); at < end; at++) argument = argument * 256 + bytes[at]!;
        // False of what is not a number as well: the bytes ended.
        if (!(argument >= least!)) return -1;
      }
      if (key === histogram) {
        if (major !== Major.bytes) return -1;
        ranges.push(at - start, at + argument - start);
        at += argument;
      } else if (key === n || key === sumSquares) {
        if (major !== Major.uint || (key === n && argument > maxN)) return -1;
      } else if (major > Major.negint) return -1;
    }
  }
  return at <= bytes.length ? at : -1;
}
