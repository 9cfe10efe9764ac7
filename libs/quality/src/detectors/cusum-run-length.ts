/**
 * Average run lengths of CUSUM and EWMA charts for normal observations, and the thresholds that give a wanted one.
 *
 * A one-sided CUSUM that stands at u has the expected run length
 *   L(u) = 1 + F(k - u) L(0) + integral over 0..h of f(x + k - u) L(x) dx
 * with f, F the normal density and distribution (Page 1954; solved by Gauss-Legendre quadrature as in Goel and Wu 1971,
 * "Determination of ARL and a contour nomogram for CUSUM charts", Technometrics 13). Two sides that start at 0 have
 *   1/ARL = 1/ARL_up + 1/ARL_down   (Kemp 1961; exact since both sums cannot be near their limits at once).
 * An EWMA w = (1-l) w + l z with limits +-c has
 *   L(u) = 1 + (1/l) integral over -c..c of f((x - (1-l) u) / l) L(x) dx   (Crowder 1987, Technometrics 29).
 */
import { gaussLegendre, solveLinear } from '../statistics/quadrature.js';
import { normalCdf, normalDensity } from '../statistics/distributions.js';
import { checkOption } from './detector.js';

/** Mean observations until one side alarms, starting at 0, when observations have this mean. */
export function cusumRunLength(k: number, h: number, mean = 0): number {
  const shifted = k - mean;
  // Two nodes and a half for each standard deviation: the kernel is a normal density.
  const { nodes, weights } = gaussLegendre(Math.max(24, Math.ceil(2.5 * h)), 0, h);
  const size = nodes.length + 1;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const u = i === 0 ? 0 : nodes[i - 1]!;
    matrix[i * size] = -normalCdf(shifted - u);
    for (let j = 1; j < size; j++)
      matrix[i * size + j] = -weights[j - 1]! * normalDensity(nodes[j - 1]! + shifted - u);
    matrix[i * size + i]! += 1;
  }
  return solveLinear(matrix, new Float64Array(size).fill(1))[0]!;
}

/** Of both sides together. */
export function twoSidedRunLength(k: number, h: number, mean = 0): number {
  return 1 / (1 / cusumRunLength(k, h, mean) + 1 / cusumRunLength(k, h, -mean));
}

const thresholds = new Map<string, number>();

/**
 * h of a two-sided CUSUM with this ARL0. Cached: a fleet asks for few pairs.
 * @throws quality.option-invalid unless 10 <= arl0 <= 1e9
 */
export function cusumThreshold(k: number, arl0: number): number {
  return remembered(`cusum|${k}|${arl0}`, arl0, () => {
    // Siegmund's approximation (1985, "Sequential Analysis") is within some percent: exp(2kb) - 2kb - 1 = 2 k^2 ARL.
    const start = k < 0.05 ? 10 : Math.log(4 * k * k * arl0 + 10) / (2 * k);
    return rootOfLog((h) => twoSidedRunLength(k, h), arl0, Math.max(1, start - 1.166));
  });
}

/** Mean observations until an EWMA with limits +-c (in standard deviations of one observation) alarms. */
export function ewmaRunLength(lambda: number, limit: number, mean = 0): number {
  const count = Math.max(32, Math.ceil((5 * limit) / lambda) | 1);
  const { nodes, weights } = gaussLegendre(count, -limit, limit);
  const size = count + 1;
  const matrix = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    // The last row is the start, at 0.
    const u = i === count ? 0 : nodes[i]!;
    for (let j = 0; j < count; j++)
      matrix[i * size + j] =
        (-weights[j]! / lambda) * normalDensity((nodes[j]! - (1 - lambda) * u) / lambda - mean);
    matrix[i * size + i]! += 1;
  }
  return solveLinear(matrix, new Float64Array(size).fill(1))[count]!;
}

/** Limit of an EWMA with this ARL0, in standard deviations of one observation. */
export function ewmaLimit(lambda: number, arl0: number): number {
  return remembered(`ewma|${lambda}|${arl0}`, arl0, () => {
    const sd = Math.sqrt(lambda / (2 - lambda));
    return rootOfLog((limit) => ewmaRunLength(lambda, limit), arl0, 3 * sd);
  });
}

function remembered(key: string, arl0: number, find: () => number): number {
  checkOption('arl0', arl0, arl0 >= 10 && arl0 <= 1e9, 'from 10 to 1e9');
  const known = thresholds.get(key);
  if (known !== undefined) return known;
  const found = find();
  if (thresholds.size >= 1_000) thresholds.clear();
  thresholds.set(key, found);
  return found;
}

/** Where a growing function reaches `wanted`, to 1e-6 of the logarithm, by bracketing and regula falsi (Illinois). */
function rootOfLog(f: (x: number) => number, wanted: number, start: number): number {
  const target = Math.log(wanted);
  const at = (x: number) => Math.log(f(x)) - target;
  let [low, high] = [start, start];
  let [atLow, atHigh] = [at(start), at(start)];
  while (atLow > 0 && low > 1e-6) [low, atLow] = [low * 0.8, at(low * 0.8)];
  while (atHigh < 0) [high, atHigh] = [high * 1.15, at(high * 1.15)];
  for (let i = 0; i < 60; i++) {
    const x = atHigh === atLow ? (low + high) / 2 : (low * atHigh - high * atLow) / (atHigh - atLow);
    const value = at(x);
    if (Math.abs(value) < 1e-6 || high - low < 1e-9) return x;
    if (value > 0) {
      [high, atHigh] = [x, value];
      atLow /= 2;
    } else {
      [low, atLow] = [x, value];
      atHigh /= 2;
    }
  }
  return (low + high) / 2;
}
