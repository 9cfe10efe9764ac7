// Small models for tests, made with the IR builder from a seed: one per shape of graph we care about. Their weights mean
// nothing; every op, padding, activation and layout that the compiler reads and writes occurs in one of them.
import { GraphBuilder, type Graph } from '../src/ir/index.js';

/** xorshift32: the same numbers on every machine. */
export function random(seed: number): (low: number, high: number) => number {
  let state = seed >>> 0 || 1;
  return (low, high) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return low + (state % (high - low + 1));
  };
}

function bytes(next: ReturnType<typeof random>, n: number, low = -127, high = 127): Int8Array {
  return Int8Array.from({ length: n }, () => next(low, high));
}

function words(next: ReturnType<typeof random>, n: number): Int32Array {
  return Int32Array.from({ length: n }, () => next(-500, 500));
}

const INPUT = { scale: 0.05, zeroPoint: -3 };

/** conv SAME stride 2 with relu6 -> depthwise (multiplier 2, VALID, dilated) -> average pool -> reshape -> dense -> softmax. */
export function convNet(seed = 1): Graph {
  const next = random(seed);
  const b = new GraphBuilder('conv_net');
  const x = b.input('x', [1, 9, 8, 2], INPUT);
  const f1 = b.constant('conv/w', [4, 3, 3, 2], bytes(next, 72), {
    scale: [0.01, 0.02, 0.015, 0.03],
    axis: 0,
  });
  const b1 = b.constant('conv/b', [4], words(next, 4), { scale: [0.0005, 0.001, 0.00075, 0.0015] });
  const c1 = b.conv2d(
    { input: x, filter: f1, bias: b1 },
    { name: 'conv', stride: [2, 2], padding: 'same', activation: 'relu6', scale: 0.0235, zeroPoint: -128 },
  );
  const f2 = b.constant('depthwise/w', [1, 2, 2, 8], bytes(next, 32), {
    scale: Array.from({ length: 8 }, (_, i) => 0.01 + i / 500),
    axis: 3,
  });
  const d1 = b.depthwiseConv2d(
    { input: c1, filter: f2 },
    { name: 'depthwise', dilation: [2, 2], activation: 'relu', scale: 0.04, zeroPoint: -100 },
  );
  const p1 = b.pool2d('average_pool_2d', d1, { name: 'pool', filter: [3, 2] });
  const r1 = b.reshape(p1, 'flatten', [1, 8]);
  const f3 = b.constant('dense/w', [3, 8], bytes(next, 24), { scale: 0.02 });
  const b3 = b.constant('dense/b', [3], words(next, 3), { scale: 0.0008 });
  const y = b.fullyConnected(
    { input: r1, filter: f3, bias: b3 },
    { name: 'dense', scale: 0.1, zeroPoint: 7 },
  );
  return b.build([b.softmax(y, 'probabilities')]);
}

/** Two branches that meet in an add, a max pool, stand-alone activations, a per-channel dense layer: a small residual net. */
export function residualNet(seed = 2): Graph {
  const next = random(seed);
  const b = new GraphBuilder('residual_net');
  const x = b.input('x', [1, 8, 8, 3], INPUT);
  const conv = (input: number, name: string, depth: number, o: object): number => {
    const filter = b.constant(`${name}/w`, [4, 3, 3, depth], bytes(next, 36 * depth), {
      scale: [0.01, 0.012, 0.02, 0.008],
    });
    const bias = b.constant(`${name}/b`, [4], words(next, 4), { scale: [0.001, 0.001, 0.001, 0.001] });
    return b.conv2d({ input, filter, bias }, { name, padding: 'same', scale: 0.06, zeroPoint: -5, ...o });
  };
  const stem = b.relu(conv(x, 'stem', 3, {}), 'stem/relu');
  const left = conv(stem, 'left/1', 4, { activation: 'relu' });
  const right = conv(left, 'left/2', 4, { scale: 0.09, zeroPoint: 11 });
  const sum = b.add(stem, right, { name: 'sum', activation: 'relu', scale: 0.1, zeroPoint: -20 });
  const pooled = b.pool2d('max_pool_2d', sum, { name: 'max', filter: [2, 2], padding: 'same' });
  const flat = b.reshape(b.reshape(pooled, 'rows', [1, 16, 4]), 'flat', [1, 64]);
  const dense = b.constant('dense/w', [5, 64], bytes(next, 320), { scale: [0.01, 0.02, 0.03, 0.015, 0.025] });
  const y = b.fullyConnected({ input: flat, filter: dense }, { name: 'dense', scale: 0.3, zeroPoint: 0 });
  return b.build([b.softmax(y, 'probabilities', 0.5)]);
}

/** Dense layers only, no softmax, two outputs, one of them in the middle. */
export function denseNet(seed = 3): Graph {
  const next = random(seed);
  const b = new GraphBuilder('dense_net');
  const x = b.input('x', [1, 6], INPUT);
  const layer = (
    input: number,
    name: string,
    [units, width]: [number, number],
    activation: 'relu' | 'none',
  ) => {
    const filter = b.constant(`${name}/w`, [units, width], bytes(next, units * width), { scale: 0.02 });
    const bias = b.constant(`${name}/b`, [units], words(next, units), { scale: 0.001 });
    return b.fullyConnected({ input, filter, bias }, { name, activation, scale: 0.08, zeroPoint: -10 });
  };
  const a = layer(x, 'a', [10, 6], 'relu');
  const c = layer(a, 'c', [4, 10], 'none');
  return b.build([c, a]);
}

/** An add that broadcasts a constant per channel and one that broadcasts a row; padding of a max pool; ReLU1. */
export function broadcastNet(seed = 4): Graph {
  const next = random(seed);
  const b = new GraphBuilder('broadcast_net');
  const x = b.input('x', [1, 5, 6, 3], INPUT);
  const offsets = b.constant('offsets', [3], bytes(next, 3), { scale: 0.02, zeroPoint: 4 });
  const shifted = b.add(x, offsets, { name: 'shifted', scale: 0.07, zeroPoint: 1 });
  const pooled = b.pool2d('max_pool_2d', shifted, { name: 'pooled', filter: [5, 1], stride: [5, 1] });
  const mixed = b.add(pooled, shifted, {
    name: 'mixed',
    activation: 'relu_n1_to_1',
    scale: 0.05,
    zeroPoint: -6,
  });
  return b.build([
    b.pool2d('average_pool_2d', mixed, { name: 'mean', filter: [3, 3], stride: [2, 2], padding: 'same' }),
  ]);
}

export const MODELS: Readonly<Record<string, () => Graph>> = { convNet, residualNet, denseNet, broadcastNet };
