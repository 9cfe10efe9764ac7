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

/** Two dense layers and a softmax over 4 classes, about the most that a slot of 2,048 bytes holds. */
export function gestureNet(inputs = 32, hidden = 16, seed = 7): Graph {
  const next = random(seed);
  const b = new GraphBuilder('gesture_net');
  const x = b.input('x', [1, inputs], INPUT);
  const layer = (input: number, name: string, [units, width]: readonly [number, number], scale: number) => {
    const scales = Array.from({ length: units }, (_, i) => 0.004 + i / 5_000);
    const filter = b.constant(`${name}/w`, [units, width], bytes(next, units * width), {
      scale: scales,
      axis: 0,
    });
    const bias = b.constant(`${name}/b`, [units], words(next, units), {
      scale: scales.map((s) => s * scale),
    });
    return { input, filter, bias };
  };
  const hide = b.fullyConnected(layer(x, 'hidden', [hidden, inputs], INPUT.scale), {
    name: 'hidden',
    activation: 'relu',
    scale: 0.03,
    zeroPoint: -128,
  });
  const y = b.fullyConnected(layer(hide, 'classes', [4, hidden], 0.03), {
    name: 'classes',
    scale: 0.1,
    zeroPoint: 7,
  });
  return b.build([b.softmax(y, 'probabilities')]);
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

/**
 * Every op that moves elements and every reduction: a padded image in blocks, transposed, cut, put together again, resized,
 * gathered; then reduced to a scaled mean, a class index and a product of two activations.
 */
export function movementNet(seed = 5): Graph {
  const next = random(seed);
  const b = new GraphBuilder('movement_net');
  const x = b.input('x', [1, 4, 6, 2], INPUT);
  const move = (
    kind: Parameters<GraphBuilder['move']>[0],
    inputs: number[],
    attrs: object,
    name: string,
    ...shapes: number[][]
  ): number[] => b.move(kind, inputs, attrs as never, { name, shapes });
  const [mirrored] = move(
    'mirror_pad',
    [x],
    { before: [0, 1, 0, 0], after: [0, 1, 2, 0], mode: 'reflect' },
    'mirrored',
    [1, 6, 8, 2],
  );
  const [batched] = move('space_to_batch_nd', [mirrored!], { block: [2, 2] }, 'batched', [4, 3, 4, 2]);
  const [woven] = move('batch_to_space_nd', [batched!], { block: [2, 2] }, 'woven', [1, 6, 8, 2]);
  const [deep] = move('space_to_depth', [woven!], { block: 2 }, 'deep', [1, 3, 4, 8]);
  const [flat] = move('depth_to_space', [deep!], { block: 2 }, 'flat', [1, 6, 8, 2]);
  const [turned] = move('transpose', [flat!], { perm: [0, 2, 1, 3] }, 'turned', [1, 8, 6, 2]);
  const cut = { begin: [0, 7, 1, 0], size: [1, 4, 3, 2], strides: [1, -2, 2, 1] };
  const [backwards] = move('slice', [turned!], cut, 'backwards', [1, 4, 3, 2]);
  const [first, rest] = move('split', [backwards!], { axis: 1 }, 'parts', [1, 1, 3, 2], [1, 3, 3, 2]);
  const edge = b.constant('edge', [1, 1, 3, 2], bytes(next, 6), INPUT);
  const [joined] = move('concatenation', [rest!, edge, first!], { axis: 1 }, 'joined', [1, 5, 3, 2]);
  const [left, middle, right] = move(
    'unpack',
    [joined!],
    { axis: 2 },
    'columns',
    [1, 5, 2],
    [1, 5, 2],
    [1, 5, 2],
  );
  const [packed] = move('pack', [right!, left!, middle!], { axis: 1 }, 'packed', [1, 3, 5, 2]);
  const near = { alignCorners: false, halfPixelCenters: true };
  const [wide] = move('resize_nearest_neighbor', [packed!], near, 'wide', [1, 4, 7, 2]);
  const corners = { alignCorners: true, halfPixelCenters: false };
  const [smooth] = move('resize_bilinear', [wide!], corners, 'smooth', [1, 5, 4, 2]);
  const indices = b.constant('indices', [3], Int32Array.of(3, 0, 3), { scale: 1 });
  const [tiled] = move('tile', [smooth!], { multiples: [1, 2, 1, 3] }, 'tiled', [1, 10, 4, 6]);
  const [picked] = move('gather', [smooth!, indices], { axis: 2, batchDims: 0 }, 'picked', [1, 5, 3, 2]);
  const lone = { begin: [0, 2, 0, 1], size: [1, 1, 3, 1], strides: [1, 1, 1, 1] };
  const [line] = move('slice', [picked!], lone, 'line', [1, 3]);
  const [spread] = move('broadcast_to', [line!], {}, 'spread', [3, 3]);
  const around = { before: [1, 0], after: [0, 1], value: 9 };
  const [bordered] = move('pad', [spread!], around, 'bordered', [4, 4]);
  const axes = { axes: [1, 2], keepDims: false };
  const mean = b.reduce('mean', picked!, axes, { name: 'mean', scale: 0.03, zeroPoint: 4 });
  const sum = b.reduce('sum', picked!, { axes: [1], keepDims: true }, { name: 'sum', scale: 0.4 });
  const most = b.reduce('reduce_max', sum, { axes: [0, 3], keepDims: false }, { name: 'most' });
  const least = b.reduce('reduce_min', bordered!, { axes: [0], keepDims: true }, { name: 'least' });
  const product = b.batchMatmul(bordered!, bordered!, { name: 'product', scale: 0.2, zeroPoint: -1 });
  const index = b.argument('arg_max', product, 1, 'index');
  const last = b.argument('arg_min', least, 1, 'last');
  return b.build([mean, most, index, last, tiled!]);
}

/** Pads, a dilation written with batches and a crop around convolutions: what passes put together. */
export function borderNet(seed = 6): Graph {
  const next = random(seed);
  const b = new GraphBuilder('border_net');
  const x = b.input('x', [1, 7, 5, 2], INPUT);
  const border = { before: [0, 0, 1, 0], after: [0, 1, 1, 0], value: INPUT.zeroPoint };
  const [padded] = b.move('pad', [x], border, { name: 'padded', shapes: [[1, 8, 7, 2]] });
  const q = { scale: 0.06, zeroPoint: -5 };
  const f1 = b.constant('conv/w', [3, 3, 3, 2], bytes(next, 54), { scale: [0.01, 0.02, 0.015] });
  const conv = b.conv2d({ input: padded!, filter: f1 }, { name: 'conv', ...q, activation: 'relu' });
  // [1, 6, 5, 3], in blocks of 2 x 2 with a row above, a row and two columns beside: rows divide, columns are cropped.
  const frame = { before: [0, 1, 1, 0], after: [0, 1, 2, 0], value: q.zeroPoint };
  const [framed] = b.move('pad', [conv], frame, { name: 'framed', shapes: [[1, 8, 8, 3]] });
  const block = { block: [2, 2] };
  const [apart] = b.move('space_to_batch_nd', [framed!], block, { name: 'apart', shapes: [[4, 4, 4, 3]] });
  const f2 = b.constant('dilated/w', [1, 2, 2, 3], bytes(next, 12), { scale: [0.02, 0.01, 0.03], axis: 3 });
  const dilated = b.depthwiseConv2d(
    { input: apart!, filter: f2 },
    { name: 'dilated', scale: 0.05, zeroPoint: 2 },
  );
  const [back] = b.move('batch_to_space_nd', [dilated], block, { name: 'back', shapes: [[1, 6, 6, 3]] });
  const crop = { begin: [0, 0, 0, 0], size: [1, 6, 5, 3], strides: [1, 1, 1, 1] };
  const [cropped] = b.move('slice', [back!], crop, { name: 'cropped', shapes: [[1, 6, 5, 3]] });
  const table = b.constant('table', [2, 3], bytes(next, 6), { scale: 0.05, zeroPoint: 2 });
  const [turned] = b.move('transpose', [table], { perm: [1, 0] }, { name: 'turned', shapes: [[3, 2]] });
  const row = { begin: [0, 1], size: [3, 1], strides: [1, 1] };
  const [biases] = b.move('slice', [turned!], row, { name: 'biases', shapes: [[3]] });
  const sum = b.add(cropped!, biases!, { name: 'sum', scale: 0.07, zeroPoint: 1 });
  const [same] = b.move('transpose', [sum], { perm: [1, 0, 2, 3] }, { name: 'same', shapes: [[6, 1, 5, 3]] });
  return b.build([b.reduce('mean', same!, { axes: [0, 2], keepDims: false }, { name: 'mean', scale: 0.05 })]);
}

/** Every element-wise op: squeeze-and-excitation without its convolutions, then one activation after the other. */
export function elementNet(seed = 5): Graph {
  const next = random(seed);
  const b = new GraphBuilder('element_net');
  const x = b.input('x', [1, 4, 6, 3], INPUT);
  const pooled = b.pool2d('average_pool_2d', x, { name: 'squeeze', filter: [4, 6] });
  const gate = b.curve('logistic', pooled, 'gate');
  const gated = b.binary('mul', x, gate, { name: 'gated', scale: 0.03, zeroPoint: -2 });
  const mean = b.constant('mean', [3], bytes(next, 3), { scale: 0.02, zeroPoint: 4 });
  const centred = b.binary('sub', gated, mean, { name: 'centred', scale: 0.04, zeroPoint: 3 });
  const deviation = b.constant('deviation', [3], bytes(next, 3, 90, 127), { scale: 0.008 });
  const normal = b.binary('div', centred, deviation, { name: 'normal', scale: 0.06, zeroPoint: 1 });
  const alpha = b.constant('alpha', [3], bytes(next, 3), { scale: 0.004 });
  const bent = b.prelu(normal, alpha, { name: 'bent', scale: 0.05, zeroPoint: -60 });
  const leaky = b.leakyRelu(bent, 0.125, { name: 'leaky', scale: 0.04, zeroPoint: -90 });
  const swish = b.unary('hard_swish', leaky, { name: 'swish', scale: 0.035, zeroPoint: -110 });
  const elu = b.unary('elu', swish, { name: 'elu', scale: 0.03, zeroPoint: -100 });
  const limit = b.constant('limit', [1], Int8Array.of(90), { scale: 0.03, zeroPoint: -100 });
  const capped = b.extreme('minimum', elu, limit, 'capped');
  const floor = b.extreme('maximum', capped, elu, 'floored');
  const rescaled = b.unary('quantize', floor, { name: 'rescaled', scale: 0.05, zeroPoint: 5 });
  return b.build([b.curve('tanh', rescaled, 'tanh'), gate]);
}

export const MODELS: Readonly<Record<string, () => Graph>> = {
  convNet,
  residualNet,
  denseNet,
  broadcastNet,
  movementNet,
  borderNet,
  elementNet,
};
