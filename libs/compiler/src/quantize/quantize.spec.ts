// Scales and integers of quantized graphs, by hand.
import { describe, expect, it } from '@jest/globals';
import { GraphBuilder } from '../ir/builder.js';
import { int32Values, tensorOf, type Graph, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { verify } from '../ir/verify.js';
import { int8Weights, leastWeightScale } from './constants.js';
import { quantizeGraph } from './quantize.js';
import { asymmetricInt8, RangeObserver, type Range } from './ranges.js';

function quantized(graph: Graph, ranges: readonly [TensorId, Range][]): Graph {
  const result = quantizeGraph(graph, new Map(ranges));
  verify(result, 'quantize');
  return result;
}

const scaleOf = (graph: Graph, id: TensorId) => tensorOf(graph, id).quantization;

describe('asymmetricInt8', () => {
  it.each([
    [{ min: -1, max: 1 }, 2 / 255, -1],
    [{ min: 0, max: 255 }, 1, -128],
    [{ min: 3, max: 255 }, 1, -128],
    [{ min: -255, max: -3 }, 1, 127],
    [{ min: 0, max: 0 }, 1, -128],
  ] as const)('should cover %o and zero', (range, scale, zeroPoint) => {
    expect(asymmetricInt8(range)).toEqual({
      scales: [Math.fround(scale)],
      zeroPoints: [zeroPoint],
      axis: null,
    });
  });
});

describe('RangeObserver', () => {
  it('should keep the ends and count what is no number', () => {
    const observer = new RangeObserver();
    observer.observe(1, [3, NaN, -2]);
    observer.observe(1, [Infinity, 7]);
    expect(observer.ranges().get(1)).toEqual({ min: -2, max: 7 });
    expect(observer.notFinite).toBe(2);
  });
});

describe('int8Weights', () => {
  it('should give each channel its own scale and round half away from zero', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 3], null);
    const filter = b.constant('w', [2, 3], Float32Array.of(127, 0.5, -0.5, 0, 0, 0));
    const graph = b.build([b.fullyConnected({ input: x, filter }, { name: 'y' })]);
    const { data, quantization } = int8Weights(tensorOf(graph, filter), 0, () => 0);
    expect([...new Int8Array(data!.buffer)]).toEqual([127, 1, -1, 0, 0, 0]);
    expect(quantization).toEqual({ scales: [1, 1], zeroPoints: [0, 0], axis: 0 });
  });

  it('should coarsen a channel whose bias would not fit int32', () => {
    const least = leastWeightScale(1e6, 1e-3);
    expect(1e6 / (1e-3 * least)).toBeCloseTo(2 ** 30, 0);
  });
});

describe('quantizeGraph', () => {
  it('should make biases in units of input times weights', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 1], null);
    const filter = b.constant('w', [2, 1], Float32Array.of(127, 254));
    const bias = b.constant('b', [2], Float32Array.of(10, 10));
    const y = b.fullyConnected({ input: x, filter, bias }, { name: 'y' });
    const graph = quantized(b.build([y]), [
      [x, { min: 0, max: 127.5 }],
      [y, { min: 0, max: 255 }],
    ]);
    const [dense] = graph.ops;
    expect([...int32Values(tensorOf(graph, dense!.inputs[2]!))]).toEqual([20, 10]);
    expect(graph.inputs).toEqual([x]);
    expect(graph.outputs).toEqual([y]);
  });

  it('should tie what only moves, and fix what is a probability', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 4, 4, 2], null);
    const pool = b.pool2d('max_pool_2d', x, { name: 'pool', filter: [2, 2] });
    const rows = b.reshape(pool, 'rows', [4, 2]);
    const p = b.softmax(rows, 'p');
    const flat = b.reshape(p, 'flat', [8]);
    const graph = quantized(b.build([flat]), [
      [x, { min: -3, max: 1 }],
      [pool, { min: -1, max: 2.1 }],
      [p, { min: 0.2, max: 0.6 }],
    ]);
    expect(scaleOf(graph, x)).toEqual(asymmetricInt8({ min: -3, max: 2.1 }));
    expect(scaleOf(graph, rows)).toEqual(scaleOf(graph, x));
    expect(scaleOf(graph, flat)).toEqual({ scales: [1 / 256], zeroPoints: [-128], axis: null });
  });

  it('should bring a fixed scale among others to theirs, in a step of its own', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 2], null);
    const p = b.softmax(x, 'p');
    const graph = b.build([b.add(x, p, { name: 'largest' })]);
    const ops = graph.ops.map((op): Op => (op.kind === 'add' ? { ...op, kind: 'maximum', attrs: {} } : op));
    const result = quantized({ ...graph, ops }, [[x, { min: -4, max: 4 }]]);
    expect(result.ops.map((op) => op.kind)).toEqual(['softmax', 'quantize', 'maximum']);
    const [, copy, largest] = result.ops;
    expect(scaleOf(result, p)!.scales).toEqual([1 / 256]);
    expect(scaleOf(result, copy!.outputs[0]!)).toEqual(scaleOf(result, largest!.outputs[0]!));
  });

  it('should name every op that has no int8 form', () => {
    const b = new GraphBuilder('g');
    const x = b.input('x', [1, 2], null);
    const graph = b.build([b.relu(b.relu(x, 'one'), 'two')]);
    const ops = graph.ops.map((op): Op => ({ ...op, kind: 'cast', attrs: {} }));
    expect(() => quantizeGraph({ ...graph, ops }, new Map())).toThrow(/\(2\).*CAST \(one\), CAST \(two\)/);
  });
});
