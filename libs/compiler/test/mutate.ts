// Seeded damage to files: what a bad disk, a stopped download or a hostile author might make of them.
import { random } from './models.js';

/** Values that break size arithmetic. */
const WORDS = [
  0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0x10000, 0xfffffffc,
];

/** `places`: where damage may start; default everywhere. */
export function mutate(file: Uint8Array, seed: number, places?: readonly number[]): Uint8Array {
  const next = random(Math.imul(seed, 0x9e3779b9) ^ 0x51ed270b);
  // Not slice(): of a Buffer it is a view of the original.
  const bytes = new Uint8Array(file);
  const view = new DataView(bytes.buffer);
  for (let n = next(1, 6); n > 0; n--) {
    const at = places === undefined ? next(0, bytes.length - 1) : places[next(0, places.length - 1)]!;
    switch (next(0, 5)) {
      case 0:
        bytes[at]! ^= 1 << next(0, 7);
        break;
      case 1:
        bytes[at] = next(0, 255);
        break;
      case 2:
      case 3:
        if (at + 4 <= bytes.length) view.setUint32(at & ~3, WORDS[next(0, WORDS.length - 1)]!, true);
        break;
      case 4: {
        // References that point at other structures of the same file.
        const from = next(0, bytes.length - 1);
        bytes.copyWithin(at, from, Math.min(bytes.length, from + next(1, 16)));
        break;
      }
      default:
        if (next(0, 3) === 0) return bytes.subarray(0, at);
    }
  }
  return bytes;
}
