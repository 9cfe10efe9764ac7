/** Rows in the window, those around it, and none beyond the list. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { rowsAt } from './window-rows.js';

const view = { heightPx: 900, rowPx: 36 };

describe('rowsAt', () => {
  it('should begin at the first row and draw some below the window', () => {
    expect(rowsAt(300, { ...view, count: 1_000_000 })).toEqual({ first: 0, end: 48 });
  });

  it('should draw the beginning of a list that lies below the window', () => {
    expect(rowsAt(5_000, { ...view, count: 1_000_000 })).toEqual({ first: 0, end: 16 });
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
