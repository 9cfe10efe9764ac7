/** Rows to chart columns. */
import { describe, expect, it } from '@jest/globals';
import { pivot } from './pivot.js';
import { stack } from './stack.js';

describe('pivot', () => {
  const rows = [
    { at: '2026-01-01T00:00:10Z', key: 'b', value: 2 },
    { at: '2026-01-01T00:00:00Z', key: 'a', value: 1 },
    { at: '2026-01-01T00:00:10Z', key: 'a', value: 3 },
  ];

  it('should sort times, keep first-seen key order and leave gaps', () => {
    const table = pivot(rows, (row) => row);
    expect(table.keys).toEqual(['b', 'a']);
    expect(table.times[1]! - table.times[0]!).toBe(10);
    expect(table.values).toEqual([
      [null, 2],
      [1, 3],
    ]);
  });

  it('should fill gaps and add up rows of one cell when asked', () => {
    const table = pivot([...rows, rows[0]!], (row) => row, 0);
    expect(table.values[0]).toEqual([0, 4]);
  });
});

describe('stack', () => {
  it('should add layers from the bottom and treat a gap as zero', () => {
    expect(
      stack([
        [1, null],
        [2, 3],
      ]),
    ).toEqual([
      [1, 0],
      [3, 3],
    ]);
  });
});
