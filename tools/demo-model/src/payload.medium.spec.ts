// Payloads of libs/wire through the device's decoder: whatever the edit, the pieces, the sectors; and damaged ones.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { applyPayload } from '@tinyfleet/runtime';
import { VIBRATION_CLASSES } from '@tinyfleet/sensors';
import { encodeCompressed, encodeDelta } from '@tinyfleet/wire';
import fc from 'fast-check';
import { updatedBundles } from './measure-updates.js';

let base: Uint8Array;
let target: Uint8Array;
beforeAll(async () => {
  const file = path.join(import.meta.dirname, '../models/vibration-v1.tflite');
  const bytes = readFileSync(file);
  const bundles = await updatedBundles({ fileName: 'vibration.tflite', bytes, labels: VIBRATION_CLASSES });
  base = bundles.base;
  target = bundles.updates.get('one-more-class')!;
});

type Edit = (bytes: number[]) => number[];

const place = fc.integer({ min: 0, max: 4_000 });
const edit: fc.Arbitrary<Edit> = fc.oneof(
  // Inserted, removed, moved, overwritten, nudged.
  fc
    .tuple(place, fc.uint8Array({ maxLength: 60 }))
    .map(([at, bytes]): Edit => (b) => [...b.slice(0, at), ...bytes, ...b.slice(at)]),
  fc.tuple(place, place).map(([at, n]): Edit => (b) => [...b.slice(0, at), ...b.slice(at + (n % 300))]),
  fc
    .tuple(place, place, place)
    .map(([at, n, to]): Edit => (b) => [...b.slice(0, to), ...b.slice(at, at + (n % 500)), ...b.slice(to)]),
  fc.tuple(place, fc.uint8Array({ maxLength: 300 })).map(
    ([at, bytes]): Edit =>
      (b) =>
        b.map((byte, i) => bytes[i - at] ?? byte),
  ),
  fc.tuple(place, fc.integer({ min: 1, max: 200 }), fc.integer({ min: -128, max: 128 })).map(
    ([at, every, by]): Edit =>
      (b) =>
        b.map((byte, i) => (i >= at && i % every === 0 ? (byte + by) & 255 : byte)),
  ),
);

describe('payloads', () => {
  it('should give back any edit of a bundle, in pieces and sectors of any size', async () => {
    const sizes = fc.record({
      sectorBytes: fc.constantFrom(512, 1_024, 4_096),
      blockPayloadBytes: fc.constantFrom(1, 200, 8_192),
      pieceBytes: fc.constantFrom(1, 7, 32, 1_024, 100_000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(edit, { maxLength: 4 }), sizes, async (edits, options) => {
        const edited = Uint8Array.from(edits.reduce((bytes, change) => change(bytes), [...base]));
        const delta = encodeDelta(base, edited, options);
        const compressed = encodeCompressed(edited, options);
        const resultBytes = edited.length;
        expect(await applyPayload(delta, { base, resultBytes, ...options })).toEqual(edited);
        expect(await applyPayload(compressed, { resultBytes, ...options })).toEqual(edited);
      }),
      { numRuns: 25, seed: 4 },
    );
  });

  it('should take the same bytes for the same bundles', () => {
    expect(encodeDelta(base, target)).toEqual(encodeDelta(base.slice(), target.slice()));
  });

  it('should find bytes that moved without a hint, and carry what has nothing in common', async () => {
    const moved = Uint8Array.from([...base.subarray(1_000), ...base.subarray(0, 1_000)]);
    expect(encodeDelta(base, moved).length).toBeLessThan(60);
    const noise = Uint8Array.from({ length: 3_000 }, (_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 24);
    const payload = encodeDelta(noise, target);
    expect(payload.length).toBeLessThanOrEqual(encodeCompressed(target).length + 16);
    expect(await applyPayload(payload, { base: noise, resultBytes: target.length })).toEqual(target);
  });

  it('should carry edges: nothing to copy, one byte, all the same, a difference of 128', async () => {
    const flipped = base.map((byte) => byte ^ 128);
    for (const result of [Uint8Array.of(7), new Uint8Array(20_000), new Uint8Array(4_097).fill(255), flipped])
      for (const from of [new Uint8Array(), base]) {
        const payload = encodeDelta(from, result);
        expect(await applyPayload(payload, { base: from, resultBytes: result.length })).toEqual(result);
      }
  });

  it('should be refused when cut, lengthened or flipped anywhere', async () => {
    const small = base.slice(0, 900);
    const result = target.slice(0, 900);
    const options = { sectorBytes: 512, blockPayloadBytes: 1 };
    const payload = encodeDelta(small, result, options);
    const outcome = async (bytes: Uint8Array): Promise<string> => {
      try {
        const made = await applyPayload(bytes, { base: small, resultBytes: 900, sectorBytes: 512 });
        return Buffer.compare(made, result) === 0 ? 'same' : 'other';
      } catch (error) {
        if (!isFleetError(error)) throw error;
        return error.code;
      }
    };
    expect(await outcome(payload)).toBe('same');
    for (let cut = 0; cut < payload.length; cut++)
      expect(await outcome(payload.subarray(0, cut))).toMatch(/^wire\.payload/);
    expect(await outcome(Uint8Array.from([...payload, 0]))).toBe('wire.payload-invalid');
    const seen = new Set<string>();
    for (let at = 0; at < payload.length; at++)
      for (const bit of [0, 7]) {
        const bytes = payload.slice();
        bytes[at]! ^= 1 << bit;
        seen.add(await outcome(bytes));
      }
    // What the last bits of a block's code say may not matter; nothing else comes through.
    seen.delete('same');
    expect(seen).toEqual(new Set(['wire.payload-invalid', 'wire.payload-crc']));
  });

  it('should be refused with another base than it was made from', async () => {
    const payload = encodeDelta(base, target);
    const other = base.slice();
    other[2_000]! ^= 1;
    await expect(applyPayload(payload, { base: other, resultBytes: target.length })).rejects.toMatchObject({
      code: 'wire.payload-crc',
    });
    await expect(
      applyPayload(payload, { base: base.subarray(0, 100), resultBytes: target.length }),
    ).rejects.toMatchObject({ code: 'wire.payload-invalid' });
    await expect(applyPayload(payload, { base, resultBytes: target.length - 16 })).rejects.toMatchObject({
      code: 'wire.payload-invalid',
    });
  });
});
