/** A writer's buffer: one for all batches, and none that a single large batch leaves behind. */
import { describe, expect, it } from '@jest/globals';
import { BinaryCopy, bytea } from './binary-copy.js';

const mib = 1024 * 1024;
const held = (encoded: Buffer): number => encoded.buffer.byteLength;

describe('BinaryCopy', () => {
  const columns = { data: { column: 'data', type: bytea } };

  it('should keep its buffer for the next batch, but not one above 16 MiB', () => {
    const writer = new BinaryCopy<{ data: Uint8Array }>('t', columns);
    const batch = (bytes: number) => writer.encode([{ data: new Uint8Array(bytes).fill(7) }]);
    batch(2 * mib);
    expect(held(batch(1))).toBeGreaterThan(2 * mib);
    const large = batch(17 * mib);
    expect(held(batch(1))).toBeLessThan(mib);
    expect(large.subarray(-3)).toEqual(Buffer.of(7, 0xff, 0xff));
  });
});
