// Bonsai trees against their definition in doubles over the quantized features, on the WebAssembly runtime.
import { describe, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { compile } from '../src/index.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
let state = 1729;
const random = (): number => {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  return (state >>> 0) / 2 ** 32;
};
const normal = (): number => (random() + random() + random() + random() - 2) * Math.sqrt(3);
const rowsOf = (n: number, m: number, scale = 1): number[][] =>
  Array.from({ length: n }, () => Array.from({ length: m }, () => scale * normal()));
const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, v, i) => sum + v * b[i]!, 0);

interface Bonsai {
  readonly Z: number[][];
  readonly T: number[][];
  readonly W: number[][];
  readonly V: number[][];
  readonly sigma?: number;
  readonly scale?: number;
  readonly largest?: number;
  readonly bias?: boolean;
  readonly projectionScale?: number;
}

function randomModel(o: { features: number; rows: number; classes: number; depth: number }): Bonsai {
  const inner = 2 ** o.depth - 1;
  return {
    Z: rowsOf(o.rows, o.features + 1),
    T: rowsOf(inner, o.rows),
    W: rowsOf((2 * inner + 1) * o.classes, o.rows),
    V: rowsOf((2 * inner + 1) * o.classes, o.rows),
  };
}

/** Scores, and the least |theta z| on the path. */
function defined(m: Bonsai, x: readonly number[]) {
  const { Z, T, W, V, sigma = 1, bias = true, projectionScale = 1 / Z.length } = m;
  const z = Z.map((row) => projectionScale * dot(row, bias ? [...x, 1] : x));
  const classes = W.length / (2 * T.length + 1);
  const scores = new Array<number>(classes).fill(0);
  let margin = Infinity;
  for (let node = 0; ;) {
    for (let c = 0; c < classes; c++) {
      const at = node * classes + c;
      scores[c]! += dot(W[at]!, z) * Math.tanh(sigma * dot(V[at]!, z));
    }
    if (node >= T.length) return { scores, margin };
    const side = dot(T[node]!, z);
    margin = Math.min(margin, Math.abs(side));
    node = 2 * node + (side > 0 ? 1 : 2);
  }
}

async function load(model: object) {
  const text = JSON.stringify({ 'tinyfleet-model': 'bonsai', ...model });
  const source = { bytes: new TextEncoder().encode(text), fileName: 'model.json' };
  const { bundle, diagnostics } = await compile(source, { deviceType });
  const loaded = (await Runtime.open()).load(bundle);
  for (let vector = 0; vector < loaded.view.goldenCount; vector++)
    expect(loaded.selfTest(vector).passed).toBe(true);
  const [input, output] = [loaded.view.inputs[0]!, loaded.view.outputs[0]!];
  const { data } = diagnostics.find((d) => d.code === 'compiler.bonsai-quantized')!;
  return {
    error: data['error'] as number,
    branch: data['branch'] as number,
    step: output.scale,
    run: (row: readonly number[]) => {
      const q = row.map((v) => Math.max(-32_768, Math.min(32_767, Math.round(v / input.scale))));
      const bytes = loaded.run([new Uint8Array(Int16Array.from(q).buffer)])[0]!;
      const scores = [...new Int16Array(Uint8Array.from(bytes).buffer)].map((v) => v * output.scale);
      return { x: q.map((v) => v * input.scale), scores };
    },
  };
}

const argmax = (x: readonly number[]): number => x.indexOf(Math.max(...x));

describe('Bonsai trees', () => {
  it.each<[string, Bonsai]>([
    ['a small one', randomModel({ features: 5, rows: 3, classes: 3, depth: 1 })],
    ['one of depth 3', randomModel({ features: 40, rows: 10, classes: 6, depth: 3 })],
    [
      'a deep one with a steep tanh',
      { ...randomModel({ features: 9, rows: 4, classes: 4, depth: 8 }), sigma: 4 },
    ],
    ['one score', { ...randomModel({ features: 12, rows: 6, classes: 1, depth: 2 }), sigma: 0.5 }],
    [
      "the paper's form, without a constant feature",
      {
        ...randomModel({ features: 8, rows: 3, classes: 3, depth: 2 }),
        Z: rowsOf(3, 8, 1e-3),
        bias: false,
        projectionScale: 1,
        scale: 2 ** -6,
      },
    ],
  ])('should score and decide within what the build states: %s', async (_, model) => {
    const device = await load(model);
    const features = model.Z[0]!.length - (model.bias === false ? 0 : 1);
    const reach = model.scale === undefined ? 1 : 200;
    let [scored, decided, greatest] = [0, 0, 0];
    const rows = rowsOf(400, features, reach);
    for (const row of rows) {
      const { x, scores } = device.run(row);
      const wanted = defined(model, x);
      if (wanted.margin <= device.branch) continue;
      scored++;
      wanted.scores.forEach((score, c) => {
        greatest = Math.max(greatest, Math.abs(scores[c]! - score));
      });
      const [first, second = -Infinity] = wanted.scores.toSorted((a, b) => b - a);
      if (first! - second <= 2 * Math.min(device.error, device.step)) continue;
      decided++;
      expect(argmax(scores)).toBe(argmax(wanted.scores));
    }
    expect(greatest).toBeLessThanOrEqual(device.error);
    // The bound is for features that all conspire at their largest; what happens is within a step of the output.
    expect(scored).toBeGreaterThan(0.9 * rows.length);
    expect(decided).toBeGreaterThan(0.8 * rows.length);
    expect(greatest).toBeLessThanOrEqual(device.step);
  });

  it('should clamp scores beyond the largest and keep finer ones below', async () => {
    const model = randomModel({ features: 20, rows: 5, classes: 3, depth: 2 });
    const [all, near] = [await load(model), await load({ ...model, largest: 2 })];
    expect(near.step).toBeLessThan(all.step / 4);
    for (const row of rowsOf(200, 20)) {
      const { x, scores } = near.run(row);
      const wanted = defined(model, x);
      if (wanted.margin > near.branch)
        wanted.scores.forEach((score, c) => {
          const kept = Math.max(-32_768 * near.step, Math.min(32_767 * near.step, score));
          expect(Math.abs(scores[c]! - kept)).toBeLessThanOrEqual(near.error);
        });
    }
  });

  it('should go right where theta is exactly 0', async () => {
    const [W, V] = [
      [[0], [1], [-1]],
      [[0], [1], [1]],
    ];
    const device = await load({ Z: [[1, 0]], T: [[1]], W, V });
    expect(device.run([0]).scores[0]).toBe(0);
    expect(device.run([1]).scores[0]).toBeCloseTo(Math.tanh(1), 3);
    expect(device.run([-1]).scores[0]).toBeCloseTo(-Math.tanh(1), 3);
  });

  const small = randomModel({ features: 2, rows: 2, classes: 2, depth: 1 });
  it.each<[string, object]>([
    ['no Z', { ...small, Z: undefined }],
    ['a Z of nothing but constants', { ...small, Z: [[1], [1]] }],
    ['ragged rows', { ...small, W: [...small.W.slice(1), [1]] }],
    ['an inner node too many', { ...small, T: [...small.T, ...small.T] }],
    ['W and V of different nodes', { ...small, V: small.V.slice(1) }],
    ['classes that do not divide the nodes', { ...small, W: small.W.slice(1), V: small.V.slice(1) }],
    ['a sigma of 0', { ...small, sigma: 0 }],
    ['weights of zeros', { ...small, W: small.W.map((row) => row.map(() => 0)) }],
    ['weights beyond fixed point', { ...small, V: small.V.map((row) => row.map(() => 1e9)) }],
    ['weights beyond doubles', { ...small, Z: small.Z.map((row) => row.map(() => 1e308)) }],
    ['scores a thousandth of what is possible', { ...small, largest: 1e-9 }],
  ])('should be refused: %s', async (_, model) => {
    await expect(load(model)).rejects.toMatchObject({ code: 'compiler.distances-invalid' });
  });
});
