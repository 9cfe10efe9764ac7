// What other monitoring tools compute, as far as the shared vectors ask for it and the product does not: two-sample tests of raw
// data, sketches, and how detectors are scored. Sources are named at each.
import { chiSquareTail } from '../src/statistics/distributions.js';
import { solveLinear } from '../src/statistics/quadrature.js';

/** numpy's legacy generator (MT19937, polar normals), for the cases that give a seed instead of data. */
export function numpyNormals(seed: number): () => number {
  const state = new Uint32Array(624);
  state[0] = seed >>> 0;
  for (let i = 1; i < 624; i++)
    state[i] = Math.imul(1_812_433_253, state[i - 1]! ^ (state[i - 1]! >>> 30)) + i;
  let at = 624;
  const next = (): number => {
    if (at === 624) {
      for (let i = 0; i < 624; i++) {
        const y = (state[i]! & 0x80000000) | (state[(i + 1) % 624]! & 0x7fffffff);
        state[i] = state[(i + 397) % 624]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
      }
      at = 0;
    }
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
  const uniform = () => ((next() >>> 5) * 67_108_864 + (next() >>> 6)) / 9_007_199_254_740_992;
  let spare: number | undefined;
  return () => {
    if (spare !== undefined) {
      const kept = spare;
      spare = undefined;
      return kept;
    }
    for (;;) {
      const x = 2 * uniform() - 1;
      const y = 2 * uniform() - 1;
      const s = x * x + y * y;
      if (s >= 1 || s === 0) continue;
      const factor = Math.sqrt((-2 * Math.log(s)) / s);
      spare = factor * x;
      return factor * y;
    }
  };
}

/** Yates' correction of a 2 x 2 table: every difference from expectation half a count smaller. */
export function yatesP(
  reference: readonly number[],
  current: readonly number[],
): { statistic: number; p: number } {
  const [m, n] = [reference, current].map((counts) => counts.reduce((a, b) => a + b)) as [number, number];
  let statistic = 0;
  reference.forEach((r, i) => {
    const column = r + current[i]!;
    for (const [observed, size] of [
      [r, m],
      [current[i]!, n],
    ] as const) {
      const expected = (column * size) / (m + n);
      statistic += Math.max(0, Math.abs(observed - expected) - 0.5) ** 2 / expected;
    }
  });
  return { statistic, p: chiSquareTail(statistic, 1) };
}

/**
 * Anderson-Darling for two samples, the form with midranks (Scholz and Stephens 1987, JASA 82); p from a parabola through the logarithms
 * of their seven tabled levels.
 */
export function andersonDarlingP(a: readonly number[], b: readonly number[]): number {
  const samples = [a, b];
  const pooled = [...a, ...b].sort((x, y) => x - y);
  const n = pooled.length;
  const distinct = [...new Set(pooled)];
  const count = (xs: readonly number[], is: (x: number) => boolean) => xs.filter(is).length;
  let sum = 0;
  for (const sample of samples) {
    let inner = 0;
    for (const z of distinct) {
      const ties = count(pooled, (x) => x === z);
      const below = count(pooled, (x) => x < z) + ties / 2;
      const own = count(sample, (x) => x < z) + count(sample, (x) => x === z) / 2;
      inner += ((ties / n) * (n * own - below * sample.length) ** 2) / (below * (n - below) - (n * ties) / 4);
    }
    sum += inner / sample.length;
  }
  const statistic = (sum * (n - 1)) / n;
  const inverse = 1 / a.length + 1 / b.length;
  let h = 0;
  for (let i = 1; i < n; i++) h += 1 / i;
  let g = 0;
  for (let i = 1; i < n - 1; i++) for (let j = i + 1; j < n; j++) g += 1 / ((n - i) * j);
  const k = 2;
  const [c1, c2, c3, c4] = [
    (4 * g - 6) * (k - 1) + (10 - 6 * g) * inverse,
    (2 * g - 4) * k * k + 8 * h * k + (2 * g - 14 * h - 4) * inverse - 8 * h + 4 * g - 6,
    (6 * h + 2 * g - 2) * k * k + (4 * h - 4 * g + 6) * k + (2 * h - 6) * inverse + 4 * h,
    (2 * h + 6) * k * k - 4 * h * k,
  ];
  const variance = (c1 * n ** 3 + c2 * n ** 2 + c3 * n + c4) / ((n - 1) * (n - 2) * (n - 3));
  const standard = (statistic - 1) / Math.sqrt(variance);
  const critical = [0.325, 1.226, 1.961, 2.718, 3.752, 4.592, 6.546];
  const levels = [0.25, 0.1, 0.05, 0.025, 0.01, 0.005, 0.001].map(Math.log);
  const [p0, p1, p2] = parabola(critical, levels);
  return Math.exp(p0 + p1 * standard + p2 * standard ** 2);
}

/** Least squares. */
function parabola(xs: readonly number[], ys: readonly number[]): [number, number, number] {
  const matrix = new Float64Array(9);
  const right = new Float64Array(3);
  xs.forEach((x, i) => {
    for (let r = 0; r < 3; r++) {
      right[r]! += x ** r * ys[i]!;
      for (let c = 0; c < 3; c++) matrix[r * 3 + c]! += x ** (r + c);
    }
  });
  return [...solveLinear(matrix, right)] as [number, number, number];
}

/** How detectors are scored against known drifts: alarms within `before` .. `after` of a drift are hits, the others false. */
export function scoreAlarms(
  alarms: readonly number[],
  drifts: readonly (number | readonly [number, number])[],
  { after, before = 0 }: { after: number; before?: number },
) {
  const windows = drifts.map((drift) => (typeof drift === 'number' ? [drift, drift] : drift));
  const hits = new Map<number, number[]>();
  const falseAlarms: number[] = [];
  for (const alarm of alarms) {
    const at = windows.findIndex(([from, to]) => alarm >= from - before && alarm <= to + after);
    if (at < 0) falseAlarms.push(alarm);
    else hits.set(at, [...(hits.get(at) ?? []), alarm]);
  }
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  const hitCount = [...hits.values()].flat().length;
  const delay = mean([...hits].map(([i, found]) => Math.min(...found) - windows[i]![0]));
  const precision = hitCount / alarms.length;
  const episodeRecall = hits.size / drifts.length;
  const between = mean(falseAlarms.slice(1).map((alarm, i) => alarm - falseAlarms[i]!));
  return {
    hits: Object.fromEntries(hits),
    precision,
    recall: hitCount / (hitCount + drifts.length - hits.size),
    episode_recall: episodeRecall,
    f1: (2 * precision * episodeRecall) / (precision + episodeRecall),
    detection_delay: delay,
    normalized_detection_time: delay / after,
    false_alarms: falseAlarms.length,
    mean_time_between_false_alarms: between,
    mean_time_ratio: (between / delay) * episodeRecall,
  };
}

/** Bins for a histogram: Sturges 1926; Doane 1976. */
export function binCounts(data: readonly number[]): { sturges: number; doane: number } {
  const n = data.length;
  const mean = data.reduce((a, b) => a + b) / n;
  const moment = (power: number) => data.reduce((sum, x) => sum + (x - mean) ** power, 0) / n;
  const skew = moment(3) / moment(2) ** 1.5;
  const sd = Math.sqrt((6 * (n - 2)) / ((n + 1) * (n + 3)));
  const range = Math.max(...data) - Math.min(...data);
  const width = range / (1 + Math.log2(n) + Math.log2(1 + Math.abs(skew) / sd));
  return { sturges: Math.ceil(Math.log2(n) + 1), doane: Math.ceil(range / width) };
}

/** P(D >= d) of one sample of n against its law (Marsaglia, Tsang, Wang 2003, J. Stat. Softw. 8): some tools take it for two samples. */
export function ksOneSampleP(d: number, n: number): number {
  const k = Math.floor(n * d) + 1;
  const m = 2 * k - 1;
  const h = k - n * d;
  let matrix: number[][] = Array.from({ length: m }, (_, i) =>
    Array.from({ length: m }, (__, j) => (i - j + 1 < 0 ? 0 : 1)),
  );
  for (let i = 0; i < m; i++) {
    matrix[i]![0]! -= h ** (i + 1);
    matrix[m - 1]![i]! -= h ** (m - i);
  }
  matrix[m - 1]![0]! += 2 * h - 1 > 0 ? (2 * h - 1) ** m : 0;
  for (let i = 0; i < m; i++)
    for (let j = 0; j < m; j++) for (let g = 1; g <= i - j + 1; g++) matrix[i]![j]! /= g;
  const base = matrix;
  let factorial = 1;
  for (let power = 1; power < n; power++)
    matrix = matrix.map((row) => base.map((_, j) => row.reduce((sum, x, l) => sum + x * base[l]![j]!, 0)));
  for (let i = 1; i <= n; i++) factorial *= i / n;
  return 1 - matrix[k - 1]![k - 1]! * factorial;
}

/** Epps and Singleton 1986, J. Stat. Comput. Simul. 26: characteristic functions at .4 and .8 over half the interquartile range. */
export function eppsSingletonP(a: readonly number[], b: readonly number[]): number {
  const pooled = [...a, ...b].sort((x, y) => x - y);
  const quantile = (q: number) => {
    const at = q * (pooled.length - 1);
    const low = Math.floor(at);
    return pooled[low]! + (at - low) * ((pooled[low + 1] ?? pooled[low]!) - pooled[low]!);
  };
  const sigma = (quantile(0.75) - quantile(0.25)) / 2;
  const n = a.length + b.length;
  const features = (x: number) =>
    [0.4, 0.8].flatMap((t) => [Math.cos((t * x) / sigma), Math.sin((t * x) / sigma)]);
  const covariance = new Float64Array(16);
  const means = [a, b].map((sample) => {
    const rows = sample.map(features);
    const mean = [0, 1, 2, 3].map((f) => rows.reduce((sum, row) => sum + row[f]!, 0) / rows.length);
    for (const row of rows)
      for (let i = 0; i < 4; i++)
        for (let j = 0; j < 4; j++)
          covariance[i * 4 + j]! +=
            ((n / sample.length) * (row[i]! - mean[i]!) * (row[j]! - mean[j]!)) / sample.length;
    return mean;
  });
  const difference = means[0]!.map((value, f) => value - means[1]![f]!);
  const solved = solveLinear(covariance, Float64Array.from(difference));
  return chiSquareTail(n * difference.reduce((sum, value, f) => sum + value * solved[f]!, 0), 4);
}

/** Merging t-digest with the arcsine scale (Dunning and Ertl 2019). */
export class TDigest {
  private readonly means: number[] = [];
  private readonly weights: number[] = [];
  private readonly n: number;

  constructor(values: readonly number[], compression: number) {
    const sorted = [...values].sort((a, b) => a - b);
    this.n = sorted.length;
    const scale = (q: number) => (compression / (2 * Math.PI)) * Math.asin(2 * q - 1);
    let [sum, weight, before] = [0, 0, 0];
    for (const x of sorted) {
      if (weight > 0 && scale((before + weight + 1) / this.n) - scale(before / this.n) > 1) {
        this.means.push(sum / weight);
        this.weights.push(weight);
        before += weight;
        [sum, weight] = [0, 0];
      }
      sum += x;
      weight++;
    }
    this.means.push(sum / weight);
    this.weights.push(weight);
  }

  rank(x: number): number {
    let before = 0;
    for (let i = 0; i + 1 < this.means.length; i++) {
      const [low, high] = [this.means[i]!, this.means[i + 1]!];
      const [from, to] = [
        before + this.weights[i]! / 2,
        before + this.weights[i]! + this.weights[i + 1]! / 2,
      ];
      if (x >= low && x < high) return (from + ((to - from) * (x - low)) / (high - low)) / this.n;
      before += this.weights[i]!;
    }
    return x < this.means[0]! ? 0 : 1;
  }

  quantile(q: number): number {
    let before = 0;
    for (let i = 0; i + 1 < this.means.length; i++) {
      const [from, to] = [
        before + this.weights[i]! / 2,
        before + this.weights[i]! + this.weights[i + 1]! / 2,
      ];
      if (q * this.n <= to)
        return this.means[i]! + ((this.means[i + 1]! - this.means[i]!) * (q * this.n - from)) / (to - from);
      before += this.weights[i]!;
    }
    return this.means.at(-1)!;
  }
}
