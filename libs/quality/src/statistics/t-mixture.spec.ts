import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { tMixtureMultiplier } from './t-mixture.js';

describe('tMixtureMultiplier', () => {
  it('should solve the mixture for the evidence it was asked for', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 1e-5, max: 0.2, noNaN: true }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        fc.integer({ min: 8, max: 5_000 }),
        (alpha, r, df) => {
          const t = tMixtureMultiplier(alpha, r, df);
          if (t === Infinity) return;
          const bracket = ((1 + (t * t) / df) / (1 + (r * t * t) / df)) ** ((df + 1) / 2);
          expect(alpha * Math.sqrt(r) * (2 * bracket - 1)).toBeCloseTo(1, 6);
        },
      ),
    );
  });

  it('should become the one-sided normal mixture of Howard et al. with many degrees of freedom', () => {
    // sqrt(2 (v + rho) log(sqrt((v + rho) / rho) / (2 alpha) + 1/2)) / sqrt(v), with rho / (v + rho) = r.
    const [alpha, r] = [0.001, 0.1];
    const normal = Math.sqrt((2 * Math.log(1 / (2 * alpha * Math.sqrt(r)) + 0.5)) / (1 - r));
    expect(tMixtureMultiplier(alpha, r, 1e7)).toBeCloseTo(normal, 10);
    expect(tMixtureMultiplier(alpha, r, 1e5)).toBeCloseTo(normal, 2);
    expect(normal).toBeCloseTo(4.046, 3);
  });

  it('should widen with fewer degrees of freedom and have no bound at all with too few', () => {
    const [two, ten, many] = [1, 9, 999].map((df) => tMixtureMultiplier(0.001, 0.06, df));
    expect(two).toBe(Infinity);
    expect(ten).toBeGreaterThan(many!);
    expect(tMixtureMultiplier(0.05, 0.1, 0)).toBe(Infinity);
  });
});
