// Conv and ConvTranspose, 1-D and 2-D, floats and QDQ integers.
import type { TensorId } from '../../../ir/graph.js';
import { transposeConv } from '../../net/emit.js';
import type { Pair } from '../../net/graph-writer.js';
import { permuted, reshaped, type NdArray } from '../../net/nd-array.js';
import type { OnnxContext } from '../context.js';
import { biasFor, checkWeights } from '../quantization.js';
import { pair, windowOf, type Window } from '../windows.js';

export function importConv(c: OnnxContext): void {
  const x = c.spatial(0);
  const weights = widened(c, checkWeights(c, c.constant(1), 0), x.rank);
  const [out, depth, kh, kw] = weights.shape as [number, number, number, number];
  const [, h, w, channels] = c.writer.shape(x.id) as [number, number, number, number];
  const groups = c.int('group', 1);
  if (!(groups >= 1) || depth * groups !== channels || out % groups !== 0)
    throw c.invalid(`weights [${weights.shape.join(', ')}] in ${groups} groups for ${channels} channels`);
  const window = windowOf(c, x.rank, [h, w], [kh, kw]);
  const bias = biasFor(c, 2, { input: x.id, weights, channels: out });
  const layer: Layer = { input: x.id, window, bias };
  // Groups follow from the depth of the filters.
  const each = depth === 1 && groups > 1;
  c.spatialResult(each ? depthwise(c, layer, weights) : dense(c, layer, weights), x.rank);
}

interface Layer {
  readonly input: TensorId;
  readonly window: Window;
  readonly bias: NdArray | null;
}

function dense(c: OnnxContext, { input, window, bias }: Layer, weights: NdArray): TensorId {
  const { writer, name } = c;
  const filter = writer.constant(`${name}/weights`, permuted(weights, [0, 2, 3, 1]));
  const b = bias === null ? null : writer.constant(`${name}/bias`, bias);
  return writer.conv2d(input, filter, b, { ...window, name, type: c.type() });
}

function depthwise(c: OnnxContext, { input, window, bias }: Layer, weights: NdArray): TensorId {
  const { writer, name } = c;
  const filter = writer.constant(`${name}/weights`, permuted(weights, [1, 2, 3, 0]));
  const b = bias === null ? null : writer.constant(`${name}/bias`, bias);
  return writer.depthwiseConv2d(input, filter, b, { ...window, name, type: c.type() });
}

/** 1-D weights [a, b, k] as [a, b, 1, k]. */
function widened(c: OnnxContext, weights: NdArray, rank: number): NdArray {
  const [a, b, ...extents] = weights.shape;
  const kernel = c.ints('kernel_shape');
  if (weights.shape.length !== rank || (kernel !== null && kernel.join() !== extents.join()))
    throw c.invalid(`weights [${weights.shape.join(', ')}] for ${rank} dimensions`);
  return rank === 3 ? reshaped(weights, [a!, b!, 1, extents[0]!]) : weights;
}

export function importConvTranspose(c: OnnxContext): void {
  const x = c.spatial(0);
  if (c.int('group', 1) !== 1) throw c.option('groups');
  // [in, out, kh, kw]
  const weights = widened(c, checkWeights(c, c.constant(1), 1), x.rank);
  const [depth, out, kh, kw] = weights.shape as [number, number, number, number];
  const [batch, h, w, channels] = c.writer.shape(x.id) as [number, number, number, number];
  if (depth !== channels) throw c.invalid(`weights [${weights.shape.join(', ')}] for ${channels} channels`);
  const [stride, dilation] = [pair(c, 'strides', x.rank), pair(c, 'dilations', x.rank)];
  if (dilation.some((d) => d !== 1)) throw c.option('dilation');
  const extra: Pair = c.ints('output_padding')?.length ? pair(c, 'output_padding', x.rank) : [0, 0];
  const [top, bottom, ho] = along(c, 0, {
    input: h,
    k: kh,
    stride: stride[0],
    extra: x.rank === 3 ? 0 : extra[0],
    rank: x.rank,
  });
  const [left, right, wo] = along(c, 1, {
    input: w,
    k: kw,
    stride: stride[1],
    extra: extra[1],
    rank: x.rank,
  });
  const { writer, name } = c;
  // The full result, of which padding cuts the edges off.
  const bias = biasFor(c, 2, { input: x.id, weights: { ...weights, shape: [out] }, channels: out });
  const y = transposeConv(writer, {
    input: x.id,
    filter: writer.constant(`${name}/weights`, permuted(weights, [1, 2, 3, 0])),
    bias: bias === null ? null : writer.constant(`${name}/bias`, bias),
    stride,
    padding: { top, left, bottom, right },
    shape: [batch, ho, wo, out],
    name,
    type: c.type(),
  });
  c.spatialResult(y, x.rank);
}

/** Rows cut before and after, and the output extent, along one dimension (0: h, 1: w). */
function along(
  c: OnnxContext,
  dimension: 0 | 1,
  o: { input: number; k: number; stride: number; extra: number; rank: number },
): [number, number, number] {
  if (o.rank === 3 && dimension === 0) return [0, 0, 1];
  const at = o.rank === 3 ? 0 : dimension;
  const full = (o.input - 1) * o.stride + o.k + o.extra;
  const wanted = c.ints('output_shape')?.at(o.rank === 3 ? -1 : dimension - 2);
  const auto = c.text('auto_pad', 'NOTSET');
  let [before, after] = [c.ints('pads')?.[at] ?? 0, c.ints('pads')?.[at + o.rank - 2] ?? 0];
  if (wanted !== undefined || auto.startsWith('SAME')) {
    const total = Math.max(0, full - (wanted ?? o.input * o.stride));
    before = auto === 'SAME_UPPER' ? total >> 1 : total - (total >> 1);
    after = total - before;
  }
  return [before, after - o.extra, full - before - after];
}
