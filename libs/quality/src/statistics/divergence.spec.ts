import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  divergence,
  eValueOf,
  countDivergence,
  shareDistances,
  shareDivergence,
  totalVariation,
  shares,
  type DivergenceKind,
} from './divergence.js';
import { ksBounds } from './ks-bounds.js';
import { logVarianceNoise, meanShift, spreadShift } from './moment-shift.js';
import { Random } from './random.js';

const kinds: DivergenceKind[] = ['psi', 'kullback-leibler', 'jensen-shannon', 'hellinger', 'chi-square'];
const law = (bins: number) => {
  const weights = Array.from({ length: bins }, (_, i) => 1 + (i % 4));
  const sum = weights.reduce((a, b) => a + b);
  return weights.map((weight) => weight / sum);
};
function draw(random: Random, probabilities: readonly number[], n: number): number[] {
  const counts = probabilities.map(() => 0);
  for (let k = 0; k < n; k++) {
    let u = random.uniform();
    let i = 0;
    while (i < counts.length - 1 && (u -= probabilities[i]!) >= 0) i++;
    counts[i]!++;
  }
  return counts;
}

describe('divergences of histograms', () => {
  it('should be what their formulas say', () => {
    const [p, q] = [
      [0.1, 0.2, 0.3, 0.4],
      [0.25, 0.25, 0.25, 0.25],
    ];
    expect(shareDivergence('psi', p, q)).toBeCloseTo(0.228217409573, 10);
    expect(Math.sqrt(shareDivergence('jensen-shannon', p, q))).toBeCloseTo(0.166929965726, 10);
    expect(Math.sqrt(shareDivergence('hellinger', p, q))).toBeCloseTo(0.167899596403, 10);
    expect(shareDivergence('kullback-leibler', p, q)).toBeCloseTo(0.106440135286, 10);
    expect(shareDistances(p, q).totalVariation).toBeCloseTo(0.2, 12);
    expect(divergence('chi-square', [50, 30, 20], [30, 40, 30]).value).toBeCloseTo(8.428571429, 8);
    expect(divergence('chi-square', [50, 30, 20], [30, 40, 30]).p).toBeCloseTo(0.014782877, 8);
  });

  it('should be 0 for the same, symmetric where they should be, and never negative', () => {
    const counts = fc.array(fc.integer({ min: 0, max: 500 }), { minLength: 5, maxLength: 5 });
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        for (const kind of kinds) {
          expect(divergence(kind, a, a).value).toBeCloseTo(0, 12);
          const { value, p } = divergence(kind, a, b);
          expect(value).toBeGreaterThanOrEqual(0);
          expect(p).toBeGreaterThanOrEqual(0);
          expect(p).toBeLessThanOrEqual(1);
          if (kind !== 'kullback-leibler') expect(divergence(kind, b, a).value).toBeCloseTo(value, 9);
        }
      }),
    );
    expect(() => divergence('psi', [1, 2], [1, 2, 3])).toThrow(
      expect.objectContaining({ code: 'quality.histograms-differ' }),
    );
  });

  it('should be of counts what they are of their shares', () => {
    const counts = fc
      .array(fc.integer({ min: 0, max: 500 }), { minLength: 5, maxLength: 5 })
      .filter((of) => of.some((count) => count > 0));
    fc.assert(
      fc.property(counts, counts, (a, b) => {
        for (const kind of ['psi', 'kullback-leibler', 'jensen-shannon', 'hellinger'] as const)
          expect(countDivergence(kind, a, b)).toBe(shareDivergence(kind, shares(a), shares(b)));
        expect(totalVariation(a, b)).toBe(shareDistances(shares(a, 0), shares(b, 0)).totalVariation);
      }),
    );
  });

  // 300 draws of each; 5 % are flagged at p < .05 up to sampling error and the lattice of small counts.
  it.each([
    [16, 100, 5_000],
    [16, 400, 400],
    [4, 100, 1_000],
    [16, 50, 10_000],
  ])('should keep their law with %d bins, n = %d and a baseline of %d', (bins, n, m) => {
    const random = new Random(bins + n);
    const runs = 300;
    const flagged = kinds.map(() => 0);
    const sums = kinds.map(() => 0);
    let ks = 0;
    for (let run = 0; run < runs; run++) {
      const [reference, current] = [draw(random, law(bins), m), draw(random, law(bins), n)];
      kinds.forEach((kind, i) => {
        const { value, expected, p } = divergence(kind, reference, current);
        sums[i]! += value / expected / runs;
        if (p < 0.05) flagged[i]! += 1 / runs;
      });
      if (ksBounds(reference, current).p < 0.05) ks += 1 / runs;
    }
    for (const share of flagged) {
      expect(share).toBeGreaterThan(0.01);
      expect(share).toBeLessThan(0.09);
    }
    for (const sum of sums) expect(Math.abs(sum - 1)).toBeLessThan(0.09);
    expect(ks).toBeLessThan(0.08);
  });

  it('should flag few when healthy devices differ and the dispersion says so', () => {
    // Shares of each device vary with a variance of 4 / n beyond sampling: five times the multinomial one.
    const random = new Random(12);
    const [runs, n] = [300, 200];
    const known = law(8).map((share) => share * 1e9);
    let [naive, fair] = [0, 0];
    for (let run = 0; run < runs; run++) {
      const own = law(8).map((share) => Math.max(1e-3, share + random.normal() * Math.sqrt((4 * share) / n)));
      const sum = own.reduce((a, b) => a + b);
      const counts = draw(
        random,
        own.map((share) => share / sum),
        n,
      );
      if (divergence('chi-square', known, counts, { knownBaseline: true }).p < 0.01) naive++;
      if (divergence('chi-square', known, counts, { knownBaseline: true, dispersion: 5 }).p < 0.01) fair++;
    }
    expect(naive / runs).toBeGreaterThan(0.4);
    expect(fair / runs).toBeLessThan(0.035);
  });

  it('should count an empty bin as half an observation', () => {
    expect([...shares([0, 10])]).toEqual([0.05, 1]);
    expect([...shares([0, 10], 1e-4)]).toEqual([1e-4, 1]);
    expect(Number.isFinite(divergence('psi', [0, 100], [50, 50]).value)).toBe(true);
  });
});

describe('bounds of the Kolmogorov-Smirnov distance', () => {
  it('should hold the distance of the observations between them', () => {
    const random = new Random(8);
    const edges = [-1.5, -0.5, 0, 0.5, 1.5];
    const bins = (xs: readonly number[]) =>
      [...edges, Infinity].map(
        (edge, i) => xs.filter((x) => x < edge && x >= (edges[i - 1] ?? -Infinity)).length,
      );
    const distance = (a: readonly number[], b: readonly number[]) =>
      Math.max(
        ...[...a, ...b].map((x) =>
          Math.abs(a.filter((y) => y <= x).length / a.length - b.filter((y) => y <= x).length / b.length),
        ),
      );
    for (const shift of [0, 0.3, 1]) {
      const a = Array.from({ length: 80 }, () => random.normal());
      const b = Array.from({ length: 60 }, () => random.normal() + shift);
      const { low, high } = ksBounds(bins(a), bins(b));
      expect(distance(a, b)).toBeGreaterThanOrEqual(low - 1e-12);
      expect(distance(a, b)).toBeLessThanOrEqual(high + 1e-12);
    }
  });
});

describe('shifts of moments', () => {
  const momentsOf = (xs: readonly number[]) => ({
    n: xs.length,
    sum: xs.reduce((a, b) => a + b, 0),
    sumSquares: xs.reduce((a, b) => a + b * b, 0),
  });

  it('should be Welch and his degrees of freedom', () => {
    const reference = momentsOf([38.7, 41.5, 43.8, 44.5, 45.5, 46.0, 47.7, 58.0]);
    const current = momentsOf([39.2, 39.3, 39.7, 41.4, 41.8, 42.9, 43.3, 45.8]);
    const shift = meanShift(reference, current);
    expect(shift.difference).toBeCloseTo(-4.0375, 10);
    expect(shift.p).toBeCloseTo(0.0948, 3);
    expect(meanShift(reference, current, { variance: 4, df: 20 }).p).toBeGreaterThan(shift.p);
  });

  it('should keep their laws, and the one of the spread for heavy tails too', () => {
    const random = new Random(3);
    const [runs, n] = [1_000, 100];
    let [mean, spread, heavy, naive] = [0, 0, 0, 0];
    const normal = () => random.normal();
    // Laplace: kurtosis 6.
    const laplace = () => random.exponential() - random.exponential();
    const baseline = momentsOf(Array.from({ length: 10_000 }, normal));
    const heavyBaseline = momentsOf(Array.from({ length: 10_000 }, laplace));
    for (let run = 0; run < runs; run++) {
      const current = momentsOf(Array.from({ length: n }, normal));
      if (meanShift(baseline, current).p < 0.05) mean++;
      if (spreadShift(baseline, current).p < 0.05) spread++;
      const tails = momentsOf(Array.from({ length: n }, laplace));
      if (spreadShift(heavyBaseline, tails, { kurtosis: 6 }).p < 0.05) heavy++;
      if (spreadShift(heavyBaseline, tails).p < 0.05) naive++;
    }
    for (const count of [mean, spread]) expect(Math.abs(count / runs - 0.05)).toBeLessThan(0.022);
    expect(heavy / runs).toBeLessThan(0.1);
    expect(naive / runs).toBeGreaterThan(0.15);
    expect(logVarianceNoise(101, 3)).toBeCloseTo(0.02, 12);
  });

  it('should call a feature that stands still a shift of spread, without dividing by zero', () => {
    const moving = momentsOf([1, 2, 3, 4, 5, 6, 7, 8]);
    const still = momentsOf([3, 3, 3, 3, 3, 3, 3, 3]);
    expect(spreadShift(moving, still)).toMatchObject({ effect: expect.closeTo(-1, 5) as unknown });
    expect(spreadShift(moving, still).p).toBeLessThan(1e-6);
    expect(spreadShift(still, still)).toMatchObject({ z: 0, p: 1 });
    expect(meanShift(still, still)).toMatchObject({ z: 0, p: 1 });
  });
});

describe('eValueOf', () => {
  it('should have expectation 1 at most when p is uniform', () => {
    let sum = 0;
    const steps = 50_000;
    for (let i = 0; i < steps; i++) sum += eValueOf((i + 0.5) / steps) / steps;
    expect(sum).toBeLessThanOrEqual(1);
    expect(sum).toBeGreaterThan(0.85);
    expect(eValueOf(1e-4)).toBeGreaterThan(100);
  });
});
