// Dense and convolution layers. One-dimensional ones are images of height 1.
import type { TensorId } from '../../../ir/graph.js';
import { transposeConv } from '../../net/emit.js';
import type { Pair } from '../../net/graph-writer.js';
import { permuted, reshaped, type NdArray } from '../../net/nd-array.js';
import type { LayerContext } from '../context.js';
import { activated } from './activations.js';

export function importDense(c: LayerContext): TensorId {
  const { writer, name, shape } = c;
  const units = c.count('units');
  const k = shape.at(-1)!;
  const kernel = permuted(c.weight('kernel', 0, [k, units]), [1, 0]);
  const y = writer.dense(c.input, writer.constant(`${name}/kernel`, kernel), bias(c, units, 1), {
    name,
    shape: [...shape.slice(0, -1), units],
  });
  return activated(c, y, c.config['activation'], `${name}/activation`);
}

function bias(c: LayerContext, channels: number, index: number): TensorId | null {
  if (!c.flag('use_bias', true)) return null;
  return c.writer.constant(`${c.name}/bias`, c.weight('bias', index, [channels]));
}

/** The input as an image [batch, h, w, channels], and how its results become what Keras has. */
export function asImage(
  c: LayerContext,
  dimensions: 1 | 2,
): { image: TensorId; size: Pair; channels: number; back: (y: TensorId) => TensorId } {
  c.channelsLast();
  c.rank(dimensions + 2);
  const { writer, name, shape } = c;
  if (dimensions === 2) {
    const [, h, w, channels] = shape as [number, number, number, number];
    return { image: c.input, size: [h, w], channels, back: (y) => y };
  }
  const [batch, length, channels] = shape as [number, number, number];
  const image = writer.reshape(c.input, [batch, 1, length, channels], `${name}/image`);
  const back = (y: TensorId): TensorId => {
    const [n, , w, depth] = writer.shape(y) as [number, number, number, number];
    return writer.reshape(y, [n, w, depth], `${name}/line`);
  };
  return { image, size: [1, length], channels, back };
}

/** [kh, kw, ...] of a kernel that lacks the height in one dimension. */
function kernelOf(
  c: LayerContext,
  dimensions: 1 | 2,
  o: { variable: string; index: number; shape: readonly number[] },
): NdArray {
  const stored = dimensions === 1 ? o.shape.slice(1) : o.shape;
  return reshaped(c.weight(o.variable, o.index, stored), o.shape);
}

function window(c: LayerContext, dimensions: 1 | 2, size: Pair) {
  const line = { oneDimensional: dimensions === 1 };
  const filter = c.pair('kernel_size', null, line);
  const stride = c.pair('strides', 1, line);
  const dilation = c.pair('dilation_rate', 1, line);
  return { filter, stride, dilation, padding: c.padding('padding', size, { filter, stride, dilation }) };
}

export function importConv(dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, channels, back } = asImage(c, dimensions);
  const { filter, ...w } = window(c, dimensions, size);
  const filters = c.count('filters');
  const groups = c.count('groups', 1);
  if (channels % groups !== 0 || filters % groups !== 0)
    throw c.invalid(`${groups} groups of ${channels} channels`);
  const shape = [...filter, channels / groups, filters];
  const kernel = permuted(kernelOf(c, dimensions, { variable: 'kernel', index: 0, shape }), [3, 0, 1, 2]);
  const { writer, name } = c;
  const id = writer.constant(`${name}/kernel`, kernel);
  const y = writer.conv2d(image, id, bias(c, filters, 1), { ...w, name });
  return back(activated(c, y, c.config['activation'], `${name}/activation`));
}

export function importDepthwiseConv(dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, channels, back } = asImage(c, dimensions);
  const { filter, ...w } = window(c, dimensions, size);
  const multiplier = c.count('depth_multiplier', 1);
  const { writer, name } = c;
  // Keras 3 calls it kernel.
  const variable = c.optionalWeight('depthwise_kernel', 0) === null ? 'kernel' : 'depthwise_kernel';
  const shape = [...filter, channels, multiplier];
  const kernel = reshaped(kernelOf(c, dimensions, { variable, index: 0, shape }), [
    1,
    ...filter,
    channels * multiplier,
  ]);
  const id = writer.constant(`${name}/kernel`, kernel);
  const y = writer.depthwiseConv2d(image, id, bias(c, channels * multiplier, 1), { ...w, name });
  return back(activated(c, y, c.config['activation'], `${name}/activation`));
}

export function importSeparableConv(dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, channels, back } = asImage(c, dimensions);
  const { filter, ...w } = window(c, dimensions, size);
  const multiplier = c.count('depth_multiplier', 1);
  const filters = c.count('filters');
  const { writer, name } = c;
  const depth = channels * multiplier;
  const deep = { variable: 'depthwise_kernel', index: 0, shape: [...filter, channels, multiplier] };
  const kernel = reshaped(kernelOf(c, dimensions, deep), [1, ...filter, depth]);
  const middle = writer.depthwiseConv2d(image, writer.constant(`${name}/depthwise_kernel`, kernel), null, {
    ...w,
    name: `${name}/depthwise`,
  });
  const wide = { variable: 'pointwise_kernel', index: 1, shape: [1, 1, depth, filters] };
  const pointwise = permuted(kernelOf(c, dimensions, wide), [3, 0, 1, 2]);
  const y = writer.conv2d(
    middle,
    writer.constant(`${name}/pointwise_kernel`, pointwise),
    bias(c, filters, 2),
    {
      stride: [1, 1],
      padding: { top: 0, left: 0, bottom: 0, right: 0 },
      name,
    },
  );
  return back(activated(c, y, c.config['activation'], `${name}/activation`));
}

export function importConvTranspose(dimensions: 1 | 2, c: LayerContext): TensorId {
  const { image, size, channels, back } = asImage(c, dimensions);
  const { filter, stride, dilation } = window(c, dimensions, size);
  if (dilation.some((d) => d !== 1)) throw c.option('dilation');
  if ((c.config['output_padding'] ?? null) !== null) throw c.option('output_padding');
  if (c.count('groups', 1) !== 1) throw c.option('groups');
  const filters = c.count('filters');
  const scheme = c.text('padding', 'valid').toLowerCase();
  if (scheme !== 'same' && scheme !== 'valid') throw c.option(`padding ${scheme}`);
  const { writer, name } = c;
  const shape = [...filter, filters, channels];
  const kernel = permuted(kernelOf(c, dimensions, { variable: 'kernel', index: 0, shape }), [2, 0, 1, 3]);
  // The full result has (n - 1) * stride + k rows; SAME keeps n * stride of them.
  const along = (i: 0 | 1): [cut: number, extent: number] => {
    const more = Math.max(0, filter[i] - stride[i]);
    return scheme === 'same' ? [more >> 1, size[i] * stride[i]] : [0, size[i] * stride[i] + more];
  };
  const [[top, h], [left, w]] = [along(0), along(1)];
  const y = transposeConv(writer, {
    input: image,
    filter: writer.constant(`${name}/kernel`, kernel),
    bias: bias(c, filters, 1),
    stride,
    padding: { top, left, bottom: top, right: left },
    shape: [writer.shape(image)[0]!, h, w, filters],
    name,
  });
  return back(activated(c, y, c.config['activation'], `${name}/activation`));
}
