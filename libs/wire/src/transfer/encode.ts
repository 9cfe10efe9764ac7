// Makes the payloads by which a bundle reaches a device: `delta` from a bundle that the device holds, `compressed` from nothing.
// The format is docs/spec/transfer.md. Deterministic: the same bytes give the same payload everywhere.
import { crc32 } from '../checksum.js';
import { displacements, matches } from './alignment.js';
import {
  BLOCK_FORMAT,
  BLOCK_HEAD_BYTES,
  CONTEXT,
  CONTEXTS,
  MAX_BLOCK_BYTES,
  type Command,
} from './format.js';
import { parse } from './parse.js';
import { RangeEncoder } from './range-encoder.js';
import { BitCounts, putByte, putCommands, putNumber } from './symbols.js';

export interface EncodeOptions {
  /** Flash sector of the device: blocks are whole sectors of the result. Default 4,096, which suits every smaller one. */
  readonly sectorBytes?: number;
  /** A block ends with the sector in which its payload reaches this: what a reboot may cost again. Default 8,192. */
  readonly blockPayloadBytes?: number;
  /** Displacements (position in the base minus position in the target) worth trying besides those found. */
  readonly displacements?: readonly number[];
}

const DEFAULT_SECTOR_BYTES = 4_096;
const DEFAULT_BLOCK_PAYLOAD_BYTES = 8_192;
/** Displacements that may carry changed bytes. */
const CANDIDATES = 24;
const ROUNDS = 3;
const MATCH_WINDOW = 4;

/** A payload that makes `target` of a device's slot that holds `base`. */
export function encodeDelta(base: Uint8Array, target: Uint8Array, options: EncodeOptions = {}): Uint8Array {
  const ends = base.length - target.length;
  const tried = [0, ends, ...(options.displacements ?? []), ...displacements(base, target, CANDIDATES)];
  return encode(base, target, { ...options, displacements: [...new Set(tried)] });
}

/** A payload that makes `target` of nothing. */
export function encodeCompressed(target: Uint8Array, options: EncodeOptions = {}): Uint8Array {
  return encode(new Uint8Array(), target, { ...options, displacements: [] });
}

function encode(base: Uint8Array, target: Uint8Array, options: EncodeOptions): Uint8Array {
  const tried = options.displacements ?? [];
  const elsewhere = matches(base, target, { window: MATCH_WINDOW, followed: new Set(tried) });
  const whole = { base, target, displacements: tried, matches: elsewhere, ends: [target.length] };
  let parsed = parse(whole, expectedCounts());
  // Then in blocks, along the displacements that have served, at the costs that have come out.
  const used = new Set(parsed.commands.filter(({ kind }) => kind !== 'self').map(({ from }) => from));
  const ends = blockEnds(parsed.bits, options);
  const material = { ...whole, displacements: tried.filter((displacement) => used.has(displacement)), ends };
  for (let round = 1; round < ROUNDS; round++) {
    const counts = new BitCounts(CONTEXTS);
    putCommands(counts, parsed.commands, base, target);
    parsed = parse(material, counts);
  }
  let next = 0;
  const blocks = Buffer.concat(
    ends.map((end) => {
      const first = next;
      while (next < parsed.commands.length && parsed.commands[next]!.at < end) next++;
      return encodeBlock(parsed.commands.slice(first, next), base, target);
    }),
  );
  return new Uint8Array(blocks);
}

/** A block ends with the first whole sectors whose estimated payload reaches the limit. */
function blockEnds(bits: Float64Array, options: EncodeOptions): number[] {
  const sector = options.sectorBytes ?? DEFAULT_SECTOR_BYTES;
  const limit = options.blockPayloadBytes ?? DEFAULT_BLOCK_PAYLOAD_BYTES;
  const bytes = bits.length - 1;
  const ends: number[] = [];
  let begin = 0;
  for (let end = sector; end < bytes; end += sector) {
    if ((bits[end]! - bits[begin]!) / 8 < limit && end - begin + sector <= MAX_BLOCK_BYTES) continue;
    ends.push(end);
    begin = end;
  }
  return [...ends, bytes];
}

function encodeBlock(commands: readonly Command[], base: Uint8Array, target: Uint8Array): Uint8Array {
  const begin = commands[0]!.at;
  const last = commands.at(-1)!;
  const result = target.subarray(begin, last.at + last.length);
  const coder = new RangeEncoder(CONTEXTS);
  putCommands(coder, commands, base, target);
  const coded = coder.finish();
  const block = Buffer.alloc(BLOCK_HEAD_BYTES + coded.length);
  block.writeUInt8(BLOCK_FORMAT, 0);
  block.writeUIntLE(result.length, 1, 3);
  block.writeUIntLE(coded.length, 4, 3);
  block.writeUInt32LE(crc32(result), 7);
  block.set(coded, BLOCK_HEAD_BYTES);
  return block;
}

/** What the first round expects: small differences, small steps. */
function expectedCounts(): BitCounts {
  const counts = new BitCounts(CONTEXTS);
  for (let folded = 0; folded < 256; folded++)
    for (const after of [0, 256])
      for (let n = 0; n < 256 / (folded + 1) ** 1.5; n++) putByte(counts, CONTEXT.difference + after, folded);
  for (const context of [CONTEXT.length, CONTEXT.selfLength, CONTEXT.displacement, CONTEXT.distance])
    for (let n = 0; n < 4096; n = n * 2 + 1) putNumber(counts, context, n);
  return counts;
}
