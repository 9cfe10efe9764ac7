// Golden payloads: one small result per way of making it. The bytes come from a generator, so that C and TypeScript need no files.
import { encodeCompressed, encodeDelta } from '../src/transfer/index.js';

export interface PayloadCase {
  readonly name: string;
  readonly base: Uint8Array;
  readonly result: Uint8Array;
  readonly sectorBytes: number;
  readonly payload: Uint8Array;
}

function noise(seed: number, bytes: number): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length: bytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

const join = (...parts: readonly (Uint8Array | readonly number[])[]): Uint8Array =>
  Uint8Array.from(parts.flatMap((part) => [...part]));

const base = join(noise(1, 500), new Uint8Array(100), noise(2, 300));
const NONE = new Uint8Array();

function make(name: string, from: Uint8Array, result: Uint8Array, blockPayloadBytes = 8_192): PayloadCase {
  const options = { sectorBytes: 512, blockPayloadBytes };
  const payload = from.length === 0 ? encodeCompressed(result, options) : encodeDelta(from, result, options);
  return { name, base: from, result, sectorBytes: 512, payload };
}

export function payloadCases(): PayloadCase[] {
  const nudged = base.map((byte, at) =>
    at % 3 === 0 ? byte + (at % 5) - 2 : at === 700 ? byte + 128 : byte,
  );
  return [
    make('delta-same', base, base),
    make('delta-nudged', base, nudged),
    make('delta-inserted-and-removed', base, join(base.subarray(0, 100), noise(3, 24), base.subarray(160))),
    make('delta-moved', base, join(base.subarray(600), base.subarray(0, 500), new Uint8Array(40).fill(9))),
    make('delta-in-blocks', base, nudged, 1),
    make(
      'compressed',
      NONE,
      join(noise(4, 64), new Uint8Array(200), noise(4, 64), [1, 2, 3, 1, 2, 3, 1, 2, 3]),
    ),
    make('compressed-in-blocks', NONE, join(new Uint8Array(700).fill(255), noise(5, 80)), 1),
    make('compressed-one-byte', NONE, Uint8Array.of(200)),
  ];
}
