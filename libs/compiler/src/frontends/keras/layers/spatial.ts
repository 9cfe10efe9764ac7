// Pools, padding, cropping and upsampling, in one and two dimensions.
import type { TensorId } from '../../../ir/graph.js';
import { pad, resize, slice } from '../../net/emit.js';
import { NO_PADDING, type Pair } from '../../net/graph-writer.js';
import type { LayerContext } from '../context.js';
import type { Json } from '../json.js';
import { asImage } from './weighted.js';

type Kind = 'average_pool_2d' | 'max_pool_2d';

export function importPool(kind: Kind, dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, back } = asImage(c, dimensions);
  const line = { oneDimensional: dimensions === 1 };
  const filter = c.pair('pool_size', 2, line);
  const stride = (c.config['strides'] ?? null) === null ? filter : c.pair('strides', null, line);
  const padding = c.padding('padding', size, { filter, stride });
  return back(c.writer.pool2d(kind, image, { filter, stride, padding, name: c.name }));
}

export function importGlobalPool(kind: Kind, dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, channels } = asImage(c, dimensions);
  const { writer, name } = c;
  const y = writer.pool2d(kind, image, { filter: size, stride: [1, 1], padding: NO_PADDING, name });
  const batch = writer.shape(image)[0]!;
  const kept = c.flag('keepdims', false) ? Array<number>(dimensions).fill(1) : [];
  return writer.reshape(y, [batch, ...kept, channels], `${name}/vector`);
}

/** [before, after] per dimension from 3, [1, 2] or [[1, 1], [2, 2]]. */
function amounts(c: LayerContext, key: string, dimensions: 1 | 2): Pair[] {
  const given = c.config[key] ?? 1;
  const count = (value: Json | undefined): number => {
    if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535) return value;
    throw c.invalid(`${key} is ${JSON.stringify(given)}`);
  };
  const pair = (value: Json | undefined): Pair => {
    if (Array.isArray(value) && value.length === 2) return [count(value[0] as Json), count(value[1] as Json)];
    return [count(value), count(value)];
  };
  if (dimensions === 1) return [pair(given)];
  if (!Array.isArray(given)) return [pair(given), pair(given)];
  return [pair(given[0] as Json), pair(given[1] as Json)];
}

export function importZeroPadding(dimensions: 1 | 2, c: LayerContext): TensorId {
  c.channelsLast();
  c.rank(dimensions + 2);
  const none: Pair = [0, 0];
  return pad(c.writer, c.input, {
    amounts: [none, ...amounts(c, 'padding', dimensions), none],
    name: c.name,
  });
}

export function importCropping(dimensions: 1 | 2, c: LayerContext): TensorId {
  c.channelsLast();
  c.rank(dimensions + 2);
  const none: Pair = [0, 0];
  const cut = [none, ...amounts(c, 'cropping', dimensions), none];
  const size = c.shape.map((n, k) => n - cut[k]![0] - cut[k]![1]);
  if (size.some((n) => n < 1)) throw c.invalid(`it crops ${c.writer.say(c.input)} to nothing`);
  return slice(c.writer, c.input, { begin: cut.map(([before]) => before), size, name: c.name });
}

export function importUpSampling(dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, back } = asImage(c, dimensions);
  const factors = c.pair('size', 2, { oneDimensional: dimensions === 1 });
  const mode = c.text('interpolation', 'nearest');
  if (mode !== 'nearest' && mode !== 'bilinear') throw c.option(`interpolation ${mode}`);
  const kind = mode === 'nearest' ? 'resize_nearest_neighbor' : 'resize_bilinear';
  const y = resize(c.writer, kind, image, {
    size: [size[0] * factors[0], size[1] * factors[1]],
    alignCorners: false,
    halfPixelCenters: true,
    name: c.name,
  });
  return back(y);
}
