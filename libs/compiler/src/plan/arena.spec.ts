// Packings never overlap, never beat the bound, never change.
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { liveSetBound, pack, type Span } from './arena.js';

const spans = fc.array(
  fc
    .record({
      bytes: fc.integer({ min: 1, max: 5000 }),
      from: fc.integer({ min: -1, max: 30 }),
      length: fc.integer({ min: 0, max: 12 }),
    })
    .map(({ bytes, from, length }): Span => ({ bytes, firstStep: from, lastStep: from + length })),
  { maxLength: 40 },
);

describe('pack', () => {
  it('should never let two live buffers share a byte, and align every one', () => {
    fc.assert(
      fc.property(spans, (list) => {
        const { offsets, arenaBytes } = pack(list);
        list.forEach((a, i) => {
          expect(offsets[i]! % 16).toBe(0);
          expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(arenaBytes);
          list.slice(0, i).forEach((b, j) => {
            const together = a.firstStep <= b.lastStep && b.firstStep <= a.lastStep;
            const apart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
            if (together) expect(apart).toBe(true);
          });
        });
        if (list.length > 0) expect(arenaBytes).toBeGreaterThanOrEqual(liveSetBound(list));
      }),
      { numRuns: 150 },
    );
  });

  it('should give the same packing every time', () => {
    fc.assert(
      fc.property(spans, (list) => expect(pack(list)).toEqual(pack(list))),
      { numRuns: 20 },
    );
  });

  it('should search where no greedy order reaches the bound', () => {
    const list: Span[] = [
      { bytes: 96, firstStep: 4, lastStep: 4 },
      { bytes: 96, firstStep: 3, lastStep: 4 },
      { bytes: 80, firstStep: 3, lastStep: 3 },
      { bytes: 32, firstStep: 1, lastStep: 2 },
      { bytes: 80, firstStep: 1, lastStep: 3 },
    ];
    const { arenaBytes, strategy } = pack(list);
    expect(arenaBytes).toBe(liveSetBound(list));
    expect(strategy).toMatch(/^search/);
  });
});

describe('liveSetBound', () => {
  it('should count what is live together, in aligned bytes', () => {
    expect(liveSetBound([])).toBe(0);
    expect(
      liveSetBound([
        { bytes: 10, firstStep: 0, lastStep: 1 },
        { bytes: 20, firstStep: 1, lastStep: 2 },
      ]),
    ).toBe(48);
    expect(
      liveSetBound([
        { bytes: 10, firstStep: 0, lastStep: 1 },
        { bytes: 20, firstStep: 2, lastStep: 2 },
      ]),
    ).toBe(32);
  });
});
