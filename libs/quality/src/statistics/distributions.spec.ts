import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  betaCdf,
  betaQuantile,
  chiSquareTail,
  fTail,
  kolmogorovTail,
  logGamma,
  normalCdf,
  normalQuantile,
  normalTail,
  studentTwoSided,
} from './distributions.js';
import { gaussLegendre, solveLinear } from './quadrature.js';

describe('distributions', () => {
  it('should give the tables', () => {
    expect(normalTail(1.959963984540054)).toBeCloseTo(0.025, 12);
    expect(normalTail(6) / 9.865876450376946e-10).toBeCloseTo(1, 9);
    expect(normalQuantile(0.975)).toBeCloseTo(1.959963984540054, 12);
    expect(chiSquareTail(3.841458820694124, 1)).toBeCloseTo(0.05, 12);
    expect(chiSquareTail(24.99579013972863, 15)).toBeCloseTo(0.05, 11);
    expect(studentTwoSided(2.228138851964939, 10)).toBeCloseTo(0.05, 11);
    expect(fTail(4.964602743730711, 1, 10)).toBeCloseTo(0.05, 11);
    expect(betaCdf(0.3, 2, 5)).toBeCloseTo(0.579825, 10);
    expect(kolmogorovTail(1.3580986)).toBeCloseTo(0.05, 6);
    expect(kolmogorovTail(0.99999) - kolmogorovTail(1.00001)).toBeLessThan(1e-4);
    expect(logGamma(0.5)).toBeCloseTo(Math.log(Math.PI) / 2, 12);
    expect(logGamma(101)).toBeCloseTo(363.73937555556347, 9);
  });

  it('should invert', () => {
    const share = fc.double({ min: 1e-12, max: 1 - 1e-12, noNaN: true });
    fc.assert(
      fc.property(
        share,
        (p) => Math.abs(normalCdf(normalQuantile(p)) - p) < 1e-12 + 1e-9 * Math.min(p, 1 - p),
      ),
    );
    const shape = fc.double({ min: 0.5, max: 300, noNaN: true });
    fc.assert(
      fc.property(
        share,
        shape,
        shape,
        (p, a, b) => Math.abs(betaCdf(betaQuantile(p, a, b), a, b) - p) < 1e-6,
      ),
      { numRuns: 50 },
    );
  });

  it('should agree where one is the special case of another', () => {
    for (const z of [0.1, 1, 2.5, 5]) {
      expect(chiSquareTail(z * z, 1)).toBeCloseTo(2 * normalTail(z), 12);
      expect(fTail(z * z, 1, 7)).toBeCloseTo(studentTwoSided(z, 7), 12);
      expect(studentTwoSided(z, 1e7)).toBeCloseTo(2 * normalTail(z), 5);
    }
  });
});

describe('quadrature', () => {
  it('should integrate polynomials exactly', () => {
    const { nodes, weights } = gaussLegendre(5, 0, 2);
    const integral = nodes.reduce((sum, x, i) => sum + weights[i]! * x ** 9, 0);
    expect(integral).toBeCloseTo(2 ** 10 / 10, 10);
  });

  it('should solve with a zero on the diagonal', () => {
    expect([...solveLinear(Float64Array.of(0, 1, 2, 0), Float64Array.of(3, 4))]).toEqual([2, 3]);
  });
});
