import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { evidenceOfFewer, evidenceOfMore, lowerExpected, upperExpected } from './poisson-mixture.js';

/** sum over n of P(N = n) e(n) */
function expectation(mean: number, evidence: (events: number) => number): number {
  let [p, sum] = [Math.exp(-mean), 0];
  for (let n = 0; n < 150; n++) {
    sum += p * evidence(n);
    p *= mean / (n + 1);
  }
  return sum;
}

describe('the Poisson mixture', () => {
  it.each([0.3, 1, 2])('should have expectation 1 at the hypothesis and less inside it (%d)', (mean) => {
    expect(expectation(mean, (n) => evidenceOfMore(n, mean))).toBeCloseTo(1, 6);
    expect(expectation(mean, (n) => evidenceOfFewer(n, mean))).toBeCloseTo(1, 6);
    expect(expectation(0.8 * mean, (n) => evidenceOfMore(n, mean))).toBeLessThan(1);
    expect(expectation(1.2 * mean, (n) => evidenceOfFewer(n, mean))).toBeLessThan(1);
  });

  it('should hold for a few devices that fail or not', () => {
    // 10 trials of .05 exactly: a binomial is spread less than a Poisson count.
    let [p, sum] = [0.95 ** 10, 0];
    for (let n = 0; n <= 10; n++) {
      sum += p * evidenceOfMore(n, 0.5);
      p *= (((10 - n) / (n + 1)) * 0.05) / 0.95;
    }
    expect(sum).toBeLessThanOrEqual(1);
  });

  it('should bound the expected number on both sides, wider for smaller errors', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 300 }), (n) => {
        expect(lowerExpected(n, 0.05)).toBeLessThanOrEqual(n);
        expect(upperExpected(n, 0.05)).toBeGreaterThan(n);
        expect(lowerExpected(n, 0.001)).toBeLessThanOrEqual(lowerExpected(n, 0.05));
        expect(upperExpected(n, 0.001)).toBeGreaterThanOrEqual(upperExpected(n, 0.05));
      }),
      { numRuns: 40 },
    );
    expect(lowerExpected(0, 0.05)).toBe(0);
    // The evidence at the bound is what was asked for.
    expect(evidenceOfMore(20, lowerExpected(20, 0.01)) / 100).toBeCloseTo(1, 1);
    expect(evidenceOfFewer(3, upperExpected(3, 0.05)) / 20).toBeCloseTo(1, 1);
  });
});
