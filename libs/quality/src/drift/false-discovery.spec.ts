import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import { normalTwoSided } from '../statistics/distributions.js';
import {
  adjustedP,
  averageE,
  benjaminiHochberg,
  eBenjaminiHochberg,
  Lord,
  shiftEvidence,
} from './false-discovery.js';
import { arl0OfBudget, parseBudget, wordsOfBudget } from './page-budget.js';

describe('the budget of false pages', () => {
  it.each([
    ['at most one false page a week', 1, 'week'],
    ['At most  two false alerts per month', 2, 'month'],
    ['one page daily', 1, 'day'],
    ['0.5 false pages a day', 0.5, 'day'],
    ['a page an hour', 1, 'hour'],
  ] as const)('should be read from "%s"', (text, pages, per) => {
    expect(parseBudget(text)).toEqual({ pages, per });
  });

  it.each(['', 'never', 'no false pages a week', '0 pages a day', 'one a week', 'one page a fortnight'])(
    'should not be read from "%s"',
    (text) => {
      expect(() => parseBudget(text)).toThrow(expect.objectContaining({ code: 'quality.budget-unreadable' }));
    },
  );

  it('should say itself in words that it reads', () => {
    for (const text of ['at most one false page a week', 'at most three false pages an hour'])
      expect(wordsOfBudget(parseBudget(text))).toBe(text);
  });

  it('should bound the expected number of false pages', () => {
    const budget = parseBudget('at most one false page a week');
    // 1,000 streams, hourly, one page in 168 hours.
    expect(arl0OfBudget(budget, { streams: 1_000, roundsPerHour: 1, reserve: 0 })).toBe(168_000);
    expect(arl0OfBudget(budget, { streams: 1_000, roundsPerHour: 1 })).toBe(336_000);
    expect(arl0OfBudget(budget, { streams: 1_000, roundsPerHour: 4, reserve: 0 })).toBe(672_000);
  });
});

describe('control of false discoveries', () => {
  const p = [0.001, 0.008, 0.039, 0.041, 0.042, 0.06, 0.074, 0.205];

  it('should be that of Benjamini and Hochberg', () => {
    expect(benjaminiHochberg(p, 0.05)).toMatchObject({ count: 2, threshold: 0.0125 });
    expect(benjaminiHochberg([], 0.05).count).toBe(0);
    expect(benjaminiHochberg([0.05, 0.05], 0.05).count).toBe(2);
    expect(benjaminiHochberg([0.05, 0.05], 0.05, true).count).toBe(0);
    const adjusted = adjustedP(p);
    for (const q of [0.01, 0.04, 0.07, 0.1]) {
      const { rejected } = benjaminiHochberg(p, q);
      expect([...adjusted].map((one) => one <= q + 1e-12)).toEqual(rejected);
    }
  });

  it('should keep the share of false ones with e-values of dependent features', () => {
    const random = new Random(5);
    let [share, found] = [0, 0];
    const rounds = 300;
    for (let round = 0; round < rounds; round++) {
      const e = Array.from({ length: 100 }, (_, j) => {
        const common = random.normal();
        const scores = [0, 1, 2].map(
          () => 0.9 * common + Math.sqrt(0.19) * random.normal() + (j < 5 ? 1.5 : 0),
        );
        // Twelve windows of each.
        return averageE(
          scores.map((score) =>
            shiftEvidence(score * Math.sqrt(12) + (j < 5 ? 1.5 * (12 - Math.sqrt(12)) : 0), 12),
          ),
        );
      });
      const { rejected, count } = eBenjaminiHochberg(e, 0.1);
      share += rejected.filter((is, j) => is && j >= 5).length / Math.max(1, count) / rounds;
      found += rejected.filter((is, j) => is && j < 5).length / 5 / rounds;
    }
    expect(share).toBeLessThan(0.1);
    expect(found).toBeGreaterThan(0.9);
  });

  it('should have e-values of expectation 1 without a shift', () => {
    const random = new Random(2);
    let sum = 0;
    for (let i = 0; i < 200_000; i++) sum += shiftEvidence(random.normal(), 1) / 200_000;
    expect(Math.abs(sum - 1)).toBeLessThan(0.08);
  });

  it('should keep it online', () => {
    const random = new Random(7);
    let [share, found] = [0, 0];
    for (let run = 0; run < 200; run++) {
      const lord = new Lord(0.1);
      let [hits, errors] = [0, 0];
      for (let i = 0; i < 300; i++) {
        const isReal = i % 10 === 0;
        if (!lord.test(normalTwoSided(random.normal() + (isReal ? 4 : 0)))) continue;
        if (isReal) hits++;
        else errors++;
      }
      share += errors / Math.max(1, hits + errors) / 200;
      found += hits / 30 / 200;
    }
    expect(share).toBeLessThan(0.1);
    expect(found).toBeGreaterThan(0.5);
  });
});
