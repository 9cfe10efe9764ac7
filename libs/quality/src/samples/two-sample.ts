/**
 * Two-sample tests on raw observations: for captured samples and labelled data, where they exist. Devices send sums, which
 * libs/quality/src/statistics is for. Each says its source; ties as named there.
 */
import {
  chiSquareTail,
  logGamma,
  normalCdf,
  normalTwoSided,
  studentTwoSided,
} from '../statistics/distributions.js';
import { Random } from '../statistics/random.js';

type Sample = readonly number[];
const meanOf = (xs: Sample): number => xs.reduce((a, b) => a + b, 0) / xs.length;
const squaresOf = (xs: Sample): number => {
  const mean = meanOf(xs);
  return xs.reduce((sum, x) => sum + (x - mean) ** 2, 0);
};

/** Student's t with a common variance. */
export function studentTest(a: Sample, b: Sample): { t: number; p: number } {
  const df = a.length + b.length - 2;
  const pooled = (squaresOf(a) + squaresOf(b)) / df;
  const t = (meanOf(a) - meanOf(b)) / Math.sqrt(pooled * (1 / a.length + 1 / b.length));
  return { t, p: studentTwoSided(t, df) };
}

/** Two shares with a pooled variance. */
export function twoProportionTest(k1: number, n1: number, k2: number, n2: number): { z: number; p: number } {
  const p = (k1 + k2) / (n1 + n2);
  const sd = Math.sqrt(p * (1 - p) * (1 / n1 + 1 / n2));
  const z = sd > 0 ? (k1 / n1 - k2 / n2) / sd : 0;
  return { z, p: normalTwoSided(z) };
}

/** Fisher's exact test of a 2 x 2 table, two-sided: all tables that are at most as likely as this one. */
export function fisherExact(a: number, b: number, c: number, d: number): number {
  const choose = (n: number, k: number) => logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1);
  const [row, column, n] = [a + b, a + c, a + b + c + d];
  const logChance = (x: number) => choose(column, x) + choose(n - column, row - x) - choose(n, row);
  const observed = logChance(a) + 1e-7;
  let p = 0;
  for (let x = Math.max(0, row - (n - column)); x <= Math.min(row, column); x++)
    if (logChance(x) <= observed) p += Math.exp(logChance(x));
  return Math.min(1, p);
}

/** Likelihood ratio against given expected counts. */
export function gTest(observed: Sample, expected: Sample): { g: number; p: number } {
  const g = observed.reduce((sum, o, i) => sum + (o > 0 ? 2 * o * Math.log(o / expected[i]!) : 0), 0);
  return { g, p: chiSquareTail(g, observed.length - 1) };
}

/** Mann-Whitney U of the first sample, normal approximation with ties and continuity; p that the first is smaller. */
export function mannWhitneyLess(a: Sample, b: Sample): { u: number; p: number } {
  const ranks = midRanks([...a, ...b]);
  const [n, m] = [a.length, b.length];
  const u = ranks.rank.slice(0, n).reduce((sum, r) => sum + r, 0) - (n * (n + 1)) / 2;
  const total = n + m;
  const sd = Math.sqrt(((n * m) / 12) * (total + 1 - ranks.ties / (total * (total - 1))));
  return { u, p: normalCdf((u - (n * m) / 2 + 0.5) / sd) };
}

/** Ranks with ties shared, and sum of t^3 - t. */
function midRanks(values: Sample): { rank: number[]; ties: number } {
  const order = values.map((_, i) => i).sort((i, j) => values[i]! - values[j]!);
  const rank = new Array<number>(values.length).fill(0);
  let ties = 0;
  for (let start = 0; start < order.length;) {
    let end = start;
    while (end < order.length && values[order[end]!] === values[order[start]!]) end++;
    for (let i = start; i < end; i++) rank[order[i]!] = (start + end + 1) / 2;
    ties += (end - start) ** 3 - (end - start);
    start = end;
  }
  return { rank, ties };
}

/** Mean absolute difference of the quantile functions. */
export function wassersteinDistance(a: Sample, b: Sample): number {
  return integrateCdfs(a, b, Math.abs);
}

/** sqrt(2 integral (F - G)^2) (Szekely and Rizzo 2013). */
export function energyDistance(a: Sample, b: Sample): number {
  return Math.sqrt(2 * integrateCdfs(a, b, (d) => d * d));
}

function integrateCdfs(a: Sample, b: Sample, of: (difference: number) => number): number {
  const [x, y] = [Float64Array.from(a).sort(), Float64Array.from(b).sort()];
  let [i, j, sum] = [0, 0, 0];
  let at = Math.min(x[0]!, y[0]!);
  while (i < x.length || j < y.length) {
    const next = Math.min(x[i] ?? Infinity, y[j] ?? Infinity);
    sum += (next - at) * of(i / x.length - j / y.length);
    at = next;
    while (i < x.length && x[i] === next) i++;
    while (j < y.length && y[j] === next) j++;
  }
  return sum;
}

/** Cramer-von Mises two-sample T and its asymptotic p (Anderson 1962; the limit by Csorgo and Faraway 1996). */
export function cramerVonMises(a: Sample, b: Sample): { statistic: number; p: number } {
  const [n, m] = [a.length, b.length];
  const ranks = midRanks([...a, ...b]).rank;
  const sumOf = (values: number[], size: number) =>
    size * values.sort((u, v) => u - v).reduce((sum, rank, i) => sum + (rank - i - 1) ** 2, 0);
  const u = sumOf(ranks.slice(0, n), n) + sumOf(ranks.slice(n), m);
  const t = u / (n * m * (n + m)) - (4 * n * m - 1) / (6 * (n + m));
  const mean = (1 + 1 / (n + m)) / 6;
  const variance =
    ((n + m + 1) * (4 * n * m * (n + m) - 3 * (n * n + m * m) - 2 * n * m)) / (45 * (n + m) ** 2 * 4 * n * m);
  const standard = 1 / 6 + (t - mean) / Math.sqrt(45 * variance);
  return { statistic: t, p: standard < 0.003 ? 1 : Math.max(0, 1 - cramerVonMisesCdf(standard)) };
}

/** Limit law: sum over k of Gamma(k+1/2) sqrt(4k+1) / (pi^(3/2) k! sqrt x) exp(-y) K_1/4(y), y = (4k+1)^2 / (16 x). */
function cramerVonMisesCdf(x: number): number {
  let sum = 0;
  for (let k = 0; k < 100; k++) {
    const y = (4 * k + 1) ** 2 / (16 * x);
    const term =
      (Math.exp(logGamma(k + 0.5) - logGamma(k + 1)) / (Math.PI ** 1.5 * Math.sqrt(x))) *
      Math.sqrt(4 * k + 1) *
      Math.exp(-y) *
      besselK(0.25, y);
    sum += term;
    if (Math.abs(term) < 1e-9) break;
  }
  return sum;
}

/** Modified Bessel function of the second kind: integral over t of exp(-x cosh t) cosh(v t), by the trapezoidal rule. */
function besselK(v: number, x: number): number {
  const step = 0.02;
  let sum = 0.5 * Math.exp(-x);
  for (let t = step; t < 30; t += step) {
    const term = Math.exp(-x * Math.cosh(t)) * Math.cosh(v * t);
    sum += term;
    if (term < 1e-18 * sum) break;
  }
  return sum * step;
}

/** Share of permutations of the pooled observations whose statistic is at least the observed one, or below it by `tie`: sums round. */
export function permutationTest(
  a: Sample,
  b: Sample,
  statistic: (a: Sample, b: Sample) => number,
  { permutations = 1_000, seed = 1, observed = statistic(a, b), tie = 1e-12 } = {},
): number {
  const random = new Random(seed);
  const pooled = [...a, ...b];
  let count = 0;
  for (let run = 0; run < permutations; run++) {
    for (let i = pooled.length - 1; i > 0; i--) {
      const j = Math.floor(random.uniform() * (i + 1));
      [pooled[i], pooled[j]] = [pooled[j]!, pooled[i]!];
    }
    if (statistic(pooled.slice(0, a.length), pooled.slice(a.length)) >= observed - tie) count++;
  }
  return count / permutations;
}

/** Total variation distance of two samples of categories. */
export function totalVariation(a: Sample, b: Sample): number {
  const shares = new Map<number, number>();
  for (const x of a) shares.set(x, (shares.get(x) ?? 0) + 1 / a.length);
  for (const x of b) shares.set(x, (shares.get(x) ?? 0) - 1 / b.length);
  let sum = 0;
  for (const share of shares.values()) sum += Math.abs(share);
  return sum / 2;
}

/** Width of the kernel: sqrt(median of squared distances / 2), the median taken as an element, of the given distances. */
export function medianSigma(squaredDistances: Sample): number {
  const sorted = [...squaredDistances].sort((x, y) => x - y);
  return Math.sqrt(0.5 * sorted[Math.round((sorted.length - 1) / 2)]!);
}

/** Unbiased squared maximum mean discrepancy with a Gaussian kernel (Gretton et al. 2012, JMLR 13). */
export function mmdSquared(a: Sample, b: Sample, sigma: number): number {
  const kernel = (x: number, y: number) =>
    sigma > 0 ? Math.exp(-((x - y) ** 2) / (2 * sigma * sigma)) : Number(x === y);
  const within = (xs: Sample) => {
    let sum = 0;
    for (let i = 0; i < xs.length; i++) for (let j = 0; j < i; j++) sum += 2 * kernel(xs[i]!, xs[j]!);
    return sum / (xs.length * (xs.length - 1));
  };
  let across = 0;
  for (const x of a) for (const y of b) across += kernel(x, y);
  return within(a) + within(b) - (2 * across) / (a.length * b.length);
}
