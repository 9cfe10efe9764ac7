// Layers without windows: shapes, merging, normalization.
import type { TensorId } from '../../../ir/graph.js';
import { binary, concatenation, resize, transpose, type BinaryKind } from '../../net/emit.js';
import { floats, product, type NdArray } from '../../net/nd-array.js';
import type { LayerContext } from '../context.js';
import { numberOf, single } from '../json.js';

export function importIdentity(c: LayerContext): TensorId {
  return c.input;
}

export function importFlatten(c: LayerContext): TensorId {
  c.channelsLast();
  const [batch, ...rest] = c.shape as [number, ...number[]];
  return c.writer.reshape(c.input, [batch, product(rest)], c.name);
}

export function importReshape(c: LayerContext): TensorId {
  const [batch, ...rest] = c.shape as [number, ...number[]];
  const wanted = c.numbers('target_shape');
  const open = wanted.indexOf(-1);
  const known = wanted.reduce((n, extent, i) => (i === open ? n : n * extent), 1);
  const shape = wanted.map((extent, i) => (i === open ? product(rest) / known : extent));
  if (!shape.every((n) => Number.isInteger(n) && n >= 1) || product(shape) !== product(rest))
    throw c.invalid(`${c.writer.say(c.input)} cannot become [${wanted.join(', ')}]`);
  return c.writer.reshape(c.input, [batch, ...shape], c.name);
}

export function importPermute(c: LayerContext): TensorId {
  const dims = c.numbers('dims');
  const rank = c.shape.length;
  if ([...dims].sort((a, b) => a - b).join() !== Array.from({ length: rank - 1 }, (_, i) => i + 1).join())
    throw c.invalid(`dims [${dims.join(', ')}] for ${rank} dimensions`);
  return transpose(c.writer, c.input, [0, ...dims], c.name);
}

/** [batch, features] -> [batch, n, features]: an image of one row, stretched. */
export function importRepeatVector(c: LayerContext): TensorId {
  c.rank(2);
  const n = c.count('n');
  const [batch, features] = c.shape as [number, number];
  const { writer, name } = c;
  const row = writer.reshape(c.input, [batch, 1, 1, features], `${name}/row`);
  const placing = { alignCorners: false, halfPixelCenters: false };
  const y = resize(writer, 'resize_nearest_neighbor', row, { size: [n, 1], ...placing, name });
  return writer.reshape(y, [batch, n, features], `${name}/rows`);
}

export function importMerge(kind: BinaryKind, c: LayerContext): TensorId {
  const { writer, name, inputs } = c;
  if (inputs.length < 2) throw c.invalid(`it has ${inputs.length} inputs`);
  return inputs.slice(1).reduce((sum, input, i) => {
    const last = i === inputs.length - 2;
    return binary(writer, kind, sum, input, { name: last ? name : `${name}/${i}` });
  }, c.input);
}

export function importAverage(c: LayerContext): TensorId {
  const { writer, name, inputs } = c;
  const share = writer.floats(`${name}/share`, [1], [1 / inputs.length]);
  return binary(writer, 'mul', importMerge('add', c), share, { name: `${name}/mean` });
}

export function importConcatenate(c: LayerContext): TensorId {
  const rank = c.shape.length;
  const given = c.number('axis', -1);
  const axis = given < 0 ? given + rank : given;
  if (!(Number.isInteger(axis) && axis > 0 && axis < rank))
    throw c.invalid(`axis ${given} of ${rank} dimensions`);
  const same = (id: TensorId): boolean =>
    c.writer.shape(id).length === rank && c.writer.shape(id).every((n, k) => k === axis || n === c.shape[k]);
  if (!c.inputs.every(same)) throw c.invalid('its inputs have different extents');
  return concatenation(c.writer, c.inputs, { axis, name: c.name });
}

/** gamma * (x - mean) / sqrt(variance + epsilon) + beta: one product and one sum per channel. */
export function importBatchNormalization(c: LayerContext): TensorId {
  const rank = c.shape.length;
  const given = c.config['axis'] ?? -1;
  const axis = numberOf(single(given), NaN);
  if (axis !== -1 && axis !== rank - 1)
    throw c.option(`axis ${axis}`, 'normalize the last axis (channels last)');
  const channels = c.shape.at(-1)!;
  let index = 0;
  const read = (variable: string): ArrayLike<number> => c.weight(variable, index++, [channels]).values;
  const gamma = c.flag('scale', true) ? read('gamma') : new Float32Array(channels).fill(1);
  const beta = c.flag('center', true) ? read('beta') : new Float32Array(channels);
  const [mean, variance] = [read('moving_mean'), read('moving_variance')];
  const epsilon = c.number('epsilon', 1e-3);
  const factor = (i: number): number => gamma[i]! / Math.sqrt(variance[i]! + epsilon);
  return scaled(c, {
    factors: Float32Array.from({ length: channels }, (_, i) => factor(i)),
    offsets: Float32Array.from({ length: channels }, (_, i) => beta[i]! - mean[i]! * factor(i)),
  });
}

function scaled(
  c: LayerContext,
  { factors, offsets }: { readonly factors: Float32Array; readonly offsets: Float32Array },
): TensorId {
  const { writer, name } = c;
  const shape = [...c.shape.slice(0, -1).map(() => 1), factors.length];
  const factor = writer.floats(`${name}/factor`, shape, factors);
  const product = binary(writer, 'mul', c.input, factor, { name: `${name}/mul` });
  return binary(writer, 'add', product, writer.floats(`${name}/offset`, shape, offsets), { name });
}

export function importRescaling(c: LayerContext): TensorId {
  const one = (key: string, fallback: number): Float32Array => {
    const list = Array.isArray(c.config[key]) ? c.numbers(key) : [c.number(key, fallback)];
    if (list.length !== 1 && list.length !== c.shape.at(-1))
      throw c.invalid(`${key} has ${list.length} values`);
    return Float32Array.from(list);
  };
  const [factors, offsets] = [one('scale', 1), one('offset', 0)];
  const length = Math.max(factors.length, offsets.length);
  const all = (list: Float32Array): Float32Array =>
    list.length === length ? list : new Float32Array(length).fill(list[0]!);
  return scaled(c, { factors: all(factors), offsets: all(offsets) });
}

/** (x - mean) / sqrt(variance): what adapt() learned, or the configuration says. */
export function importNormalization(c: LayerContext): TensorId {
  const last = c.shape.at(-1)!;
  const values = (key: string, index: number): ArrayLike<number> => {
    const given = c.config[key];
    const array: NdArray | null =
      typeof given === 'number'
        ? floats([1], [given])
        : Array.isArray(given)
          ? floats([given.length], (given as unknown[]).flat(9) as number[])
          : c.optionalWeight(key, index);
    if (array === null) throw c.weightFault(key, 'the file does not have it: call adapt() before saving');
    if (array.values.length !== 1 && array.values.length !== last)
      throw c.option(`an axis other than the last (${array.values.length} values)`);
    return array.values;
  };
  const [mean, variance] = [values('mean', 0), values('variance', 1)];
  const length = Math.max(mean.length, variance.length);
  const at = (list: ArrayLike<number>, i: number): number => list[list.length === 1 ? 0 : i]!;
  // Keras's backend epsilon keeps the quotient finite.
  const factor = (i: number): number => 1 / Math.max(Math.sqrt(at(variance, i)), 1e-7);
  const inverse = c.flag('invert', false);
  if (inverse) throw c.option('invert');
  return scaled(c, {
    factors: Float32Array.from({ length }, (_, i) => factor(i)),
    offsets: Float32Array.from({ length }, (_, i) => -at(mean, i) * factor(i)),
  });
}
