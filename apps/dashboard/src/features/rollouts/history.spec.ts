/** The chart shows what was told, in the colours of the bar beside it. */
import { describe, expect, it } from '@jest/globals';
import { stateHistory } from './history.js';

const point = (second: number, step: number, counts: Record<string, number>) => ({
  at: new Date(second * 1_000).toISOString(),
  step,
  counts,
});

describe('stateHistory', () => {
  const points = [
    point(1, 0, { waiting: 10 }),
    point(2, 0, { waiting: 9, active: 1 }),
    point(5, 1, { active: 10 }),
  ];

  it('should have one layer for each state that somebody was in', () => {
    const { times, series } = stateHistory(points);
    expect(times).toEqual([1, 2, 5, 6]);
    expect(series.map(({ label, values }) => [label, ...values])).toEqual([
      ['active', 0, 1, 10, 10],
      ['waiting', 10, 9, 0, 0],
    ]);
  });

  it('should mark where steps begin', () => {
    expect(stateHistory(points).marks).toEqual([{ at: 5, label: 'step 2' }]);
  });

  it('should end with how it stands, unless that was told already', () => {
    expect(stateHistory(points, point(9, 1, { active: 9, silent: 1 })).times).toEqual([1, 2, 5, 9]);
    expect(stateHistory(points, point(5, 1, { active: 10 })).times).toEqual([1, 2, 5]);
    expect(stateHistory([]).series).toEqual([]);
  });
});
