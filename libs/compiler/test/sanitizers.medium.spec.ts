// Every op under sanitizers: the oracle's models as bundles, run and then damaged by the C runtime built with AddressSanitizer and
// UndefinedBehaviorSanitizer. An op is in as soon as it has vectors.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { compile, GraphBuilder, writeTflite, type CompileOptions, type FrontEnd } from '../src/index.js';
import { readVectors, vectorFiles } from './vectors.js';

const run = promisify(execFile);
const runtime = fileURLToPath(new URL('../../../firmware-stubs/runtime', import.meta.url));
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Damaged bundles in all, shared evenly; TINYFLEET_MUTATIONS for a long run. */
const MUTATIONS = Number(process.env['TINYFLEET_MUTATIONS'] ?? 6_000);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-sanitizers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sources(name: string): Promise<string[]> {
  const files = await readdir(join(runtime, name));
  return files.filter((file) => file.endsWith('.c')).map((file) => `${name}/${file}`);
}

const SENSOR = { sensor: 1, axes: 3, unit: 1 } as const;
/** Every kind of front end: elements of the model's input, sensor, description. */
const FRONT_ENDS: readonly (readonly [number, CompileOptions['sensor'], FrontEnd])[] = [
  [120, {}, { kind: 'micro-speech', windowMs: 10, hopMs: 5 }],
  [
    26,
    {},
    {
      kind: 'mfcc',
      sampleRate: 8000,
      windowMs: 16,
      hopMs: 8,
      lowerHz: 50,
      upperHz: 4000,
      bands: 20,
      coefficients: 13,
    },
  ],
  [
    30,
    SENSOR,
    {
      kind: 'statistics',
      frame: 25,
      features: ['mean', 'rms', 'std', 'min', 'max', 'range', 'zero_crossings', 'kurtosis', 'crest', 'mad'],
    },
  ],
  [
    24,
    SENSOR,
    { kind: 'spectral-power', frame: 50, hop: 25, sampleRate: 100, edgesHz: [0, 5, 10, 20, 50], newRows: 2 },
  ],
  [
    12,
    SENSOR,
    { kind: 'spectral-power', frame: 64, sampleRate: 100, edgesHz: [0, 5, 10, 20, 50], logarithm: true },
  ],
  [60, { ...SENSOR, axisOrder: 1 }, { kind: 'scale', hop: 5 }],
];

async function frontEndBundles(): Promise<Uint8Array[]> {
  const bundles: Uint8Array[] = [];
  for (const [elements, sensor, frontEnd] of FRONT_ENDS) {
    const g = new GraphBuilder('front end');
    const graph = g.build([g.reshape(g.input('x', [1, elements], { scale: 0.1 }), 'y', [elements])]);
    const source = { bytes: writeTflite(graph), fileName: 'front-end.tflite' };
    bundles.push((await compile(source, { deviceType, sensor, frontEnd, goldenVectors: 1 })).bundle);
  }
  return bundles;
}

async function treeBundles(): Promise<Uint8Array[]> {
  const file = fileURLToPath(new URL('../../../tools/oracle/trees/vectors.gz', import.meta.url));
  const { cases } = JSON.parse(gunzipSync(await readFile(file)).toString()) as { cases: { model: string }[] };
  const bundles = cases.map(async ({ model }) => {
    const source = { bytes: new TextEncoder().encode(model), fileName: 'model.json' };
    return (await compile(source, { deviceType, goldenVectors: 2 })).bundle;
  });
  return Promise.all(bundles);
}

const ROWS = [
  [1, -2, 0.5],
  [0, 1, 3],
  [-4, 0, 1],
];
const DISTANCES = [
  { 'tinyfleet-model': 'k-nearest', prototypes: ROWS, labels: [0, 1, 1], k: 2 },
  { 'tinyfleet-model': 'k-means', centres: ROWS, radii: [1, 2, 3] },
  { 'tinyfleet-model': 'gaussian', means: ROWS, variances: ROWS.map((row) => row.map((v) => v * v + 1)) },
  {
    'tinyfleet-model': 'mahalanobis',
    mean: ROWS[0],
    covariance: [
      [4, 1, 0],
      [1, 3, -1],
      [0, -1, 2],
    ],
  },
];

async function distanceBundles(): Promise<Uint8Array[]> {
  const bundles = DISTANCES.map(async (model) => {
    const source = { bytes: new TextEncoder().encode(JSON.stringify(model)), fileName: 'model.json' };
    return (await compile(source, { deviceType, goldenVectors: 2 })).bundle;
  });
  return Promise.all(bundles);
}

async function vectorBundles(): Promise<Uint8Array[]> {
  const bundles: Uint8Array[] = [];
  for (const file of vectorFiles()) {
    for (const { bytes } of readVectors(file)) {
      const source = { bytes, fileName: 'single-op.tflite' };
      bundles.push((await compile(source, { deviceType, optimize: false, goldenVectors: 1 })).bundle);
    }
  }
  return bundles;
}

async function corpusTest(): Promise<string> {
  const binary = join(folder, 'corpus-test');
  const tests = ['corpus', 'harness', 'assemble', 'kernels', 'load', 'run', 'reference'];
  const files = [
    ...(await sources('src')),
    ...(await sources('kernels')),
    ...(await sources('../dsp/src')),
    ...tests.map((name) => `test/${name}.c`),
  ];
  const flags = ['-std=c11', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];
  const includes = ['-Iinclude', '-Isrc', '-I../dsp/include', '-I../dsp/src'];
  await run(toolPath('gcc'), [...flags, ...includes, '-o', binary, ...files, '-lm'], { cwd: runtime });
  return binary;
}

describeWith(['gcc'], 'sanitizers', () => {
  let binary = '';
  beforeAll(async () => {
    binary = await corpusTest();
  });

  it.each([
    ['op', vectorBundles],
    ['front end', frontEndBundles],
    ['tree ensemble', treeBundles],
    ['distance model', distanceBundles],
  ] as const)(
    'should find no %s that fails its self-test or leaves its memory when damaged',
    async (what, make) => {
      const bundles = await make();
      const file = join(folder, `corpus of ${what}`);
      // Each behind its length.
      const parts = bundles.flatMap((bundle) => [
        new Uint8Array(Uint32Array.of(bundle.length).buffer),
        bundle,
      ]);
      await writeFile(file, Buffer.concat(parts));
      const each = Math.min(500, Math.max(1, Math.round(MUTATIONS / bundles.length)));
      const { stdout } = await run(binary, [file, String(each)]);
      expect(stdout.trim()).toBe(`passed: ${bundles.length} bundles, ${each} mutations each`);
    },
  );
});
