/** Rows in the window, those around it, and none beyond the list. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { drawnAt, rowsAt } from './window-rows.js';

const view = { heightPx: 900, rowPx: 36 };

describe('rowsAt', () => {
  it('should begin at the first row and draw some below the window', () => {
    expect(rowsAt(300, { ...view, count: 1_000_000 })).toEqual({ first: 0, end: 32 });
  });

  it('should draw the beginning of a list that lies below the window', () => {
    expect(rowsAt(5_000, { ...view, count: 1_000_000 })).toEqual({ first: 0, end: 8 });
  });

  it('should change by steps only', () => {
    const at = rowsAt(-36_000, { ...view, count: 1_000_000 });
    expect(rowsAt(-36_010, { ...view, count: 1_000_000 })).toEqual(at);
    expect(at.first).toBeLessThan(1_000);
    expect(at.end - at.first).toBeLessThan(100);
  });

  it('should always hold every row that is seen, and no other than there are', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e8, max: 2_000 }), fc.integer({ min: 0, max: 1e6 }), (top, count) => {
        const { first, end } = rowsAt(top, { ...view, count });
        expect(first).toBeGreaterThanOrEqual(0);
        expect(end).toBeGreaterThanOrEqual(first);
        expect(end).toBeLessThanOrEqual(count);
        const firstSeen = Math.max(0, Math.floor(-top / view.rowPx));
        const lastSeen = Math.min(count, Math.ceil((view.heightPx - top) / view.rowPx));
        if (firstSeen < lastSeen) {
          expect(first).toBeLessThanOrEqual(firstSeen);
          expect(end).toBeGreaterThanOrEqual(lastSeen);
        }
      }),
    );
  });
});

describe('drawnAt', () => {
  const now = { first: 80, end: 128, origin: 16 };

  it('should keep the keys of rows that stay', () => {
    expect(drawnAt(now, { first: 120, end: 168 })).toEqual({ first: 120, end: 168, origin: 16 });
    expect(drawnAt(now, { first: 40, end: 88 }).origin).toBe(16);
  });

  it.each([
    [128, 176],
    [0, 80],
    [100_000, 100_048],
  ])('should give the keys of the old rows to %i to %i, none of which was drawn', (first, end) => {
    const { origin } = drawnAt(now, { first, end });
    expect(first - origin).toBe(now.first - now.origin);
  });

  it('should change nothing where the rows are the same', () => {
    expect(drawnAt(now, { first: 80, end: 128 })).toBe(now);
  });
});
