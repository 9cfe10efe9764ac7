/**
 * Control of the share of false discoveries. It ranks and marks what is shown; pages are bounded by their budget
 * (page-budget.ts), because a rate of discoveries says nothing about how often a person is woken.
 *
 * Within a round, one p-value a device: Benjamini and Hochberg 1995, "Controlling the false discovery rate", JRSS B 57: reject the k
 * smallest with p_(k) <= q k / N. Valid for devices that are independent given the fleet's hour.
 * Across rounds, and under any dependence: e-BH (Wang and Ramdas 2022, "False discovery rate control with e-values", JRSS B 84):
 * reject the k largest with e_(k) >= N / (alpha k). The features of one device depend on each other, so they are averaged as
 * e-values first, which is an e-value whatever the dependence (Vovk and Wang 2021).
 * For decisions taken one after the other: LORD++ (Ramdas, Yang, Wainwright, Jordan 2017, "Online control of the false discovery rate
 * with decaying memory", NIPS).
 */

export interface Rejections {
  /** By input position. */
  readonly rejected: readonly boolean[];
  readonly count: number;
  /** q k / N of the last one; 0 when there is none. */
  readonly threshold: number;
}

/** @param strict p < q k / N, as some tools have it */
export function benjaminiHochberg(p: ArrayLike<number>, q: number, strict = false): Rejections {
  const n = p.length;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => p[a]! - p[b]!);
  let count = 0;
  for (let k = 1; k <= n; k++) {
    const [value, limit] = [p[order[k - 1]!]!, (q * k) / n];
    if (strict ? value < limit : value <= limit) count = k;
  }
  const rejected = new Array<boolean>(n).fill(false);
  for (let k = 0; k < count; k++) rejected[order[k]!] = true;
  return { rejected, count, threshold: n > 0 ? (q * count) / n : 0 };
}

/** The least q at which each would be rejected. */
export function adjustedP(p: ArrayLike<number>): Float64Array {
  const n = p.length;
  const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => p[b]! - p[a]!);
  const adjusted = new Float64Array(n);
  let least = 1;
  order.forEach((i, place) => {
    least = Math.min(least, (p[i]! * n) / (n - place));
    adjusted[i] = least;
  });
  return adjusted;
}

export function eBenjaminiHochberg(e: ArrayLike<number>, alpha: number): Rejections {
  // 1/e is a p-value by Markov's inequality, and on these the procedure is that of Benjamini and Hochberg.
  return benjaminiHochberg(
    Array.from({ length: e.length }, (_, i) => 1 / e[i]!),
    alpha,
  );
}

/** One e-value of several that may depend on each other in any way. */
export function averageE(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i]!;
  return values.length > 0 ? sum / values.length : 1;
}

/**
 * E-value of a shift, from the sum of k independent standard normal scores: a mixture over shifts of both signs,
 * mean of exp(d S - d^2 k / 2). For a number of scores that was fixed beforehand, or from a start that was.
 */
export function shiftEvidence(sum: number, k: number): number {
  let evidence = 0;
  for (const shift of [0.25, 0.5, 1, 2])
    evidence +=
      Math.exp(shift * sum - (shift * shift * k) / 2) + Math.exp(-shift * sum - (shift * shift * k) / 2);
  return evidence / 8;
}

/** LORD++: the level of each test in turn; half of alpha is the wealth at the start. */
export class Lord {
  private tests = 0;
  private readonly rejections: number[] = [];

  constructor(private readonly alpha: number) {}

  /** Is this one a discovery? */
  test(p: number): boolean {
    this.tests++;
    const start = this.alpha / 2;
    let level = start * gamma(this.tests);
    this.rejections.forEach((at, i) => {
      level += (i === 0 ? this.alpha - start : this.alpha) * gamma(this.tests - at);
    });
    if (p > level) return false;
    this.rejections.push(this.tests);
    return true;
  }
}

/** A sequence that sums to 1: .0722 ln(max(j, 2)) / (j exp(sqrt(ln j))) (Javanmard and Montanari 2018, Ann. Statist. 46). */
const gamma = (j: number): number =>
  (0.0722 * Math.log(Math.max(j, 2))) / (j * Math.exp(Math.sqrt(Math.log(j))));
