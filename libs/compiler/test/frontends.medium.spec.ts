// Every model of the shared data that is no .tflite: read, its documented accuracy and golden outputs reproduced in floats,
// or refused with all that is missing.
import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { describeWith, findTool } from '@tinyfleet/testing';
import { openSource, type Source } from '../src/driver/frontends.js';
import { evaluateFloat } from '../src/evaluate/evaluate.js';
import { elements, tensorOf, type Graph } from '../src/ir/graph.js';
import { verify } from '../src/ir/verify.js';
import type { ReportDiagnostic } from '../src/ir/diagnostics.js';

const data = findTool('shared-data') ?? '';
const models = join(data, 'models');

function source(name: string): Source {
  const path = join(models, name);
  if (!name.startsWith('tfjs_')) return { bytes: readFileSync(path), fileName: name };
  const shards = readdirSync(path).filter((file) => file.endsWith('.bin'));
  const files = new Map(shards.map((file) => [file, new Uint8Array(readFileSync(join(path, file)))]));
  return { bytes: readFileSync(join(path, 'model.json')), fileName: 'model.json', files };
}

function open(name: string): Graph {
  const { graph } = openSource(source(name));
  verify(graph, 'frontend');
  return graph;
}

/** Outputs in the graph's order, each of `count` samples. */
async function run(graph: Graph, count: number, ...inputs: Float32Array[]): Promise<Float32Array[]> {
  const results = new Map(
    graph.outputs.map((id) => [id, new Float32Array(count * elements(tensorOf(graph, id)))]),
  );
  await evaluateFloat(
    graph,
    { count, inputs },
    { visit: (id, values, first) => results.get(id)!.set(values, first * elements(tensorOf(graph, id))) },
  );
  return graph.outputs.map((id) => results.get(id)!);
}

/** max |found - expected| / max |expected| */
function worst(found: ArrayLike<number>, expected: ArrayLike<number>): number {
  let [difference, largest] = [0, 0];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(found[i]! - expected[i]!));
    largest = Math.max(largest, Math.abs(expected[i]!));
  }
  return found.length === expected.length ? difference / largest : Infinity;
}

function digits(count: number, scale: number): { images: Float32Array; labels: Uint8Array } {
  const folder = join(data, 'images_mnist_10k');
  const read = (name: RegExp): Buffer => {
    const file = readdirSync(folder).find((entry) => name.test(entry))!;
    const bytes = readFileSync(join(folder, file));
    return file.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  };
  const images = read(/image/);
  return {
    images: Float32Array.from(images.subarray(0, count * 784), (pixel) => pixel * scale),
    labels: read(/label/).subarray(0, count),
  };
}

function accuracy(scores: Float32Array, labels: Uint8Array): number {
  const classes = scores.length / labels.length;
  const right = labels.filter((label, i) => {
    const row = scores.subarray(i * classes, (i + 1) * classes);
    return row.indexOf(Math.max(...row)) === label;
  });
  return right.length / labels.length;
}

interface Golden {
  readonly inputs: Record<string, { shape: number[]; lo: number; hi: number; sha256: string }>;
  readonly outputs: Record<string, { shape: number[]; offset: number; bytes: number }>;
}

/** The generator that the golden files describe. */
function goldenInputs({ inputs }: Golden): Map<string, Float32Array> {
  let state = 12_345;
  return new Map(
    Object.entries(inputs).map(([name, { shape, lo, hi }]) => {
      const values = Float32Array.from({ length: shape.reduce((n, extent) => n * extent, 1) }, () => {
        state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
        return lo + (hi - lo) * (state / 2 ** 32);
      });
      return [name, values];
    }),
  );
}

/** Median absolute deviation of x, y, z in g of every one-second recording of one condition. */
function fanFeatures(condition: string): Float32Array {
  const folder = join(data, 'vibration_fan_esp32');
  const bytes = gunzipSync(readFileSync(join(folder, 'accel_i16.bin.gz')));
  const meta = JSON.parse(readFileSync(join(folder, 'meta.json'), 'utf8')) as {
    scale_g_per_lsb: number;
    recordings: [condition: string, file: string, first: number, rows: number][];
  };
  const recordings = meta.recordings.filter(([name]) => name === condition);
  return Float32Array.from(
    recordings.flatMap(([, , first, rows]) =>
      [0, 1, 2].map((axis) => {
        const values = Array.from({ length: rows }, (_, i) =>
          bytes.readInt16LE(((first + i) * 3 + axis) * 2),
        );
        const middle = median(values);
        return median(values.map((value) => Math.abs(value - middle))) * meta.scale_g_per_lsb;
      }),
    ),
  );
}

function median(values: readonly number[]): number {
  return percentile(values, 50);
}

/** Between neighbours linearly, as NumPy does. */
function percentile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = ((sorted.length - 1) * p) / 100;
  const low = Math.floor(at);
  return sorted[low]! + (at - low) * ((sorted[low + 1] ?? sorted[low]!) - sorted[low]!);
}

/** [n, c, h, w] as the device's input has it. */
function channelsLast(values: Float32Array, [n, c, h, w]: readonly number[]): Float32Array {
  const result = new Float32Array(values.length);
  const plane = h! * w!;
  for (let b = 0; b < n!; b++)
    for (let k = 0; k < c!; k++)
      for (let i = 0; i < plane; i++) result[(b * plane + i) * c! + k] = values[(b * c! + k) * plane + i]!;
  return result;
}

const READABLE = /\.(onnx|h5|keras)$|^tfjs_/;
const REFUSED = ['tfjs_basic_pitch'];

describeWith(['shared-data'], 'models of other formats', () => {
  const names = data === '' ? [] : readdirSync(models).filter((name) => READABLE.test(name));

  it.each(names)('should open %s, or name all that it cannot', (name) => {
    try {
      const graph = open(name);
      expect(REFUSED).not.toContain(name);
      expect(graph.inputs.map((id) => tensorOf(graph, id).dtype)).toEqual(['float32']);
    } catch (error) {
      if (!isFleetError(error)) throw error;
      expect(REFUSED).toContain(name);
      const diagnostics = error.data['diagnostics'] as ReportDiagnostic[];
      expect(diagnostics[0]!.message).toContain('StridedSlice (');
      expect(diagnostics[0]!.message).toContain('Conv2D (');
      expect(diagnostics.every(({ hint }) => hint.includes('GraphModel'))).toBe(true);
      expect(diagnostics.slice(1).every(({ op }) => op !== undefined)).toBe(true);
    }
  });

  it('should compute the digits of mnist_cntk.onnx as ONNX Runtime does, 99.1 % right', async () => {
    const { images, labels } = digits(2000, 1);
    const graph = open('mnist_cntk.onnx');
    const [logits] = (await run(graph, 2000, images)) as [Float32Array];
    const golden = JSON.parse(readFileSync(join(models, 'mnist_cntk_golden.json'), 'utf8')) as {
      logits: number[][];
    };
    expect(worst(logits.subarray(0, 160), golden.logits.flat())).toBeLessThanOrEqual(1e-4);
    expect(accuracy(logits, labels)).toBe(0.991);
  });

  it.each([
    ['tinymaix_mnist_arduino.h5', 0.854],
    ['tinymaix_mnist_dw.h5', 0.933],
  ])('should reproduce the accuracy of %s', async (name, expected) => {
    const { images, labels } = digits(2000, 1 / 255);
    const [scores] = (await run(open(name), 2000, images)) as [Float32Array];
    // Documented to a tenth of a percent.
    expect(Math.round(accuracy(scores, labels) * 1000) / 1000).toBe(expected);
  });

  it.each([
    ['fan_0_low_0_weight', [0.000215, 0.000226, 0.000236]],
    ['fan_0_low_1_weight', [0.000275, 0.000285, 0.000297]],
  ])(
    'should reproduce the reconstruction errors of fan_autoencoder.h5 on %s',
    async (condition, expected) => {
      const features = fanFeatures(condition);
      const count = features.length / 3;
      const [rebuilt] = (await run(open('fan_autoencoder.h5'), count, features)) as [Float32Array];
      const errors = Array.from({ length: count }, (_, i) =>
        [0, 1, 2].reduce((sum, k) => sum + (rebuilt[i * 3 + k]! - features[i * 3 + k]!) ** 2 / 3, 0),
      );
      [5, 50, 95].forEach((p, i) => expect(percentile(errors, p)).toBeCloseTo(expected[i]!, 6));
    },
  );

  it.each(['yunet_n_320', 'stm_yamnet256_head'])('should compute %s as ONNX Runtime does', async (name) => {
    const golden = JSON.parse(readFileSync(join(models, `${name}_golden.json`), 'utf8')) as Golden;
    const expected = gunzipSync(readFileSync(join(models, `${name}_golden.f32.bin.gz`)));
    const graph = open(`${name}.onnx`);
    const inputs = [...goldenInputs(golden)].map(([input, values]) => {
      const { shape, sha256 } = golden.inputs[input]!;
      expect(createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex')).toBe(sha256);
      return shape.length === 4 ? channelsLast(values, shape) : values;
    });
    const results = await run(graph, 1, ...inputs);
    Object.values(golden.outputs).forEach(({ shape, offset, bytes }, i) => {
      expect(tensorOf(graph, graph.outputs[i]!).shape).toEqual(shape);
      const reference = new Float32Array(
        expected.buffer.slice(expected.byteOffset + offset, expected.byteOffset + offset + bytes),
      );
      expect(worst(results[i]!, reference)).toBeLessThanOrEqual(1e-4);
    });
  });
});
