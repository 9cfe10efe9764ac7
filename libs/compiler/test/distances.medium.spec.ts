// Nearest neighbours and anomaly scores against their definitions in doubles over the quantized values, on the WebAssembly runtime.
import { describe, expect, it } from '@jest/globals';
import { ROLES, Runtime } from '@tinyfleet/runtime';
import { compile } from '../src/index.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
let state = 99;
const random = (): number => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
};
const normal = (): number => random() + random() + random() + random() - 2;
const list = (n: number, f: (i: number) => number): number[] => Array.from({ length: n }, (_, i) => f(i));
const rowsOf = (n: number, m: number): number[][] =>
  Array.from({ length: n }, () => list(m, () => 3 * normal()));

async function load(model: object) {
  const source = { bytes: new TextEncoder().encode(JSON.stringify(model)), fileName: 'model.json' };
  const { bundle } = await compile(source, { deviceType });
  const loaded = (await Runtime.open()).load(bundle);
  for (let vector = 0; vector < loaded.view.goldenCount; vector++)
    expect(loaded.selfTest(vector).passed).toBe(true);
  const [input, output] = [loaded.view.inputs[0]!, loaded.view.outputs[0]!];
  const quantize = (row: readonly number[]): number[] =>
    row.map((v) => Math.max(-128, Math.min(127, Math.round(v / input.scale))));
  return {
    role: output.role,
    /** Scores, and the values the device saw. */
    run: (row: readonly number[]) => {
      const q = quantize(row);
      const bytes = Uint8Array.from(loaded.run([new Uint8Array(Int8Array.from(q).buffer)])[0]!).buffer;
      const scores = [...(output.dtype === 9 ? new Int8Array(bytes) : new Int16Array(bytes))];
      return {
        scores: scores.map((v) => (v - output.zeroPoint) * output.scale),
        x: q.map((v) => v * input.scale),
      };
    },
    seen: (row: readonly number[]) => quantize(row).map((v) => v * input.scale),
    step: output.scale,
  };
}

const squares = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((s, v, i) => s + (v - b[i]!) ** 2, 0);

describe('distance models', () => {
  it.each([
    ['l2', 1],
    ['l2', 5],
    ['l1', 4],
  ] as const)('should vote among the nearest by %s, k = %i', async (metric, k) => {
    const prototypes = rowsOf(60, 7);
    const labels = prototypes.map((row) => (row[0]! + row[1]! > 1 ? 2 : row[2]! > 0 ? 1 : 0));
    const model = await load({ 'tinyfleet-model': 'k-nearest', prototypes, labels, k, metric });
    expect(model.role).toBe(ROLES.probabilities);
    const seen = prototypes.map(model.seen);
    for (const row of rowsOf(200, 7)) {
      const { scores, x } = model.run(row);
      const near = seen
        .map((p, i) => ({
          d: Math.round(
            1e6 * (metric === 'l2' ? squares(x, p) : p.reduce((s, v, j) => s + Math.abs(v - x[j]!), 0)),
          ),
          label: labels[i]!,
        }))
        .toSorted((a, b) => a.d - b.d)
        .slice(0, k);
      const votes = [0, 1, 2].map((c) => near.filter((n) => n.label === c).length);
      const best = near.find((n) => votes[n.label] === Math.max(...votes))!.label;
      expect(scores.indexOf(Math.max(...scores))).toBe(best);
      scores.forEach((score, c) => expect(Math.abs(score - votes[c]! / k)).toBeLessThan(1.6 / 256));
    }
  });

  it('should score by the least distance to a centre over its radius', async () => {
    const [centres, radii] = [rowsOf(5, 9), [0.5, 1, 2, 1.5, 3]];
    const model = await load({ 'tinyfleet-model': 'k-means', centres, radii });
    expect(model.role).toBe(ROLES.anomaly_score);
    const seen = centres.map(model.seen);
    for (const row of rowsOf(200, 9)) {
      const { scores, x } = model.run(row);
      const wanted = Math.min(...seen.map((c, i) => Math.sqrt(squares(x, c)) / radii[i]!));
      expect(Math.abs(scores[0]! - wanted)).toBeLessThan(model.step + 0.001 * wanted);
    }
  });

  it("should score by a mixture's likeliest component", async () => {
    const means = rowsOf(3, 4);
    const variances = means.map((row) => row.map(() => 0.4 + 2 * random()));
    const weights = [0.5, 0.3, 0.2];
    const model = await load({ 'tinyfleet-model': 'gaussian', means, variances, weights });
    const seen = means.map(model.seen);
    for (const row of rowsOf(200, 4)) {
      const { scores, x } = model.run(row);
      const wanted = Math.min(
        ...seen.map((mean, k) =>
          mean.reduce(
            (s, m, i) =>
              s +
              (0.5 * (x[i]! - m) ** 2) / variances[k]![i]! +
              0.5 * Math.log(2 * Math.PI * variances[k]![i]!),
            -Math.log(weights[k]!),
          ),
        ),
      );
      if (wanted < 100)
        expect(Math.abs(scores[0]! - wanted)).toBeLessThan(model.step + 0.002 + 0.001 * Math.abs(wanted));
    }
  });

  it('should score by Mahalanobis distance', async () => {
    const n = 5;
    const a = rowsOf(n, n);
    const covariance = a.map((row, i) =>
      a.map((other, j) => row.reduce((s, v, k) => s + v * other[k]!, i === j ? 0.5 : 0)),
    );
    const mean = list(n, () => normal());
    const model = await load({ 'tinyfleet-model': 'mahalanobis', mean, covariance });
    const centre = model.seen(mean);
    for (const row of rowsOf(200, n)) {
      const { scores, x } = model.run(row);
      const d = x.map((v, i) => v - centre[i]!);
      const solved = solve(covariance, d);
      const wanted = Math.sqrt(d.reduce((s, v, i) => s + v * solved[i]!, 0));
      if (wanted < 60) expect(Math.abs(scores[0]! - wanted)).toBeLessThan(model.step + 0.02 + 0.005 * wanted);
    }
  });

  it.each<[string, object]>([
    ['another kind', { 'tinyfleet-model': 'k-nothing' }],
    ['no rows', { 'tinyfleet-model': 'k-means', centres: [] }],
    ['ragged rows', { 'tinyfleet-model': 'k-means', centres: [[1, 2], [3]] }],
    ['a radius of zero', { 'tinyfleet-model': 'k-means', centres: [[1]], radii: [0] }],
    ['too many neighbours', { 'tinyfleet-model': 'k-nearest', prototypes: [[1]], labels: [0], k: 2 }],
    ['labels that are no classes', { 'tinyfleet-model': 'k-nearest', prototypes: [[1]], labels: [0.5] }],
    ['a negative variance', { 'tinyfleet-model': 'gaussian', means: [[1]], variances: [[-1]] }],
    [
      'a singular covariance',
      {
        'tinyfleet-model': 'mahalanobis',
        mean: [0, 0],
        covariance: [
          [1, 1],
          [1, 1],
        ],
      },
    ],
  ])('should be refused: %s', async (_, model) => {
    await expect(load(model)).rejects.toMatchObject({ code: 'compiler.distances-invalid' });
  });
});

/** Gauss-Jordan with pivots. */
function solve(matrix: readonly (readonly number[])[], right: readonly number[]): number[] {
  const m = matrix.map((row, i) => [...row, right[i]!]);
  for (let c = 0; c < m.length; c++) {
    const pivot = m.reduce(
      (best, row, r) => (r >= c && Math.abs(row[c]!) > Math.abs(m[best]![c]!) ? r : best),
      c,
    );
    [m[c], m[pivot]] = [m[pivot]!, m[c]!];
    for (let r = 0; r < m.length; r++) {
      if (r === c) continue;
      const f = m[r]![c]! / m[c]![c]!;
      m[r] = m[r]!.map((v, i) => v - f * m[c]![i]!);
    }
  }
  return m.map((row, i) => row.at(-1)! / row[i]!);
}
