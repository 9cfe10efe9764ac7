/**
 * Distribution functions that tests and intervals need: normal, Student, chi-square, F, beta, Kolmogorov. Tails are
 * computed as tails, so that small p-values keep their digits.
 *
 * Incomplete gamma and beta functions by series and continued fractions (Abramowitz and Stegun 6.5, 26.5; modified Lentz method,
 * Thompson and Barnett 1986); log gamma by Lanczos' approximation (g = 7, 9 terms, error below 1e-13); the normal quantile by
 * Wichura 1988, AS 241, Appl. Statist. 37.
 */

export const normalDensity = (x: number): number => 0.3989422804014327 * Math.exp((-x * x) / 2);

/** P(Z <= x). */
export const normalCdf = (x: number): number => (x <= 0 ? normalTail(-x) : 1 - normalTail(x));

/** P(Z > x), accurate far out. */
export function normalTail(x: number): number {
  if (x < 0) return 1 - normalTail(-x);
  return 0.5 * upperGamma(0.5, (x * x) / 2);
}

/** Both tails. */
export const normalTwoSided = (z: number): number => upperGamma(0.5, (z * z) / 2);

const central = {
  top: [
    3.3871328727963666, 133.14166789178438, 1971.5909503065514, 13731.693765509461, 45921.95393154987,
    67265.7709270087, 33430.57558358813, 2509.0809287301227,
  ],
  bottom: [
    1, 42.31333070160091, 687.1870074920579, 5394.196021424751, 21213.794301586597, 39307.89580009271,
    28729.085735721943, 5226.495278852854,
  ],
};
const middle = {
  top: [
    1.4234371107496835, 4.630337846156546, 5.769497221460691, 3.6478483247632045, 1.2704582524523684,
    0.2417807251774506, 0.022723844989269184, 0.0007745450142783414,
  ],
  bottom: [
    1, 2.053191626637759, 1.6763848301838038, 0.6897673349851, 0.14810397642748008, 0.015198666563616457,
    0.0005475938084995345, 1.0507500716444169e-9,
  ],
};
const far = {
  top: [
    6.657904643501103, 5.463784911164114, 1.7848265399172913, 0.29656057182850487, 0.026532189526576124,
    0.0012426609473880784, 0.000027115555687434876, 2.0103343992922881e-7,
  ],
  bottom: [
    1, 0.599832206555888, 0.1369298809227358, 0.014875361290850615, 0.0007868691311456133,
    0.000018463183175100548, 1.421511758316446e-7, 2.0442631033899397e-15,
  ],
};

/** z with P(Z <= z) = p. -Infinity at 0, Infinity at 1. */
export function normalQuantile(p: number): number {
  if (p <= 0) return -Infinity;
  if (p >= 1) return Infinity;
  const q = p - 0.5;
  if (Math.abs(q) <= 0.425) return q * ratio(central, 0.180625 - q * q);
  const r = Math.sqrt(-Math.log(Math.min(p, 1 - p)));
  const size = r <= 5 ? ratio(middle, r - 1.6) : ratio(far, r - 5);
  return q < 0 ? -size : size;
}

function ratio({ top, bottom }: typeof central, x: number): number {
  let [a, b] = [0, 0];
  for (let i = 7; i >= 0; i--) [a, b] = [a * x + top[i]!, b * x + bottom[i]!];
  return a / b;
}

const lanczos = [
  0.9999999999998099, 676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406,
  12.507343278686905, -0.13857109526572012, 0.000009984369578019572, 1.5056327351493116e-7,
];

/** ln of the gamma function, x > 0. */
export function logGamma(x: number): number {
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - logGamma(1 - x);
  const y = x - 1;
  let sum = lanczos[0]!;
  for (let i = 1; i < 9; i++) sum += lanczos[i]! / (y + i);
  const t = y + 7.5;
  return 0.9189385332046727 + (y + 0.5) * Math.log(t) - t + Math.log(sum);
}

/** Regularized upper incomplete gamma function Q(a, x). */
export function upperGamma(a: number, x: number): number {
  if (x <= 0) return 1;
  if (x === Infinity) return 0;
  const scale = Math.exp(-x + a * Math.log(x) - logGamma(a));
  if (x < a + 1) {
    let [term, sum] = [1 / a, 1 / a];
    for (let i = 1; i < 10_000 && Math.abs(term) > 1e-17 * Math.abs(sum); i++) {
      term *= x / (a + i);
      sum += term;
    }
    return 1 - scale * sum;
  }
  let b = x + 1 - a;
  let c = 1e300;
  let d = 1 / b;
  let h = d;
  for (let i = 1; i < 10_000; i++) {
    const an = -i * (i - a);
    b += 2;
    d = 1 / nonZero(an * d + b);
    c = nonZero(b + an / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return scale * h;
}

/** P(chi-square with `df` degrees of freedom > x); `df` need not be whole. */
export const chiSquareTail = (x: number, df: number): number =>
  df <= 0 ? (x > 0 ? 0 : 1) : upperGamma(df / 2, x / 2);

/** Regularized incomplete beta function I_x(a, b). */
export function betaCdf(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(1 - x, b, a);
  const scale = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x));
  let c = 1;
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1));
  let h = d;
  for (let m = 1; m < 10_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / nonZero(1 + even * d);
    c = nonZero(1 + even / c);
    h *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / nonZero(1 + odd * d);
    c = nonZero(1 + odd / c);
    h *= d * c;
    if (Math.abs(d * c - 1) < 1e-16) break;
  }
  return (scale * h) / a;
}

const nonZero = (x: number): number => (Math.abs(x) < 1e-300 ? 1e-300 : x);

/** x with I_x(a, b) = p, by bisection: 52 halvings are exact enough and cannot fail. */
export function betaQuantile(p: number, a: number, b: number): number {
  let [low, high] = [0, 1];
  for (let i = 0; i < 52; i++) {
    const x = (low + high) / 2;
    if (betaCdf(x, a, b) < p) low = x;
    else high = x;
  }
  return (low + high) / 2;
}

/** Both tails of Student's t. */
export const studentTwoSided = (t: number, df: number): number =>
  df === Infinity ? normalTwoSided(t) : betaCdf(df / (df + t * t), df / 2, 0.5);

/** P(F > x). */
export const fTail = (x: number, df1: number, df2: number): number =>
  x <= 0 ? 1 : betaCdf(df2 / (df2 + df1 * x), df2 / 2, df1 / 2);

/** P(K > x) of Kolmogorov's distribution: 2 sum (-1)^(j-1) exp(-2 j^2 x^2); for small x the theta-transformed series. */
export function kolmogorovTail(x: number): number {
  if (x <= 0) return 1;
  if (x < 1) {
    let sum = 0;
    for (let j = 1; j < 20; j += 2) sum += Math.exp((-j * j * Math.PI * Math.PI) / (8 * x * x));
    return Math.max(0, 1 - (Math.sqrt(2 * Math.PI) / x) * sum);
  }
  let sum = 0;
  for (let j = 1; j < 20; j++) sum += (j % 2 === 1 ? 2 : -2) * Math.exp(-2 * j * j * x * x);
  return sum;
}
