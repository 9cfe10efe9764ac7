// Small float models for tests, made with the IR builder from a seed, as test/models.ts has small int8 ones.
import { GraphBuilder, type Graph } from '../src/ir/index.js';
import { random } from './models.js';

/** Values in -1..1, each an exact float32. */
export function floats(seed: number, n: number, amplitude = 1): Float32Array {
  const next = random(seed);
  return Float32Array.from({ length: n }, () => (next(-1024, 1024) / 1024) * amplitude);
}

/** conv SAME stride 2 with relu6 -> depthwise (multiplier 2, VALID, dilated) -> average pool -> dense -> softmax. */
export function floatConvNet(seed = 1): Graph {
  const b = new GraphBuilder('float_conv_net');
  const x = b.input('x', [1, 9, 8, 2], null);
  const c = b.conv2d(
    {
      input: x,
      filter: b.constant('conv/w', [4, 3, 3, 2], floats(seed, 72)),
      bias: b.constant('conv/b', [4], floats(seed + 1, 4)),
    },
    { name: 'conv', stride: [2, 2], padding: 'same', activation: 'relu6' },
  );
  const d = b.depthwiseConv2d(
    { input: c, filter: b.constant('depthwise/w', [1, 2, 2, 8], floats(seed + 2, 32)) },
    { name: 'depthwise', dilation: [2, 2], activation: 'relu' },
  );
  const flat = b.reshape(b.pool2d('average_pool_2d', d, { name: 'pool', filter: [3, 2] }), 'flatten', [1, 8]);
  const y = b.fullyConnected(
    {
      input: flat,
      filter: b.constant('dense/w', [3, 8], floats(seed + 3, 24)),
      bias: b.constant('dense/b', [3], floats(seed + 4, 3)),
    },
    { name: 'dense' },
  );
  return b.build([b.softmax(y, 'probabilities')]);
}

/** Two branches that meet in an add, a max pool, stand-alone activations. */
export function floatResidualNet(seed = 7): Graph {
  const b = new GraphBuilder('float_residual_net');
  const x = b.input('x', [1, 6, 6, 3], null);
  const conv = (name: string, input: number, s: number) =>
    b.conv2d(
      {
        input,
        filter: b.constant(`${name}/w`, [3, 3, 3, 3], floats(s, 81, 0.5)),
        bias: b.constant(`${name}/b`, [3], floats(s + 1, 3)),
      },
      { name, padding: 'same' },
    );
  const left = b.relu(conv('left', x, seed), 'left/relu');
  const sum = b.add(conv('right', left, seed + 2), x, { name: 'sum', activation: 'relu' });
  const pooled = b.pool2d('max_pool_2d', sum, { name: 'max', filter: [2, 2], padding: 'same' });
  const flat = b.reshape(pooled, 'flat', [1, 27]);
  const y = b.fullyConnected(
    { input: flat, filter: b.constant('dense/w', [4, 27], floats(seed + 5, 108)) },
    { name: 'dense' },
  );
  return b.build([b.softmax(y, 'probabilities')]);
}
