// Operators that move or drop elements and compute none. Most of them only relabel dimensions.
import { concatenation, gather, mirrorPad, pad, quantize, slice } from '../../net/emit.js';
import type { Pair } from '../../net/graph-writer.js';
import { integers, product } from '../../net/nd-array.js';
import type { OnnxContext } from '../context.js';
import { reshapeTo, sliceRange, unsqueezed } from '../folding.js';
import { activation, identity, inOrder, reshapedValue, type Activation } from '../values.js';

export function importReshape(c: OnnxContext): void {
  const wanted = c.list(1, 'shape');
  if (wanted === null) throw c.invalid('it has no shape');
  const x = c.operand(0);
  const shape = reshapeTo(x.shape, wanted, c.int('allowzero', 0) !== 0);
  if (shape === null) throw c.invalid(`[${x.shape.join(', ')}] cannot become [${wanted.join(', ')}]`);
  c.result(reshapedValue(c.writer, x, shape, c.name));
}

export function importFlatten(c: OnnxContext): void {
  const x = c.operand(0);
  const given = c.int('axis', 1);
  const axis = given < 0 ? given + x.shape.length : given;
  const shape = [product(x.shape.slice(0, axis)), product(x.shape.slice(axis))];
  c.result(reshapedValue(c.writer, x, shape, c.name));
}

export function importIdentity(c: OnnxContext): void {
  c.result(c.operand(0));
}

export function importTranspose(c: OnnxContext): void {
  const x = c.settled(0);
  const rank = x.shape.length;
  const perm = c.ints('perm') ?? identity(rank).reverse();
  if ([...perm].sort((a, b) => a - b).join() !== identity(rank).join())
    throw c.invalid(`perm [${perm.join(', ')}] for ${rank} dimensions`);
  const order = x.order.map((k) => (k < 0 ? k : perm.indexOf(k)));
  c.result(
    activation(
      x.id,
      perm.map((k) => x.shape[k]!),
      order,
    ),
  );
}

export function importSqueeze(c: OnnxContext): void {
  const x = c.settled(0);
  const rank = x.shape.length;
  const given = c.list(1, 'axes');
  const gone =
    given === null ? identity(rank).filter((k) => x.shape[k] === 1) : given.map((a) => c.axis(a, rank));
  if (gone.some((k) => x.shape[k] !== 1))
    throw c.invalid(`axes ${gone.join(', ')} of [${x.shape.join(', ')}]`);
  c.result(squeezed(c, x, gone));
}

/** Without dimensions of extent 1; the others keep their order. */
export function squeezed(c: OnnxContext, x: Activation, gone: readonly number[]): Activation {
  const kept = identity(x.shape.length).filter((k) => !gone.includes(k));
  const order = x.order.filter((k) => k < 0 || kept.includes(k)).map((k) => (k < 0 ? k : kept.indexOf(k)));
  const shape = kept.map((k) => x.shape[k]!);
  const narrow = order.filter((k) => k >= 0);
  const id = c.writer.reshape(
    x.id,
    narrow.map((k) => shape[k]!),
    `${c.name}/squeeze`,
  );
  return activation(id, shape, narrow);
}

export function importUnsqueeze(c: OnnxContext): void {
  const axes = c.list(1, 'axes');
  const x = c.settled(0);
  const shape = axes === null ? null : unsqueezed(x.shape, axes);
  if (axes === null || shape === null) throw c.invalid('its axes are impossible');
  const added = new Set(axes.map((a) => (a < 0 ? a + shape.length : a)));
  const kept = identity(shape.length).filter((k) => !added.has(k));
  // New dimensions of extent 1 go where the IR has one to spare, else in front.
  const spare = [...added];
  const order = x.order.map((k) => (k >= 0 ? kept[k]! : (spare.shift() ?? -1)));
  const full = [...spare, ...order];
  const id = c.writer.reshape(
    x.id,
    full.map((k) => (k < 0 ? 1 : shape[k]!)),
    c.name,
  );
  c.result(activation(id, shape, full));
}

export function importConcat(c: OnnxContext): void {
  const first = c.inputs.find((value) => value?.kind === 'tensor');
  const order = first === undefined || first.unflattened !== undefined ? null : first.order;
  const parts = c.inputs.map((_, i) => {
    const part = c.settled(i);
    return inOrder(c.writer, part, order ?? identity(part.shape.length));
  });
  const [head] = parts as [Activation];
  const axis = c.axis(c.int('axis', 1), head.shape.length);
  const fits = (part: Activation): boolean =>
    part.shape.length === head.shape.length && part.shape.every((n, k) => k === axis || n === head.shape[k]);
  if (!parts.every(fits)) throw c.invalid('its operands have different extents');
  const type = c.type();
  // TFLite joins integers of one scale only.
  const ids = parts.map((part, i) => {
    const q = c.writer.type(part.id).quantization;
    const same =
      q?.scales[0] === type.quantization?.scales[0] && q?.zeroPoints[0] === type.quantization?.zeroPoints[0];
    return same ? part.id : quantize(c.writer, part.id, { name: `${c.name}/operand${i}`, type });
  });
  const id = concatenation(c.writer, ids, { axis: head.order.indexOf(axis), name: c.name, type });
  const total = parts.reduce((n, part) => n + part.shape[axis]!, 0);
  c.result(
    activation(
      id,
      head.shape.map((n, k) => (k === axis ? total : n)),
      head.order,
    ),
  );
}

export function importSplit(c: OnnxContext): void {
  const x = c.settled(0);
  const axis = c.axis(c.int('axis', 0), x.shape.length);
  const extent = x.shape[axis]!;
  const parts = c.int('num_outputs', c.outputs);
  const each = Math.ceil(extent / parts);
  const sizes =
    c.list(1, 'split') ?? Array.from({ length: parts }, (_, i) => Math.min(each, extent - i * each));
  if (sizes.some((n) => !(n >= 1)) || sizes.reduce((n, size) => n + size, 0) !== extent)
    throw c.invalid(`parts of [${sizes.join(', ')}] of ${extent}`);
  let from = 0;
  sizes.forEach((size, i) => {
    c.result(cut(c, x, { axis, from, size, name: sizes.length > 1 ? `${c.name}/${i}` : c.name }), i);
    from += size;
  });
}

function cut(
  c: OnnxContext,
  x: Activation,
  o: { readonly axis: number; readonly from: number; readonly size: number; readonly name: string },
): Activation {
  const at = x.order.indexOf(o.axis);
  const extents = c.writer.shape(x.id);
  const begin = extents.map((_, i) => (i === at ? o.from : 0));
  const size = extents.map((n, i) => (i === at ? o.size : n));
  const id = slice(c.writer, x.id, { begin, size, name: o.name });
  return activation(
    id,
    x.shape.map((n, k) => (k === o.axis ? o.size : n)),
    x.order,
  );
}

export function importSlice(c: OnnxContext): void {
  const x = c.settled(0);
  const [starts, ends] = [c.list(1, 'starts'), c.list(2, 'ends')];
  if (starts === null || ends === null) throw c.invalid('it has no starts and ends');
  const axes = c.list(3, 'axes') ?? starts.map((_, i) => i);
  const steps = c.list(4, 'steps') ?? starts.map(() => 1);
  const ranges = x.shape.map((extent): [number, number, number] => [0, 1, extent]);
  starts.forEach((start, i) => {
    const axis = c.axis(axes[i] ?? -1000, x.shape.length);
    const step = steps[i] ?? 1;
    if (!Number.isInteger(step) || step === 0) throw c.invalid('a step is 0');
    ranges[axis] = sliceRange(x.shape[axis]!, start, ends[i] ?? x.shape[axis]!, step);
  });
  const shape = ranges.map(([, , count]) => count);
  if (shape.includes(0)) throw c.invalid('its result is empty');
  const pick = (part: 0 | 1 | 2): number[] =>
    x.order.map((k) => (k < 0 ? [0, 1, 1][part]! : ranges[k]![part]));
  const [begin, stride, size] = [pick(0), pick(1), pick(2)];
  const { writer, name } = c;
  const id = slice(writer, x.id, { begin, size, strides: stride, name });
  c.result(activation(id, shape, x.order));
}

export function importGather(c: OnnxContext): void {
  const index = c.constant(1);
  const x = c.canonical(0);
  const axis = c.axis(c.int('axis', 0), x.shape.length);
  const extent = x.shape[axis]!;
  const at = Array.from(index.values, (i) => (i < 0 ? i + extent : i));
  if (at.some((i) => !(Number.isInteger(i) && i >= 0 && i < extent)))
    throw c.invalid('an index is out of range');
  const shape = [...x.shape.slice(0, axis), ...index.shape, ...x.shape.slice(axis + 1)];
  const { writer, name } = c;
  if (at.length === 1) {
    const part = cut(c, x, { axis, from: at[0]!, size: 1, name });
    return c.result(activation(writer.reshape(part.id, shape, `${name}/shape`), shape));
  }
  const indices = writer.int32(`${name}/indices`, at);
  const flat = [...x.shape.slice(0, axis), at.length, ...x.shape.slice(axis + 1)];
  const id = gather(writer, x.id, indices, { axis, shape: flat, name });
  c.result(activation(writer.reshape(id, shape, `${name}/shape`), shape));
}

export function importPad(c: OnnxContext): void {
  const pads = c.list(1, 'pads');
  const x = c.settled(0);
  const rank = x.shape.length;
  const axes = (c.has(3) ? c.list(3, 'axes')! : identity(rank)).map((a) => c.axis(a, rank));
  if (pads === null || pads.length !== 2 * axes.length) throw c.invalid('its pads do not fit its operand');
  const amounts = x.order.map((k): Pair => {
    const i = axes.indexOf(k);
    return i < 0 ? [0, 0] : [pads[i]!, pads[i + axes.length]!];
  });
  if (amounts.flat().some((n) => n < 0)) throw c.option('negative pads', 'crop with Slice');
  const mode = c.text('mode', 'constant');
  const named = { amounts, name: c.name };
  const shape = x.shape.map((n, k) => n + amounts[x.order.indexOf(k)]![0] + amounts[x.order.indexOf(k)]![1]);
  if (mode === 'reflect') {
    const id = mirrorPad(c.writer, x.id, { ...named, mode: 'reflect' });
    return c.result(activation(id, shape, x.order));
  }
  if (mode !== 'constant') throw c.option(`mode ${mode}`);
  const value = c.has(2) ? (c.constant(2).values[0] ?? 0) : c.float('value', 0);
  c.result(activation(pad(c.writer, x.id, { ...named, value }), shape, x.order));
}

/** Extents are known, so the shape of a tensor is a constant. */
export function importShape(c: OnnxContext): void {
  const value = c.inputs[0];
  const shape = value?.kind === 'constant' ? value.array.shape : c.operand(0).shape;
  const wrap = (n: number): number => Math.max(0, Math.min(shape.length, n < 0 ? n + shape.length : n));
  c.define(integers(shape.slice(wrap(c.int('start', 0)), wrap(c.int('end', shape.length)))));
}

export function importSize(c: OnnxContext): void {
  c.define(integers([product(c.operand(0).shape)], []));
}

/** Floats stay floats (16 bits are computed in 32). */
export function importCast(c: OnnxContext): void {
  const to = c.int('to', 0);
  if (![1, 10, 11, 16].includes(to))
    throw c.option(`conversion to type ${to}`, 'leave it to the code behind the model');
  c.result(c.operand(0));
}
