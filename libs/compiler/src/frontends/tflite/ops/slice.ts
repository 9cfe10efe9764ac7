// SLICE and STRIDED_SLICE. Masks are resolved as in TensorFlow: an ellipsis stands for all dimensions nobody names, a new
// axis adds an extent of 1, a shrunk one is dropped. (TFLM has neither ellipsis nor new axis: converters turn both into reshapes.)
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { Op } from '../../../ir/ops.js';
import type { OpContext } from '../context.js';
import { moved, one } from './moved.js';

export function importSlice(context: OpContext): Op | null {
  const [found, begin, given] = [moved(context), context.constants(1), context.constants(2)];
  if (found === null || begin === null || given === null) return null;
  const { shape } = found.input;
  if (begin.length !== shape.length || given.length !== shape.length)
    return context.invalid('begin and size are not one per dimension');
  // -1: all the rest.
  const size = given.map((n, i) => (n === -1 ? shape[i]! - begin[i]! : n));
  if (size.join() !== found.output.shape.join())
    return context.invalid(`output is [${found.output.shape.join(', ')}], the slice [${size.join(', ')}]`);
  return one(context, 'slice', found, { begin, size, strides: shape.map(() => 1) });
}

interface Masks {
  readonly beginMask: number;
  readonly endMask: number;
  readonly ellipsisMask: number;
  readonly newAxisMask: number;
  readonly shrinkAxisMask: number;
  readonly offset: boolean;
}

export const NO_MASKS: Masks = {
  beginMask: 0,
  endMask: 0,
  ellipsisMask: 0,
  newAxisMask: 0,
  shrinkAxisMask: 0,
  offset: false,
};

export function importStridedSlice(context: OpContext): Op | null {
  const found = moved(context);
  const [begin, end, strides] = [context.constants(1), context.constants(2), context.constants(3)];
  if (found === null || begin === null || end === null || strides === null) return null;
  const masks = context.options<Masks>(OPTIONS_TYPE.stridedSlice, NO_MASKS);
  if (masks.offset) return context.option('offset');
  if (end.length !== begin.length || strides.length !== begin.length)
    return context.invalid('begin, end and strides differ in length');
  if (strides.includes(0)) return context.invalid('a stride is 0');
  const slice = resolveSlice(found.input.shape, { begin, end, strides }, masks);
  if (slice === null) return context.invalid('its indices do not fit its input');
  const { shape, ...attrs } = slice;
  if (shape.join() !== found.output.shape.join())
    return context.invalid(`output is [${found.output.shape.join(', ')}], the slice [${shape.join(', ')}]`);
  return one(context, 'slice', found, attrs);
}

interface Indices {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly strides: readonly number[];
}

interface Resolved {
  readonly begin: number[];
  readonly size: number[];
  readonly strides: number[];
  /** Of the output. */
  readonly shape: number[];
}

/** Per input dimension what is taken; null when the indices do not fit or nothing is left. */
export function resolveSlice(input: readonly number[], given: Indices, masks: Masks): Resolved | null {
  const bit = (mask: number, i: number): boolean => i < 31 && (mask & (1 << i)) !== 0;
  const found: Resolved = { begin: [], size: [], strides: [], shape: [] };
  const whole = (): void => {
    const extent = input[found.begin.length]!;
    found.begin.push(0);
    found.size.push(extent);
    found.strides.push(1);
    found.shape.push(extent);
  };
  const named = given.begin.filter(
    (_, i) => !bit(masks.newAxisMask, i) && !bit(masks.ellipsisMask, i),
  ).length;
  if (named > input.length) return null;
  for (let i = 0; i < given.begin.length; i++) {
    if (bit(masks.ellipsisMask, i)) {
      for (let unnamed = input.length - named; unnamed > 0 && found.begin.length < input.length; unnamed--)
        whole();
      continue;
    }
    if (bit(masks.newAxisMask, i)) {
      found.shape.push(1);
      continue;
    }
    const extent = input[found.begin.length];
    if (extent === undefined) return null;
    const stride = given.strides[i]!;
    const [low, high] = stride > 0 ? [0, extent] : [-1, extent - 1];
    const clamp = (at: number): number => Math.min(Math.max(at < 0 ? at + extent : at, low), high);
    const [from, to] = stride > 0 ? [0, extent] : [extent - 1, -1];
    const start = bit(masks.beginMask, i) ? from : clamp(given.begin[i]!);
    const stop = bit(masks.endMask, i) ? to : clamp(given.end[i]!);
    const shrinks = bit(masks.shrinkAxisMask, i);
    const size = shrinks ? 1 : Math.ceil((stop - start) / stride);
    if (size < 1) return null;
    found.begin.push(start);
    found.size.push(size);
    found.strides.push(shrinks ? 1 : stride);
    if (!shrinks) found.shape.push(size);
  }
  while (found.begin.length < input.length) whole();
  return found;
}
