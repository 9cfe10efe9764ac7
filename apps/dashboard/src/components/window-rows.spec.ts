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
  const now = { first: 80, end: 128, origin: 16, isPassing: false };
  const list = { ...view, count: 1_000_000 };
  const topOf = (row: number) => -row * view.rowPx;

  it('should keep the keys of rows that stay', () => {
    expect(drawnAt(now, topOf(112), list, false)).toEqual({ ...now, first: 104, end: 152 });
    expect(drawnAt(now, topOf(64), list, false)).toEqual({ ...now, first: 56, end: 104 });
  });

  it.each([136, 0, 40, 100_000, 999_999])(
    'should draw what is seen at row %i, where none was drawn, with the keys of the old rows',
    (row) => {
      const { first, end, origin } = drawnAt(now, topOf(row), list, false);
      expect(first - origin).toBe(now.first - now.origin);
      expect(end - first).toBe(26);
      expect(first).toBe(Math.min(row, 1_000_000 - 26));
    },
  );

  it('should draw the rows around them when it stands, and keep what is drawn', () => {
    const jumped = drawnAt(now, topOf(1_000), list, false);
    expect(drawnAt(jumped, topOf(1_000), list, true)).toBe(jumped);
    expect(drawnAt(jumped, topOf(1_000), list, false)).toEqual({ ...jumped, first: 992, end: 1_040 });
  });

  it('should take rows for passing from the second jump on, until it stands', () => {
    const once = drawnAt(now, topOf(1_000), list, false);
    expect(once.isPassing).toBe(false);
    const twice = drawnAt(once, topOf(2_000), list, true);
    expect(twice.isPassing).toBe(true);
    const slower = drawnAt(twice, topOf(2_010), list, true);
    expect(slower).toMatchObject({ first: 2_010, isPassing: true });
    expect(drawnAt(slower, topOf(2_010), list, false)).toMatchObject({ first: 2_000, isPassing: false });
  });

  it('should end a flight at the end of the list, where the same rows stay', () => {
    const list = { ...view, count: 20 };
    const passing = { first: 0, end: 20, origin: 0, isPassing: true };
    expect(drawnAt(passing, 0, list, false)).toEqual({ ...passing, isPassing: false });
  });

  it('should draw all of a list that is shorter than the window', () => {
    expect(drawnAt({ ...now, first: 500, end: 548 }, 0, { ...view, count: 5 }, false)).toMatchObject({
      first: 0,
      end: 5,
    });
  });

  it('should change nothing where the rows are the same', () => {
    const calm = { ...rowsAt(topOf(100), list), origin: 16, isPassing: false };
    expect(drawnAt(calm, topOf(100) + 5, list, false)).toBe(calm);
  });
});
