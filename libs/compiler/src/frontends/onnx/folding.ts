// Operators on constants: exporters compute shapes in the graph (Shape -> Gather -> Unsqueeze -> Concat -> Reshape), and
// weights pass through Reshape, Transpose or Cast. What is constant here never reaches the IR. Floats are rounded to
// float32 after each operator, as a runtime would.
import { broadcastShape } from '../../ir/shapes.js';
import type { DType } from '../../ir/graph.js';
import { within } from '../limits.js';
import { integers, numbers, permuted, product, stridesOf, type NdArray } from '../net/nd-array.js';

export interface FoldNode {
  readonly opType: string;
  readonly opset: number;
  int(name: string, fallback: number): number;
  ints(name: string): readonly number[] | null;
  /** A tensor attribute. */
  tensor(name: string): NdArray | null;
}

/** `room`: elements that the result may have. */
export type Fold = (inputs: readonly (NdArray | null)[], node: FoldNode, room: number) => NdArray[] | null;

const FOLDED = 'elements in constants that the graph computes';

/** Null: not with these operands. */
export const FOLDS: Readonly<Record<string, Fold>> = {
  Add: binary((a, b) => a + b),
  Sub: binary((a, b) => a - b),
  Mul: binary((a, b) => a * b),
  Div: binary((a, b, integer) => (integer ? Math.trunc(a / b) : a / b)),
  Mod: binary((a, b) => a - b * Math.floor(a / b)),
  Pow: binary((a, b) => a ** b),
  Equal: binary((a, b) => Number(a === b), 'bool'),
  Greater: binary((a, b) => Number(a > b), 'bool'),
  Less: binary((a, b) => Number(a < b), 'bool'),
  Max: binary((a, b) => Math.max(a, b)),
  Min: binary((a, b) => Math.min(a, b)),
  Neg: unary((x) => -x),
  Abs: unary(Math.abs),
  Floor: unary(Math.floor),
  Ceil: unary(Math.ceil),
  Sqrt: unary(Math.sqrt),
  Reciprocal: unary((x) => 1 / x),
  Exp: unary(Math.exp),
  Not: unary((x) => Number(x === 0)),
  Identity: ([x]) => (x ? [x] : null),
  Cast: ([x], node) => cast(x, CAST_TYPES[node.int('to', 0)]),
  Concat: (parts, node) => concat(parts, node.int('axis', 0)),
  ConstantOfShape: ([shape], node, room) => {
    if (!shape) return null;
    const dims = [...shape.values];
    within(FOLDED, product(dims), room);
    const fill = node.tensor('value');
    const dtype = fill?.dtype ?? 'float32';
    return [
      {
        dtype,
        shape: dims,
        values: numbers(dtype, product(dims)).fill(fill?.values[0] ?? 0),
        quantization: null,
      },
    ];
  },
  Expand: ([x, shape], _node, room) => {
    if (!x || !shape) return null;
    const dims = broadcastShape(x.shape, [...shape.values]);
    if (dims === null) return null;
    within(FOLDED, product(dims), room);
    return [spread(x, dims)];
  },
  Flatten: ([x], node) => {
    if (!x) return null;
    const axis = node.int('axis', 1);
    const at = axis < 0 ? axis + x.shape.length : axis;
    return [{ ...x, shape: [product(x.shape.slice(0, at)), product(x.shape.slice(at))] }];
  },
  Gather: ([x, index], node) => gather(x, index, node.int('axis', 0)),
  Range: ([from, to, step], _node, room) => {
    if (!from || !to || !step) return null;
    const [a, b, s] = [from.values[0]!, to.values[0]!, step.values[0]!];
    const count = Math.max(0, Math.ceil((b - a) / s));
    within(FOLDED, count, room);
    const values = numbers(from.dtype, count).map((_, i) => a + i * s);
    return [{ dtype: from.dtype, shape: [count], values, quantization: null }];
  },
  // Of extents: a handful.
  ReduceProd: ([x]) =>
    x && x.values.length <= 64 ? [integers([product([...x.values])], x.shape.length === 0 ? [] : [1])] : null,
  Reshape: ([x, shape], node) => {
    const wanted = shape ? [...shape.values] : node.ints('shape');
    if (!x || !wanted) return null;
    const dims = reshapeTo(x.shape, wanted, node.int('allowzero', 0) !== 0);
    const axis = x.quantization?.axis ?? null;
    // Scales along a dimension stay with it.
    if (dims === null || (axis !== null && dims[axis] !== x.shape[axis])) return null;
    return [{ ...x, shape: dims }];
  },
  Slice: ([x, starts, ends, axes, steps], node) => {
    const [from, to] = [starts?.values ?? node.ints('starts'), ends?.values ?? node.ints('ends')];
    if (!x || !from || !to) return null;
    return slice(x, [...from], [...to], axes?.values ?? node.ints('axes'), steps?.values ?? null);
  },
  Squeeze: ([x, axes], node) => {
    if (!x) return null;
    const listed = axes?.values ?? node.ints('axes');
    const gone = listed ? [...listed].map((a) => (a < 0 ? a + x.shape.length : a)) : null;
    return [{ ...x, shape: x.shape.filter((n, i) => (gone === null ? n !== 1 : !gone.includes(i))) }];
  },
  Tile: ([x, repeats], _node, room) => {
    if (!x || !repeats || repeats.values.length !== x.shape.length) return null;
    const dims = x.shape.map((n, i) => n * repeats.values[i]!);
    within(FOLDED, product(dims), room);
    return [pick(x, dims, (index) => index.map((i, k) => i % x.shape[k]!))];
  },
  Transpose: ([x], node) => {
    if (!x) return null;
    const order = node.ints('perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i);
    const valid = order.length === x.shape.length && new Set(order).size === order.length;
    return valid && order.every((k) => x.shape[k] !== undefined) ? [permuted(x, order)] : null;
  },
  Unsqueeze: ([x, axes], node) => {
    const listed = axes?.values ?? node.ints('axes');
    if (!x || !listed) return null;
    const dims = unsqueezed(x.shape, [...listed]);
    return dims === null ? null : [{ ...x, shape: dims }];
  },
  Where: ([condition, a, b], _node, room) => {
    if (!condition || !a || !b) return null;
    const shape = broadcastShape(condition.shape, broadcastShape(a.shape, b.shape) ?? []);
    if (shape === null) return null;
    within(FOLDED, product(shape), room);
    const [c, x, y] = [spread(condition, shape), spread(a, shape), spread(b, shape)];
    return [{ ...x, values: x.values.map((value, i) => (c.values[i] ? value : y.values[i]!)) }];
  },
};

/** TensorProto.DataType -> ours, for Cast. */
const CAST_TYPES: Readonly<Record<number, DType>> = {
  1: 'float32',
  2: 'uint8',
  3: 'int8',
  6: 'int32',
  7: 'int64',
  9: 'bool',
  10: 'float32',
  11: 'float32',
};

/** Extents of a Reshape: 0 copies the input's (unless `allowZero`), -1 takes the rest. Null when they do not fit. */
export function reshapeTo(
  from: readonly number[],
  wanted: readonly number[],
  allowZero: boolean,
): number[] | null {
  const dims = wanted.map((extent, i) => (extent === 0 && !allowZero ? (from[i] ?? -2) : extent));
  const rest = dims.indexOf(-1);
  if (rest >= 0) {
    const known = dims.reduce((n, extent, i) => (i === rest ? n : n * extent), 1);
    dims[rest] = product(from) / known;
  }
  const fits = dims.every((extent) => Number.isInteger(extent) && extent >= 0);
  return fits && product(dims) === product(from) ? dims : null;
}

export function unsqueezed(from: readonly number[], axes: readonly number[]): number[] | null {
  const rank = from.length + axes.length;
  const at = new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)));
  if (at.size !== axes.length || [...at].some((axis) => axis < 0 || axis >= rank)) return null;
  let next = 0;
  return Array.from({ length: rank }, (_, i) => (at.has(i) ? 1 : from[next++]!));
}

/** ONNX's clamping of one Slice range: first index, step and how many elements. */
export function sliceRange(
  extent: number,
  start: number,
  end: number,
  step: number,
): [number, number, number] {
  const clamp = (value: number, low: number, high: number): number => Math.min(high, Math.max(low, value));
  const wrap = (value: number): number => (value < 0 ? value + extent : value);
  const from = step > 0 ? clamp(wrap(start), 0, extent) : clamp(wrap(start), 0, extent - 1);
  const to =
    step > 0 ? clamp(wrap(end), 0, extent) : clamp(end < 0 && end < -extent ? -1 : wrap(end), -1, extent - 1);
  return [from, step, Math.max(0, Math.ceil((to - from) / step))];
}

function slice(
  x: NdArray,
  starts: readonly number[],
  ends: readonly number[],
  axes: ArrayLike<number> | null,
  steps: ArrayLike<number> | null,
): NdArray[] | null {
  const ranges = x.shape.map((extent): [number, number, number] => [0, 1, extent]);
  for (let i = 0; i < starts.length; i++) {
    const axis = axes?.[i] ?? i;
    const k = axis < 0 ? axis + x.shape.length : axis;
    const step = steps?.[i] ?? 1;
    if (ranges[k] === undefined || step === 0 || ends[i] === undefined) return null;
    ranges[k] = sliceRange(x.shape[k]!, starts[i]!, ends[i]!, step);
  }
  const dims = ranges.map(([, , count]) => count);
  return [pick(x, dims, (index) => index.map((i, k) => ranges[k]![0] + i * ranges[k]![1]))];
}

function gather(
  x: NdArray | null | undefined,
  index: NdArray | null | undefined,
  axis: number,
): NdArray[] | null {
  if (!x || !index) return null;
  const k = axis < 0 ? axis + x.shape.length : axis;
  const extent = x.shape[k];
  if (extent === undefined) return null;
  const at = Array.from(index.values, (i) => (i < 0 ? i + extent : i));
  if (at.some((i) => !(i >= 0 && i < extent))) return null;
  const [outer, inner] = [product(x.shape.slice(0, k)), product(x.shape.slice(k + 1))];
  const values = numbers(x.dtype, outer * at.length * inner);
  let to = 0;
  for (let o = 0; o < outer; o++)
    for (const i of at)
      for (let n = 0; n < inner; n++) values[to++] = x.values[(o * extent + i) * inner + n]!;
  return [{ ...x, shape: [...x.shape.slice(0, k), ...index.shape, ...x.shape.slice(k + 1)], values }];
}

function concat(parts: readonly (NdArray | null)[], axis: number): NdArray[] | null {
  const first = parts[0];
  if (!first || parts.includes(null)) return null;
  const all = parts as readonly NdArray[];
  const k = axis < 0 ? axis + first.shape.length : axis;
  const fits = (p: NdArray): boolean =>
    p.shape.length === first.shape.length && p.shape.every((n, i) => i === k || n === first.shape[i]);
  if (first.shape[k] === undefined || !all.every(fits)) return null;
  const total = all.reduce((n, p) => n + p.shape[k]!, 0);
  const [outer, inner] = [product(first.shape.slice(0, k)), product(first.shape.slice(k + 1))];
  const values = numbers(first.dtype, outer * total * inner);
  let to = 0;
  for (let o = 0; o < outer; o++)
    for (const p of all) {
      const run = p.shape[k]! * inner;
      for (let n = 0; n < run; n++) values[to++] = p.values[o * run + n]!;
    }
  return [{ ...first, shape: first.shape.map((n, i) => (i === k ? total : n)), values }];
}

function cast(x: NdArray | null | undefined, dtype: DType | undefined): NdArray[] | null {
  if (!x || dtype === undefined) return null;
  const values = numbers(dtype, x.values.length);
  const integer = dtype !== 'float32';
  for (let i = 0; i < values.length; i++) {
    const value = x.values[i]!;
    values[i] = dtype === 'bool' ? Number(value !== 0) : integer ? Math.trunc(value) : value;
  }
  return [{ dtype, shape: x.shape, values, quantization: null }];
}

function unary(f: (x: number) => number): Fold {
  return ([x]) => (x ? [{ ...x, values: x.values.map((value) => f(value)) }] : null);
}

function binary(f: (a: number, b: number, integer: boolean) => number, dtype?: DType): Fold {
  return ([a, b, ...more], _node, room) => {
    if (!a || !b || more.length > 0 || a.quantization || b.quantization) return null;
    const shape = broadcastShape(a.shape, b.shape);
    if (shape === null) return null;
    within(FOLDED, product(shape), room);
    const [x, y] = [spread(a, shape), spread(b, shape)];
    const result = numbers(dtype ?? a.dtype, x.values.length);
    for (let i = 0; i < result.length; i++) result[i] = f(x.values[i]!, y.values[i]!, a.dtype !== 'float32');
    return [{ dtype: dtype ?? a.dtype, shape, values: result, quantization: null }];
  };
}

/** Repeated to a shape it broadcasts to. */
function spread(x: NdArray, shape: readonly number[]): NdArray {
  if (x.shape.join() === shape.join()) return x;
  const skip = shape.length - x.shape.length;
  return pick(x, shape, (index) => x.shape.map((n, k) => (n === 1 ? 0 : index[k + skip]!)));
}

/** An array of another shape whose element at `index` is the one of x at `from(index)`. */
function pick(x: NdArray, shape: readonly number[], from: (index: readonly number[]) => number[]): NdArray {
  const values = numbers(x.dtype, product(shape));
  const strides = stridesOf(x.shape);
  const index = shape.map(() => 0);
  for (let i = 0; i < values.length; i++) {
    values[i] = x.values[from(index).reduce((n, at, k) => n + at * strides[k]!, 0)]!;
    for (let k = shape.length - 1; k >= 0; k--) {
      if (++index[k]! < shape[k]!) break;
      index[k] = 0;
    }
  }
  return { ...x, shape: [...shape], values };
}
