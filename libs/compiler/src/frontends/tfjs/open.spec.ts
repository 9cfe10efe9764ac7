// TensorFlow.js models: shards beside model.json or in an archive, quantized weights, and what is missing.
import { describe, expect, it } from '@jest/globals';
import { isFleetError, type FleetError } from '@tinyfleet/errors';
import { zipSync } from 'fflate';
import { float32Values, tensorOf, type Graph } from '../../ir/graph.js';
import { verify } from '../../ir/verify.js';
import { DEFAULT_MODEL_LIMITS, type ModelLimits } from '../limits.js';
import { match, open } from './open.js';

type Files = ReadonlyMap<string, Uint8Array>;

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

function modelJson(manifest: unknown, units = 2): Uint8Array {
  return encode({
    modelTopology: {
      keras_version: 'tfjs-layers 4.22.0',
      model_config: {
        class_name: 'Sequential',
        config: {
          name: 'net',
          layers: [
            {
              class_name: 'Dense',
              config: { name: 'dense', units, activation: 'relu', batch_input_shape: [null, 3] },
            },
          ],
        },
      },
    },
    weightsManifest: manifest,
  });
}

const KERNEL = [1, 2, 3, 4, 5, 6];
const BIAS = [0.5, -0.5];
const bytes = new Uint8Array(Float32Array.of(...KERNEL, ...BIAS).buffer);
const weights = [
  { name: 'dense/kernel', shape: [3, 2], dtype: 'float32' },
  { name: 'dense/bias', shape: [2], dtype: 'float32' },
];
/** Split in the middle of a weight. */
const shards: Files = new Map([
  ['s1.bin', bytes.slice(0, 10)],
  ['s2.bin', bytes.slice(10)],
]);
const json = modelJson([{ paths: ['s1.bin', 's2.bin'], weights }]);

function opened(file: Uint8Array, files: Files = new Map(), limits: Partial<ModelLimits> = {}): Graph {
  const graph = open(file, files, { ...DEFAULT_MODEL_LIMITS, ...limits });
  verify(graph, 'frontend');
  return graph;
}

function refused(file: Uint8Array, files: Files = new Map(), limits: Partial<ModelLimits> = {}): FleetError {
  try {
    opened(file, files, limits);
  } catch (error) {
    if (isFleetError(error)) return error;
    throw error;
  }
  throw new Error('it was opened');
}

function filter(graph: Graph): number[] {
  return [...float32Values(tensorOf(graph, graph.ops[0]!.inputs[1]!))];
}

describe('a tfjs LayersModel', () => {
  it('should be read from shards beside it', () => {
    expect(match(json, DEFAULT_MODEL_LIMITS)).toBe(true);
    const graph = opened(json, shards);
    expect(graph.ops.map((op) => op.kind)).toEqual(['fully_connected', 'relu']);
    expect(filter(graph)).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it('should be read from an archive, whatever folder it is in', () => {
    const archive = zipSync({
      'my/model.json': json,
      'my/s1.bin': shards.get('s1.bin')!,
      'my/s2.bin': shards.get('s2.bin')!,
    });
    expect(match(archive, DEFAULT_MODEL_LIMITS)).toBe(true);
    expect(filter(opened(archive))).toEqual([1, 3, 5, 2, 4, 6]);
  });

  it('should stand for the reals of quantized weights', () => {
    const quantization = { dtype: 'uint8', scale: 0.5, min: -1 };
    const manifest = [{ paths: ['q.bin'], weights: [{ ...weights[0], quantization }, weights[1]] }];
    const data = new Uint8Array(6 + 8);
    data.set([0, 1, 2, 3, 4, 255]);
    data.set(bytes.slice(24), 6);
    expect(filter(opened(modelJson(manifest), new Map([['q.bin', data]])))).toEqual([
      -1, 0, 1, -0.5, 0.5, 126.5,
    ]);
  });

  it.each<[string, Uint8Array, Files, string]>([
    ['missing shards', json, new Map([['s1.bin', shards.get('s1.bin')!]]), 's2.bin'],
    [
      'shards that are too short',
      json,
      new Map([...shards, ['s2.bin', new Uint8Array(3)]]),
      'the shards end',
    ],
    [
      'weights of another shape',
      modelJson([{ paths: ['s1.bin', 's2.bin'], weights }], 3),
      shards,
      'the layer needs [3, 3]',
    ],
    ['missing weights', modelJson([]), new Map(), 'does not have it'],
    [
      'an unknown element type',
      modelJson([{ paths: [], weights: [{ name: 'w', shape: [1], dtype: 'string' }] }]),
      new Map(),
      'string',
    ],
    ['JSON that is none', new TextEncoder().encode('{"modelTopology": '), new Map(), 'no JSON'],
  ])('should refuse %s', (_, file, files, words) => {
    expect(refused(file, files).message).toContain(words);
  });

  it.each<[keyof ModelLimits, number]>([
    ['fileBytes', json.length],
    ['jsonBytes', json.length],
    ['expandedBytes', 32],
    ['archiveEntries', 2],
    ['rank', 2],
    ['tensorBytes', 24],
  ])('should hold %s at %d, and not one less', (name, limit) => {
    expect(() => opened(json, shards, { [name]: limit })).not.toThrow();
    expect(refused(json, shards, { [name]: limit - 1 }).code).toBe('compiler.limit-exceeded');
  });

  it('should name every operator of a GraphModel', () => {
    const nodes = [
      { name: 'in', op: 'Placeholder' },
      { name: 'a', op: 'Conv2D' },
      { name: 'b', op: 'Conv2D' },
      { name: 'c', op: 'Einsum' },
    ];
    const error = refused(
      encode({ format: 'graph-model', modelTopology: { node: nodes }, weightsManifest: [] }),
    );
    expect(error.message).toContain('(2): Conv2D (a, b); Einsum (c)');
    expect(error.hint).toBeDefined();
  });
});
