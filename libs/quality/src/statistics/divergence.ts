/**
 * How far two histograms over the same bins are apart, each distance with its law when nothing has changed.
 *
 * With shares p = counts of n and q = counts of m, every one of them is an f-divergence sum q f(p/q), and to first order, when nothing
 * has changed, D ~ f''(1)/2 (1/n + 1/m) chi-square(B - 1): E PSI = (B-1)(1/n + 1/m) (Yurdakul and Naranjo 2020, "Statistical
 * properties of the population stability index", J. Risk Model Validation 14). At the n of a device that is off by a tenth and more,
 * so the mean is computed: bins with few expected counts by summing over the binomial law, the others by the expansion to fourth
 * order with E d^2 = o/n, E d^3 = o (1-2q)/q / n^2, E d^4 = 3 o^2 / n^2, d = p/q - 1, o = (1-q)/q; the baseline's own noise is added
 * the same way, with the derivatives of t f(1/t). The law is a chi-square(B - 1) stretched to that mean.
 *
 * f''(1), f'''(1), f''''(1): PSI (t-1) ln t: 2, -3, 8. Kullback-Leibler t ln t: 1, -1, 2. Jensen-Shannon, natural logarithms: 1/4, -3/8,
 * 7/8. Squared Hellinger 1 - sqrt t: 1/4, -3/8, 15/16.
 *
 * `dispersion` is how much more the counts vary between healthy windows than independent draws do (the design effect of Rao and
 * Scott 1981, JASA 76): it multiplies the law. 1 judges a device as if all devices were identical.
 */
import { FleetError } from '@tinyfleet/errors';
import { chiSquareTail } from './distributions.js';

export type DivergenceKind = 'psi' | 'kullback-leibler' | 'jensen-shannon' | 'hellinger' | 'chi-square';

export interface Divergence {
  readonly kind: DivergenceKind;
  /** Hellinger and Jensen-Shannon as divergences, not as their roots; chi-square as the statistic of homogeneity. */
  readonly value: number;
  /** Its mean when nothing has changed. */
  readonly expected: number;
  readonly df: number;
  /** Chance of at least this value when nothing has changed. */
  readonly p: number;
}

export interface DivergenceOptions {
  /** At least 1. Default 1. */
  readonly dispersion?: number;
  /** Baseline known exactly (m = infinity), its counts being mere shares. Default false. */
  readonly knownBaseline?: boolean;
}

type ShareKind = Exclude<DivergenceKind, 'chi-square'>;

const derivatives: Record<ShareKind, readonly [number, number, number]> = {
  psi: [2, -3, 8],
  'kullback-leibler': [1, -1, 2],
  'jensen-shannon': [1 / 4, -3 / 8, 7 / 8],
  hellinger: [1 / 4, -3 / 8, 15 / 16],
};

/**
 * @param reference counts of the baseline, @param current counts of the window, same bins
 * @throws quality.histograms-differ
 */
export function divergence(
  kind: DivergenceKind,
  reference: ArrayLike<number>,
  current: ArrayLike<number>,
  { dispersion = 1, knownBaseline = false }: DivergenceOptions = {},
): Divergence {
  sameBins(reference, current);
  const [m, n] = [total(reference), total(current)];
  if (m === 0 || n === 0) return { kind, value: 0, expected: 0, df: 0, p: 1 };
  let [used, mean] = [0, 0];
  for (let i = 0; i < reference.length; i++) {
    const pooled = knownBaseline ? reference[i]! / m : (reference[i]! + current[i]!) / (m + n);
    if (pooled === 0) continue;
    used++;
    if (kind === 'chi-square') continue;
    mean += expectedTerm(kind, pooled, n, false) + (knownBaseline ? 0 : expectedTerm(kind, pooled, m, true));
  }
  const df = Math.max(0, used - 1);
  // The statistic of homogeneity has its degrees of freedom as its mean.
  const expected = dispersion * (kind === 'chi-square' ? df : mean);
  const value =
    kind === 'chi-square'
      ? homogeneity(reference, current, knownBaseline)
      : countDivergence(kind, current, reference);
  return { kind, value, expected, df, p: df === 0 ? 1 : chiSquareTail((value * df) / expected, df) };
}

/** Expected counts below which the law of a bin is summed instead of expanded. */
const FEW = 25;

/** What a bin of share q adds to the mean, from the noise of one sample of n. @param isBaseline the sample is the baseline's */
function expectedTerm(kind: ShareKind, q: number, n: number, isBaseline: boolean): number {
  if (q >= 1) return 0;
  if (n * q < FEW) return summedTerm(kind, q, n, isBaseline);
  const [f2, f3, f4] = derivatives[kind];
  const odds = (1 - q) / q;
  // Of t f(1/t) when the sample is in the denominator.
  const [third, fourth] = isBaseline ? [-f3 - 3 * f2, f4 + 8 * f3 + 12 * f2] : [f3, f4];
  const noise = odds / n;
  return (
    q * ((f2 / 2) * noise + (third / 6) * noise * ((1 - 2 * q) / (q * n)) + (fourth / 8) * noise * noise)
  );
}

function summedTerm(kind: ShareKind, q: number, n: number, isBaseline: boolean): number {
  let chance = Math.exp(n * Math.log1p(-q));
  let sum = 0;
  const last = Math.min(n, Math.ceil(n * q + 10 * Math.sqrt(n * q) + 12));
  for (let count = 0; count <= last; count++) {
    const share = count === 0 ? 0.5 / n : count / n;
    sum += chance * (isBaseline ? term(kind, q, share) : term(kind, share, q));
    chance *= ((n - count) / (count + 1)) * (q / (1 - q));
  }
  return sum;
}

/** Pearson's statistic of homogeneity, or of fit to a baseline known exactly. Infinite where a baseline of 0 is left. */
function homogeneity(reference: ArrayLike<number>, current: ArrayLike<number>, isKnown: boolean): number {
  const [m, n] = [total(reference), total(current)];
  let sum = 0;
  for (let i = 0; i < reference.length; i++) {
    const [r, c] = [reference[i]!, current[i]!];
    if (r === 0 && c === 0) continue;
    sum += isKnown ? (c - (n * r) / m) ** 2 / ((n * r) / m) : (m * c - n * r) ** 2 / (n * m * (r + c));
  }
  return sum;
}

/** The divergence of the shares p of a window from the q of a baseline; infinite where only one is 0, for PSI and Kullback-Leibler. */
export function shareDivergence(kind: ShareKind, p: ArrayLike<number>, q: ArrayLike<number>): number {
  sameBins(p, q);
  let sum = 0;
  for (let i = 0; i < p.length; i++) sum += term(kind, p[i]!, q[i]!);
  return Math.max(0, sum);
}

/** The divergence of `shares` of counts of a window from those of a baseline. Pages ask for tens of thousands, so none are made. */
export function countDivergence(
  kind: ShareKind,
  current: ArrayLike<number>,
  reference: ArrayLike<number>,
): number {
  sameBins(current, reference);
  const [n, m] = [total(current), total(reference)];
  let sum = 0;
  for (let i = 0; i < current.length; i++)
    sum += term(kind, shareOf(current[i]!, n), shareOf(reference[i]!, m));
  return Math.max(0, sum);
}

/** One bin. Kullback-Leibler with q - p added, which sums to 0 over shares and makes every term non-negative. */
function term(kind: ShareKind, p: number, q: number): number {
  switch (kind) {
    case 'psi':
      return p === q ? 0 : (p - q) * Math.log(p / q);
    case 'kullback-leibler':
      return (p === 0 ? 0 : p * Math.log(p / q)) + q - p;
    case 'jensen-shannon':
      return (entropyTerm(p, (p + q) / 2) + entropyTerm(q, (p + q) / 2)) / 2;
    case 'hellinger':
      return (Math.sqrt(p) - Math.sqrt(q)) ** 2 / 2;
  }
}

const entropyTerm = (a: number, middle: number): number => (a === 0 ? 0 : a * Math.log(a / middle));

/** Half the summed difference of the shares of two counts, neither of them empty. */
export function totalVariation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  sameBins(a, b);
  const [m, n] = [total(a), total(b)];
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += Math.abs(a[i]! / m - b[i]! / n);
  return sum / 2;
}

/** Largest and half the summed difference of shares. */
export function shareDistances(
  p: ArrayLike<number>,
  q: ArrayLike<number>,
): { largest: number; totalVariation: number } {
  sameBins(p, q);
  let [largest, sum] = [0, 0];
  for (let i = 0; i < p.length; i++) {
    const difference = Math.abs(p[i]! - q[i]!);
    largest = Math.max(largest, difference);
    sum += difference;
  }
  return { largest, totalVariation: sum / 2 };
}

/**
 * Shares of counts. Empty bins count as half an observation, without which PSI is infinite; the rest is as counted, so that bins
 * without a zero are untouched.
 */
export function shares(counts: ArrayLike<number>, emptyShare?: number): Float64Array {
  const n = total(counts);
  // Float64Array.from with a function takes ten times as long.
  const of = new Float64Array(counts.length);
  for (let i = 0; i < of.length; i++) of[i] = shareOf(counts[i]!, n, emptyShare);
  return of;
}

function shareOf(count: number, n: number, emptyShare?: number): number {
  if (n > 0 && count > 0) return count / n;
  return emptyShare ?? (n > 0 ? 0.5 / n : 0);
}

export function total(counts: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < counts.length; i++) sum += counts[i]!;
  return sum;
}

export function sameBins(a: ArrayLike<number>, b: ArrayLike<number>): void {
  if (a.length !== b.length)
    throw new FleetError('quality.histograms-differ', { left: a.length, right: b.length });
}

/**
 * An e-value from a p-value, valid for any p-value: the average of the calibrators k p^(k-1) over k in 0..1,
 *   e = (1 - p + p ln p) / (p (ln p)^2)   (Vovk and Wang 2021, "E-values: calibration, combination and applications", Ann. Statist. 49).
 */
export function eValueOf(p: number): number {
  if (p >= 1) return 0.5;
  if (p <= 0) return Infinity;
  const log = Math.log(p);
  return (1 - p + p * log) / (p * log * log);
}
