import { describe, expect, it } from '@jest/globals';
import { Random } from '../statistics/random.js';
import { bernoulliLattice, bernoulliRunLength } from './bernoulli-cusum.js';
import { BernoulliCusum, Cusum, Ewma } from './index.js';
import {
  cusumRunLength,
  cusumThreshold,
  ewmaLimit,
  ewmaRunLength,
  twoSidedRunLength,
} from './cusum-run-length.js';

describe('run lengths of CUSUM', () => {
  it('should be those of the textbook', () => {
    // Hawkins and Olwell 1998, table 3.1; Montgomery, table 9.4: k = .5 and h = 4 or 5, two-sided.
    expect(twoSidedRunLength(0.5, 4)).toBeCloseTo(168, 0);
    expect(twoSidedRunLength(0.5, 5)).toBeCloseTo(465, 0);
    expect(twoSidedRunLength(0.5, 4, 1)).toBeCloseTo(8.38, 2);
    expect(twoSidedRunLength(0.5, 5, 1)).toBeCloseTo(10.4, 1);
    expect(cusumRunLength(0.5, 5, 0.5)).toBeCloseTo(38, 0);
  });

  it.each([
    [0.25, 10_000, 14.47],
    [0.5, 10_000, 8.05],
    [1, 10_000, 4.17],
    [0.25, 100_000, 19.0],
    [0.5, 100_000, 10.24],
    [1, 100_000, 5.33],
  ])('should give the threshold for k = %d and ARL0 = %d', (k, arl0, h) => {
    expect(Math.abs(cusumThreshold(k, arl0) / h - 1)).toBeLessThan(0.02);
    expect(twoSidedRunLength(k, cusumThreshold(k, arl0)) / arl0).toBeCloseTo(1, 4);
  });

  it('should be what simulated runs take', () => {
    const random = new Random(3);
    const detectors = [
      new Cusum({ reference: { mean: 5, sd: 2 }, arl0: 500 }),
      new Ewma({ reference: { mean: 5, sd: 2 }, arl0: 500 }),
    ];
    for (const detector of detectors) {
      let alarms = 0;
      for (let i = 0; i < 250_000; i++) if (detector.update(5 + 2 * random.normal()) === 'drift') alarms++;
      // 500 alarms expected: three standard errors.
      expect(Math.abs(alarms - 500)).toBeLessThan(67);
    }
  });
});

describe('run lengths of EWMA', () => {
  it('should be those of Crowder and of Lucas and Saccucci', () => {
    // Lucas and Saccucci 1990, table 3: lambda .1, limit 2.814 standard deviations of the average, ARL0 500, 10.3 at 1 sd.
    const sd = Math.sqrt(0.1 / 1.9);
    expect(ewmaRunLength(0.1, 2.814 * sd)).toBeCloseTo(500, -1);
    expect(ewmaRunLength(0.1, 2.814 * sd, 1)).toBeCloseTo(10.3, 0);
    expect(ewmaLimit(0.1, 500) / sd).toBeCloseTo(2.814, 2);
    expect(ewmaRunLength(1, ewmaLimit(1, 370.4))).toBeCloseTo(370.4, 1);
    expect(ewmaLimit(1, 370.398)).toBeCloseTo(3, 3);
  });
});

describe('run lengths of the Bernoulli CUSUM', () => {
  it('should be those of the Markov chain, by simulation', () => {
    const lattice = bernoulliLattice(0.1, 0.2, 300);
    const exact = bernoulliRunLength(0.1, lattice);
    expect(exact).toBeGreaterThanOrEqual(300);
    expect(exact).toBeLessThan(400);
    const random = new Random(9);
    const detector = new BernoulliCusum({ p0: 0.1, p1: 0.2, arl0: 300 });
    let alarms = 0;
    for (let i = 0; i < 400_000; i++)
      if (detector.update(random.uniform() < 0.1 ? 1 : 0) === 'drift') alarms++;
    const expected = 400_000 / exact;
    expect(Math.abs(alarms - expected)).toBeLessThan(3.5 * Math.sqrt(expected));
  });

  it.each([
    [0.1, 0.15, 10_000, 305.5],
    [0.1, 0.2, 10_000, 109.7],
    [0.1, 0.3, 10_000, 39.4],
    [0.1, 0.2, 100_000, 158.6],
  ])('should see a rise from %d to %d at ARL0 %d after %d observations', (p0, p1, arl0, delay) => {
    expect(bernoulliRunLength(p1, bernoulliLattice(p0, p1, arl0)) / delay).toBeLessThan(1.1);
  });

  it('should watch for falls as for rises of the opposite', () => {
    const fall = new BernoulliCusum({ p0: 0.9, p1: 0.8, arl0: 1_000 });
    const rise = new BernoulliCusum({ p0: 0.1, p1: 0.2, arl0: 1_000 });
    expect(fall.lattice).toEqual(rise.lattice);
    const random = new Random(4);
    for (let i = 0; i < 3_000; i++) {
      const x = random.uniform() < (i < 1_000 ? 0.1 : 0.4) ? 1 : 0;
      expect(fall.update(1 - x)).toBe(rise.update(x));
    }
  });

  it.each([
    [0.005, 0.01],
    [0.5, 0.9],
    [0.9, 0.99],
  ])('should find a threshold for %d against %d', (p0, p1) => {
    const lattice = bernoulliLattice(p0, p1, 10_000);
    expect(bernoulliRunLength(p0, lattice)).toBeGreaterThanOrEqual(10_000);
    expect(bernoulliRunLength(p0, lattice)).toBeLessThan(15_000);
  });
});
