// Float evaluation: windows and paddings by hand, samples stacked or not, memory given back, and every integer model of
// the tests against what its own int8 arithmetic computes.
import { describe, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { floatConvNet, floatResidualNet, floats } from '../../test/float-models.js';
import { MODELS } from '../../test/models.js';
import { compile } from '../driver/compile.js';
import { writeTflite } from '../backends/tflite/write.js';
import { GraphBuilder } from '../ir/builder.js';
import { elements, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import { openTfjs } from './backend.js';
import { dequantize, dequantizeGraph } from './dequantize.js';
import { batchSize, evaluateFloat, type Samples } from './evaluate.js';

async function outputs(graph: Graph, samples: Samples, want?: TensorId[]): Promise<Map<TensorId, number[]>> {
  const results = new Map<TensorId, number[]>();
  await evaluateFloat(graph, samples, {
    ...(want === undefined ? {} : { want }),
    visit: (id, values) => results.set(id, [...(results.get(id) ?? []), ...values]),
  });
  return results;
}

/** The only output for one sample. */
async function run(graph: Graph, ...inputs: Float32Array[]): Promise<number[]> {
  return (await outputs(graph, { count: 1, inputs })).get(graph.outputs[0]!)!;
}

const ones = (n: number): Float32Array => new Float32Array(n).fill(1);

/** Models whose integers saturate in their outputs only; op by op, test/float-oracle compares all kinds. */
const GENTLE = ['convNet', 'residualNet', 'denseNet', 'broadcastNet'];

describe('evaluateFloat', () => {
  it('should start the wasm backend, which computes the same everywhere', async () => {
    expect((await openTfjs()).getBackend()).toBe('wasm');
  });

  it('should convolve with padding, strides and dilation as TensorFlow Lite does', async () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 5, 6, 1], null);
    const filter = b.constant('w', [1, 2, 2, 1], Float32Array.of(1, 10, 100, 1000));
    const y = b.conv2d(
      { input: x, filter, bias: b.constant('b', [1], Float32Array.of(0.5)) },
      { name: 'y', stride: [2, 2], dilation: [2, 3], padding: 'same' },
    );
    const graph = b.build([y]);
    expect(tensorOf(graph, y).shape).toEqual([1, 3, 3, 1]);
    // SAME pads a row above and below, a column left and right.
    const corner = [1000.5, 1100.5, 100.5];
    expect(await run(graph, ones(30))).toEqual([...corner, 1010.5, 1111.5, 101.5, 10.5, 11.5, 1.5]);
  });

  it('should multiply depth with unequal strides', async () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 3, 3, 2], null);
    const filter = b.constant('w', [1, 1, 1, 4], Float32Array.of(1, 2, 3, 4));
    const graph = b.build([b.depthwiseConv2d({ input: x, filter }, { name: 'y', stride: [2, 1] })]);
    const values = Float32Array.from({ length: 18 }, (_, i) => i);
    expect(await run(graph, values)).toEqual(
      [0, 2, 4, 12, 14, 16].flatMap((i) => [i, i * 2, (i + 1) * 3, (i + 1) * 4]),
    );
  });

  it('should count only elements inside the input in an average, and never pad a maximum', async () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 3, 3, 1], null);
    const o = { filter: [2, 2], stride: [2, 2], padding: 'same' } as const;
    const mean = b.pool2d('average_pool_2d', x, { name: 'mean', ...o });
    const max = b.pool2d('max_pool_2d', x, { name: 'max', ...o });
    const results = await outputs(b.build([mean, max]), {
      count: 1,
      inputs: [Float32Array.of(-1, -2, -3, -4, -5, -6, -7, -8, -9)],
    });
    expect(results.get(mean)).toEqual([-3, -4.5, -7.5, -9]);
    expect(results.get(max)).toEqual([-1, -3, -7, -9]);
  });

  it.each([floatConvNet(), floatResidualNet()])(
    'should stack samples without mixing them ($name)',
    async (graph) => {
      expect(batchSize(graph)).toBe(32);
      const size = elements(tensorOf(graph, graph.inputs[0]!));
      const data = floats(3, size * 40);
      const want = graph.ops.flatMap((op) => op.outputs);
      const all = await outputs(graph, { count: 40, inputs: [data] }, want);
      const one = await outputs(graph, { count: 1, inputs: [data.subarray(size * 37, size * 38)] }, want);
      for (const id of want) {
        const n = elements(tensorOf(graph, id));
        const there = all.get(id)!.slice(n * 37, n * 38);
        one.get(id)!.forEach((value, i) => expect(there[i]).toBeCloseTo(value, 5));
      }
    },
  );

  it('should give back all its memory, also when it was cancelled', async () => {
    const tf = await openTfjs();
    const graph = floatConvNet();
    const samples = { count: 64, inputs: [floats(3, 144 * 64)] };
    await outputs(graph, samples);
    const before = tf.memory().numTensors;
    await outputs(graph, samples);
    const cancelled = evaluateFloat(graph, samples, {
      visit: () => {},
      pause: () => Promise.reject(new Error('cancelled')),
    });
    await expect(cancelled).rejects.toThrow('cancelled');
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(GENTLE)('should agree with the integers of %s within a few steps', async (name) => {
    const graph = MODELS[name]!();
    const source = { bytes: writeTflite(graph), fileName: 'm.tflite' };
    const deviceType = { name: 't', core: 'wasm', clockHz: 1e8, slotBytes: 1 << 20, arenaBytes: 1 << 18 };
    const { bundle } = await compile(source, { deviceType });
    const loaded = (await Runtime.open()).load(bundle);
    const inputs = graph.inputs.map((id, i) => {
      const size = elements(tensorOf(graph, id));
      return Int8Array.from(floats(i + 1, size), (v) => Math.round(v * 60));
    });
    const results = loaded.run(inputs.map((values) => new Uint8Array(values.buffer)));
    const reals = inputs.map((values, i) => {
      const tensor = tensorOf(graph, graph.inputs[i]!);
      return dequantize(tensor, values, tensor.quantization!);
    });
    const float = await outputs(dequantizeGraph(graph), { count: 1, inputs: reals });
    graph.outputs.forEach((id, i) => {
      const tensor = tensorOf(graph, id);
      const { scales, zeroPoints } = tensor.quantization!;
      const [scale, zero] = [scales[0]!, zeroPoints[0]!];
      const device = dequantize(tensor, new Int8Array(results[i]!.slice().buffer), tensor.quantization!);
      float.get(id)!.forEach((value, at) => {
        // Integers saturate where the test's random weights go too far.
        const held = Math.min(Math.max(value, (-128 - zero) * scale), (127 - zero) * scale);
        expect(Math.abs(held - device[at]!)).toBeLessThanOrEqual(6 * scale);
      });
    });
  });
});
