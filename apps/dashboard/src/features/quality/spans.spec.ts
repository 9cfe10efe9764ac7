import { describe, expect, it } from '@jest/globals';
import { spansOf } from './spans.js';

describe('spansOf', () => {
  it('should join buckets in a row and keep what lies apart', () => {
    const at = (hour: number) => new Date(hour * 3_600_000).toISOString();
    expect(spansOf([at(2), at(0), at(1), at(5)], 3_600)).toEqual([
      { from: 0, to: 10_800 },
      { from: 18_000, to: 21_600 },
    ]);
    expect(spansOf([], 3_600)).toEqual([]);
  });
});
