// Tree ensembles against the libraries that trained them (tools/oracle/trees.py), on the WebAssembly runtime.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { Runtime, type LoadedBundle } from '@tinyfleet/runtime';
import { compile, inspect, type CompileOptions } from '../src/index.js';
import { openSource } from '../src/driver/frontends.js';
import { tensorOf } from '../src/ir/graph.js';

interface VectorCase {
  readonly name: string;
  readonly model: string;
  readonly options: Readonly<Record<string, string>>;
  readonly rows: number[][];
  readonly outputs: number[][];
}

const file = fileURLToPath(new URL('../../../tools/oracle/trees/vectors.gz', import.meta.url));
const { cases } = JSON.parse(gunzipSync(readFileSync(file)).toString()) as { cases: VectorCase[] };
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const EXACT = { dtype: 'int16', scale: 1 / 64 } as const;

type Trees = NonNullable<CompileOptions['trees']>;
const source = (c: VectorCase) => ({ bytes: new TextEncoder().encode(c.model), fileName: 'model.json' });

async function load(c: VectorCase, trees: Trees) {
  const dump = c.options as Trees['dump'];
  const result = await compile(source(c), { deviceType, trees: { ...trees, ...(dump && { dump }) } });
  const loaded = (await Runtime.open()).load(result.bundle);
  for (let vector = 0; vector < loaded.view.goldenCount; vector++)
    expect(loaded.selfTest(vector).passed).toBe(true);
  return { ...result, loaded };
}

/** Scores as real numbers. */
function run(loaded: LoadedBundle, q: Int8Array | Int16Array): number[] {
  const [output] = loaded.run([new Uint8Array(q.buffer)]);
  const { dtype, scale, zeroPoint } = loaded.view.outputs[0]!;
  const bytes = Uint8Array.from(output!).buffer;
  return Array.from(
    dtype === 9 ? new Int8Array(bytes) : new Int16Array(bytes),
    (v) => (v - zeroPoint) * scale,
  );
}

const argmax = (x: readonly number[]): number => x.indexOf(Math.max(...x));
/** Of a library's prediction: classes, or one probability, or a value. */
const probabilities = (row: readonly number[]): readonly number[] =>
  row.length > 1 ? row : [1 - row[0]!, row[0]!];

describe('tree ensembles', () => {
  it.each(cases)('should decide as the library does where int16 holds the features: $name', async (c) => {
    const { loaded, diagnostics } = await load(c, { features: EXACT });
    const note = diagnostics.find((d) => d.code === 'compiler.trees-quantized')!;
    const regression = c.name.includes('regression') || c.name.includes('forest');
    expect(loaded.view.outputs[0]!.role).toBe(regression ? 0 : 1);
    // The library adds float32s; the sum is rounded to fixed point by `error`, then to the output's scale.
    const bound = regression
      ? (note.data['error'] as number) +
        loaded.view.outputs[0]!.scale / 2 +
        1e-5 * Math.max(...c.outputs.flat().map(Math.abs))
      : 1.6 / 256;
    let worst = 0;
    c.rows.forEach((row, i) => {
      const found = run(
        loaded,
        Int16Array.from(row, (x) => x * 64),
      );
      const wanted = regression ? c.outputs[i]! : probabilities(c.outputs[i]!);
      wanted.forEach((value, k) => (worst = Math.max(worst, Math.abs(found[k]! - value))));
      if (!regression) expect([i, argmax(found)]).toEqual([i, argmax(wanted)]);
    });
    expect({ worst, bound, within: worst <= bound }).toEqual({ worst, bound, within: true });
  });

  it.each(['int16', 'int8'] as const)(
    'should differ in %s only where a threshold lies inside the rounding',
    async (dtype) => {
      let rounded = 0;
      for (const c of cases.filter(({ name }) => /binary|classes/.test(name))) {
        const { loaded } = await load(c, { features: { dtype } });
        const opened = openSource(source(c), {}, { features: { dtype } });
        const graph = opened.graph;
        const q = tensorOf(graph, graph.inputs[0]!).quantization!;
        const [low, high] = dtype === 'int8' ? [-128, 127] : [-32_768, 32_767];
        const thresholds = thresholdsOf(c);
        c.rows.forEach((row, i) => {
          const slice = (f: number): number => (q.axis === null ? 0 : f);
          const quantized = row.map((x, f) =>
            Math.max(low, Math.min(high, Math.round(x / q.scales[slice(f)]!) + q.zeroPoints[slice(f)]!)),
          );
          const back = quantized.map((v, f) => (v - q.zeroPoints[slice(f)]!) * q.scales[slice(f)]!);
          const crosses = thresholds.some(
            ([f, t]) => Math.sign(row[f]! - t) !== Math.sign(back[f]! - t) || row[f] === t || back[f] === t,
          );
          if (crosses) {
            rounded++;
            return;
          }
          const found = run(
            loaded,
            dtype === 'int8' ? Int8Array.from(quantized) : Int16Array.from(quantized),
          );
          expect([c.name, i, argmax(found)]).toEqual([c.name, i, argmax(probabilities(c.outputs[i]!))]);
        });
      }
      const rows = cases.filter(({ name }) => /binary|classes/.test(name)).length * 160;
      // Otherwise the comparison above would be empty.
      expect(rounded / rows).toBeLessThan(dtype === 'int8' ? 0.9 : 0.02);
    },
  );

  it('should say what the model is', () => {
    expect(inspect(source(cases[1]!))).toMatchObject({
      format: 'trees',
      classes: 4,
      operators: { TREE_ENSEMBLE: 1 },
      inputs: [{ dtype: 'int16', shape: [1, 6] }],
    });
  });
});

/** Every [feature, threshold] of a file. */
function thresholdsOf(c: VectorCase): [number, number][] {
  const found: [number, number][] = [];
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    else if (typeof value === 'object' && value !== null) {
      const o = value as Record<string, unknown>;
      if ('split_feature' in o) found.push([o['split_feature'] as number, o['threshold'] as number]);
      if ('split_indices' in o) {
        const left = o['left_children'] as number[];
        (o['split_indices'] as number[]).forEach((f, i) => {
          if (left[i]! >= 0) found.push([f, Math.fround((o['split_conditions'] as number[])[i]!)]);
        });
      }
      Object.values(o).forEach(visit);
    }
  };
  visit(JSON.parse(c.model));
  return found;
}
