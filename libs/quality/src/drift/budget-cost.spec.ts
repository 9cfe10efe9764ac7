import { describe, expect, it } from '@jest/globals';
import { budgetCost } from './budget-cost.js';

const hourly = { streams: 1_000, roundSeconds: 3_600 };

describe('budgetCost', () => {
  it('should give each stream the ARL0 of the budget, and later pages for a tighter one', () => {
    const [week, year] = ['at most one false page a week', 'one page a year'].map((words) =>
      budgetCost(words, hourly),
    );
    expect(week).toMatchObject({ budget: 'at most one false page a week', falsePagesPerWeek: 1 });
    // 1,000 streams x 168 rounds in a week, half of the budget in reserve.
    expect(week!.arl0).toBeCloseTo(336_000, 0);
    expect(week!.delays.map(({ shift }) => shift)).toEqual([1, 2, 4]);
    for (const [i, { rounds }] of week!.delays.entries()) {
      expect(rounds).toBeGreaterThan(1);
      expect(year!.delays[i]!.rounds).toBeGreaterThan(rounds);
    }
  });

  it('should say that nothing waits while nothing is watched, and refuse what is no budget', () => {
    expect(budgetCost('two pages a day', { ...hourly, streams: 0 })).toMatchObject({
      arl0: null,
      delays: [],
    });
    expect(() => budgetCost('never', hourly)).toThrow(/never/);
  });

  it('should answer for one stream and any budget, however wide or narrow', () => {
    for (const words of ['1000000 pages an hour', '0.000001 pages a year'])
      expect(budgetCost(words, { streams: 1, roundSeconds: 86_400 }).delays).toHaveLength(3);
  });
});
