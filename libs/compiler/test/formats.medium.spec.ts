// The committed vectors of tools/oracle/formats: small ONNX and Keras models through our frontends and the float evaluation,
// against what ONNX Runtime and Keras compute.
import { describe, expect, it } from '@jest/globals';
import { compile } from '../src/index.js';
import { openSource } from '../src/driver/frontends.js';
import { evaluateFloat } from '../src/evaluate/evaluate.js';
import { tensorOf, type Graph } from '../src/ir/graph.js';
import { verify } from '../src/ir/verify.js';
import { formatVectors, type FormatCase, type Numbers } from './format-vectors.js';

/** ONNX counts images as [batch, channels, h, w]; the device's input may be channels last. */
function asInput(graph: Graph, position: number, given: Numbers): Float32Array {
  const { values } = given;
  const { shape } = tensorOf(graph, graph.inputs[position]!);
  if (shape.join() === given.shape.join()) return values;
  const [, c, h, w] = given.shape as [number, number, number, number];
  expect(shape).toEqual([given.shape[0], h, w, c]);
  return Float32Array.from({ length: values.length }, (_, i) => values[(i % c) * h * w + Math.floor(i / c)]!);
}

async function check({ name, bytes, inputs, outputs }: FormatCase): Promise<void> {
  const { graph } = openSource({ bytes, fileName: name });
  verify(graph, 'frontend');
  const results = new Map<number, Float32Array>();
  await evaluateFloat(
    graph,
    { count: 1, inputs: inputs.map((input, i) => asInput(graph, i, input)) },
    { visit: (id, values) => results.set(id, values.slice()) },
  );
  expect(graph.outputs).toHaveLength(outputs.length);
  outputs.forEach((output, i) => {
    const id = graph.outputs[i]!;
    expect(tensorOf(graph, id).shape).toEqual(output.shape);
    const [found, expected] = [results.get(id)!, output.values];
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 1e-3);
    const differences = expected.map((value, k) => Math.abs(value - found[k]!));
    expect(Math.max(...differences)).toBeLessThanOrEqual(1e-5 * largest);
  });
}

const named = (file: 'onnx.gz' | 'keras.gz') => formatVectors(file).map((c) => [c.name, c] as const);

describe('an ONNX model', () => {
  it.each(named('onnx.gz'))('should compute %s as ONNX Runtime does', (_, c) => check(c));
});

describe('a model that computes nothing', () => {
  it.each(formatVectors('onnx.gz').filter(({ name }) => name === 'Identity' || name === 'Dropout'))(
    'should be refused with words, not built ($name)',
    async ({ bytes, name }) => {
      const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
      await expect(compile({ bytes, fileName: name }, { deviceType })).rejects.toThrow('it computes nothing');
    },
  );
});

describe('a Keras model', () => {
  it.each(named('keras.gz'))('should compute %s as Keras does', (_, c) => check(c));
});
