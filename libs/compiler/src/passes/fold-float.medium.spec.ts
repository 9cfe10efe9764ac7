// Passes of float graphs: what they fold, what they must leave, and that results stay within rounding.
import { describe, expect, it } from '@jest/globals';
import { floats } from '../../test/float-models.js';
import { openTfjs } from '../evaluate/backend.js';
import { floatBytes } from '../evaluate/dequantize.js';
import { evaluateFloat, foldFloat } from '../evaluate/evaluate.js';
import { GraphBuilder } from '../ir/builder.js';
import { elements, tensorOf, type Graph, type Tensor, type TensorId } from '../ir/graph.js';
import type { Op } from '../ir/ops.js';
import { runPasses } from './pass.js';
import { FLOAT_PASSES } from './table.js';

async function folded(graph: Graph): Promise<Graph> {
  const tf = await openTfjs();
  const evaluate = (at: Graph, op: Op) => foldFloat(tf, at, op)?.map(floatBytes) ?? null;
  return runPasses(graph, FLOAT_PASSES, { diagnostics: [], evaluate }).graph;
}

async function outputs(graph: Graph): Promise<number[]> {
  const inputs = graph.inputs.map((id, i) => floats(i + 11, elements(tensorOf(graph, id)) * 4));
  const all: number[] = [];
  await evaluateFloat(graph, { count: 4, inputs }, { visit: (_, values) => all.push(...values) });
  return all;
}

/** The kinds that are left, with outputs unchanged within 1e-5 of the largest. */
async function kindsAfter(graph: Graph): Promise<string[]> {
  const [after, was] = [await folded(graph), await outputs(graph)];
  const is = await outputs(after);
  const largest = Math.max(...was.map(Math.abs));
  was.forEach((value, i) => expect(Math.abs(value - is[i]!)).toBeLessThanOrEqual(1e-5 * largest));
  expect(is.length).toBe(was.length);
  return after.ops.map((op) => op.kind);
}

type Linear = 'mul' | 'add' | 'sub' | 'div';
/** The builder has ADD; the others differ by their kind. */
class Net extends GraphBuilder {
  private readonly kinds = new Map<string, Linear>();

  linear(
    kind: Linear,
    a: TensorId,
    b: TensorId,
    name: string,
    activation: 'none' | 'relu' = 'none',
  ): TensorId {
    this.kinds.set(name, kind);
    return this.add(a, b, { name, activation });
  }

  override build(outs: readonly TensorId[]): Graph {
    const graph = super.build(outs);
    const ops = graph.ops.map((op) => ({ ...op, kind: this.kinds.get(op.name) ?? op.kind }) as Op);
    return { ...graph, ops };
  }
}

const perChannel = (b: GraphBuilder, name: string, channels: number, seed: number): TensorId =>
  b.constant(
    name,
    [channels],
    floats(seed, channels).map((value) => value + 1.5),
  );

describe('fold-batch-norm', () => {
  it.each(['conv', 'depthwise', 'dense'] as const)(
    'should fold what stands behind a %s layer',
    async (layer) => {
      const b = new Net('g');
      const x = b.input('x', layer === 'dense' ? [1, 12] : [1, 5, 5, 3], null);
      const filter = (shape: readonly number[]): TensorId =>
        b.constant('w', shape, floats(3, elements({ shape })));
      const y =
        layer === 'conv'
          ? b.conv2d({ input: x, filter: filter([6, 3, 3, 3]) }, { name: 'y', padding: 'same' })
          : layer === 'depthwise'
            ? b.depthwiseConv2d({ input: x, filter: filter([1, 3, 3, 6]) }, { name: 'y', padding: 'same' })
            : b.fullyConnected({ input: x, filter: filter([6, 12]) }, { name: 'y' });
      const scaled = b.linear('mul', y, perChannel(b, 'gamma', 6, 4), 'scaled');
      const shifted = b.linear('sub', scaled, perChannel(b, 'beta', 6, 5), 'shifted');
      const graph = b.build([b.relu(shifted, 'relu')]);
      expect(await kindsAfter(graph)).toEqual([
        layer === 'conv' ? 'conv_2d' : layer === 'depthwise' ? 'depthwise_conv_2d' : 'fully_connected',
      ]);
      expect((await folded(graph)).ops[0]!.attrs).toMatchObject({ activation: 'relu' });
    },
  );

  it('should fold factors before a padded layer, but no summands', async () => {
    const b = new Net('g');
    const x = b.input('x', [1, 5, 5, 3], null);
    const factor = b.linear('div', x, perChannel(b, 'sigma', 3, 4), 'factor');
    const sum = b.linear('add', factor, perChannel(b, 'mu', 3, 5), 'sum');
    const filter = b.constant('w', [6, 3, 3, 3], floats(3, 162));
    const padded = b.conv2d({ input: sum, filter }, { name: 'padded', padding: 'same' });
    expect(await kindsAfter(b.build([padded]))).toEqual(['div', 'add', 'conv_2d']);
    const v = new Net('g');
    const z = v.input('x', [1, 5, 5, 3], null);
    const s = v.linear(
      'add',
      v.linear('div', z, perChannel(v, 'sigma', 3, 4), 'f'),
      perChannel(v, 'mu', 3, 5),
      's',
    );
    const w = v.constant('w', [6, 3, 3, 3], floats(3, 162));
    expect(await kindsAfter(v.build([v.conv2d({ input: s, filter: w }, { name: 'valid' })]))).toEqual([
      'conv_2d',
    ]);
  });

  it('should leave what others read, what follows a clamp, and what is not per channel', async () => {
    const make = (
      change: (b: Net, y: TensorId) => TensorId[],
      activation: 'none' | 'relu' = 'none',
    ): Graph => {
      const b = new Net('g');
      const x = b.input('x', [1, 4, 4, 2], null);
      const filter = b.constant('w', [2, 1, 1, 2], floats(3, 4));
      return b.build(change(b, b.conv2d({ input: x, filter }, { name: 'y', activation })));
    };
    const scaled = (b: Net, y: TensorId): TensorId => b.linear('mul', y, perChannel(b, 'c', 2, 4), 'scaled');
    expect(await kindsAfter(make((b, y) => [scaled(b, y), y]))).toContain('mul');
    expect(await kindsAfter(make((b, y) => [scaled(b, y)], 'relu'))).toContain('mul');
    const map = (b: Net, y: TensorId): TensorId[] => [
      b.linear('mul', y, b.constant('m', [1, 4, 4, 1], floats(2, 16)), 'm'),
    ];
    expect(await kindsAfter(make(map))).toContain('mul');
  });
});

describe('fold-float', () => {
  it('should compute once what depends on constants alone', async () => {
    const b = new Net('g');
    const x = b.input('x', [1, 4], null);
    const c = b.linear('mul', b.constant('a', [4], floats(1, 4)), b.constant('b', [4], floats(2, 4)), 'c');
    const graph = b.build([b.relu(b.linear('add', x, c, 'y'), 'z')]);
    expect(await kindsAfter(graph)).toEqual(['add']);
    const product = [...(await folded(graph)).tensors.values()].find((t: Tensor) => t.name === 'c');
    expect(product?.data).not.toBeNull();
  });
});
