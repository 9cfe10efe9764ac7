import { describe, expect, it } from '@jest/globals';
import { decode } from '@tinyfleet/wire';
import { CachedBlob } from './blob-cache.js';

describe('CachedBlob', () => {
  const blob = new CachedBlob(Buffer.alloc(32, 9), Buffer.alloc(4_000, 5));
  const offsets = (chunks: readonly Buffer[]): number[] =>
    chunks.map((payload) => decode('chunk', payload).offset);
  const size = blob.chunk(0, 1_024)!.length;

  it('should give as many chunks as fit into the bytes of a write, and not one more', () => {
    const three = blob
      .chunks(0, { length: 1_024, count: 8, maxBytes: 10_000 })
      .slice(0, 3)
      .reduce((sum, { length }) => sum + length, 0);
    expect(offsets(blob.chunks(0, { length: 1_024, count: 8, maxBytes: three }))).toEqual([0, 1_024, 2_048]);
    expect(offsets(blob.chunks(0, { length: 1_024, count: 8, maxBytes: three - 1 }))).toEqual([0, 1_024]);
  });

  it('should always give one, as many as were asked for at most, and none past the end', () => {
    expect(offsets(blob.chunks(0, { length: 1_024, count: 8, maxBytes: 0 }))).toEqual([0]);
    expect(offsets(blob.chunks(0, { length: 1_024, count: 2, maxBytes: 4 * size }))).toEqual([0, 1_024]);
    expect(offsets(blob.chunks(3_072, { length: 1_024, count: 8, maxBytes: 4 * size }))).toEqual([3_072]);
    expect(blob.chunks(4_000, { length: 1_024, count: 8, maxBytes: 4 * size })).toEqual([]);
  });
});
