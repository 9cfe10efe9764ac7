// Bundles of every op, stage and tree layout, made of the oracle's models and of small ones: what the runtime is damaged and fuzzed with.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { compile, GraphBuilder, writeTflite, type CompileOptions, type FrontEnd } from '../src/index.js';
import { readVectors, vectorFiles } from './vectors.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };

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

export async function frontEndBundles(): Promise<Uint8Array[]> {
  const bundles: Uint8Array[] = [];
  for (const [elements, sensor, frontEnd] of FRONT_ENDS) {
    const g = new GraphBuilder('front end');
    const graph = g.build([g.reshape(g.input('x', [1, elements], { scale: 0.1 }), 'y', [elements])]);
    const source = { bytes: writeTflite(graph), fileName: 'front-end.tflite' };
    bundles.push((await compile(source, { deviceType, sensor, frontEnd, goldenVectors: 1 })).bundle);
  }
  return bundles;
}

export async function treeBundles(): Promise<Uint8Array[]> {
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
  {
    'tinyfleet-model': 'bonsai',
    Z: ROWS,
    T: ROWS,
    W: [...ROWS, ...ROWS, ROWS[0]],
    V: [...ROWS, ...ROWS, ROWS[1]],
  },
];

export async function distanceBundles(): Promise<Uint8Array[]> {
  const bundles = DISTANCES.map(async (model) => {
    const source = { bytes: new TextEncoder().encode(JSON.stringify(model)), fileName: 'model.json' };
    return (await compile(source, { deviceType, goldenVectors: 2 })).bundle;
  });
  return Promise.all(bundles);
}

export async function vectorBundles(): Promise<Uint8Array[]> {
  const bundles: Uint8Array[] = [];
  for (const file of vectorFiles()) {
    for (const { bytes } of readVectors(file)) {
      const source = { bytes, fileName: 'single-op.tflite' };
      bundles.push((await compile(source, { deviceType, optimize: false, goldenVectors: 1 })).bundle);
    }
  }
  return bundles;
}

/** A convolution over four kept rows and two new ones: the window is shifted in the state. */
export async function streamBundles(): Promise<Uint8Array[]> {
  const quantization = { scale: 0.05, zeroPoint: -3 };
  const g = new GraphBuilder('stream');
  const x = g.input('x', [1, 2, 3, 1], quantization);
  const state = g.variable('state', [1, 4, 3, 1], quantization);
  const shapes = [[1, 6, 3, 1]];
  const [value] = g.move(
    'concatenation',
    [g.readVariable(state, 'old'), x],
    { axis: 1 },
    { name: 'value', shapes },
  );
  const attrs = { begin: [0, 2, 0, 0], size: [1, 4, 3, 1], strides: [1, 1, 1, 1] };
  const [end] = g.move('slice', [value!], attrs, { name: 'end', shapes: [[1, 4, 3, 1]] });
  g.assignVariable(state, end!, 'keep');
  const filter = g.constant('w', [1, 6, 3, 1], new Int8Array(18).fill(3), { scale: 0.1 });
  const graph = g.build([g.conv2d({ input: value!, filter }, { name: 'conv', ...quantization })]);
  const source = { bytes: writeTflite(graph), fileName: 'stream.tflite' };
  return [(await compile(source, { deviceType, goldenVectors: 1 })).bundle];
}

/** All but the front ends. */
export async function singleBundles(): Promise<Uint8Array[]> {
  const kinds = [vectorBundles, streamBundles, treeBundles, distanceBundles];
  return (await Promise.all(kinds.map((make) => make()))).flat();
}

/** As test/corpus.c reads them. */
export function behindLengths(bundles: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    bundles.flatMap((bundle) => [new Uint8Array(Uint32Array.of(bundle.length).buffer), bundle]),
  );
}
