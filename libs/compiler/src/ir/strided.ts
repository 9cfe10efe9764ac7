// Ops that only choose and reorder elements, as one form: output element (i0, i1, ...) is input element
// first + sum of i * stride. Lowering makes COPY steps of it, constant folding moves bytes by it.
import { elements } from './graph.js';
import type { MovementOps } from './ops/movement.js';
import type { Check, OpView } from './ops/spec.js';
import { broadcastShape, rowMajorStrides } from './shapes.js';

export interface Strided {
  /** Element of the input. */
  readonly first: number;
  /** Of the output, outermost first. */
  readonly dims: readonly number[];
  /** Elements of the input; 0 repeats, below 0 runs backwards. */
  readonly strides: readonly number[];
}

/** Dimensions that a COPY step has. */
export const STRIDED_RANK = 6;

export type StridedKind =
  | 'transpose'
  | 'slice'
  | 'broadcast_to'
  | 'tile'
  | 'space_to_depth'
  | 'depth_to_space'
  | 'space_to_batch_nd'
  | 'batch_to_space_nd';

type Forms = { readonly [K in StridedKind]: (op: OpView<MovementOps[K]>) => Strided };

const FORMS: Forms = {
  transpose: ({ attrs, inputs }) => permuted(inputs[0]!.shape, attrs.perm),
  slice: ({ attrs: { begin, size, strides }, inputs }) => {
    const rows = rowMajorStrides(inputs[0]!.shape);
    return {
      first: rows.reduce((sum, stride, i) => sum + stride * begin[i]!, 0),
      dims: size,
      strides: rows.map((stride, i) => stride * strides[i]!),
    };
  },
  broadcast_to: ({ inputs, outputs }) => {
    const { shape } = outputs[0]!;
    const missing = shape.length - inputs[0]!.shape.length;
    const rows = rowMajorStrides(inputs[0]!.shape);
    const strides = shape.map((_, i) =>
      i < missing || inputs[0]!.shape[i - missing] === 1 ? 0 : rows[i - missing]!,
    );
    return { first: 0, dims: shape, strides };
  },
  tile: ({ attrs: { multiples }, inputs }) => {
    const rows = rowMajorStrides(inputs[0]!.shape);
    const dims = inputs[0]!.shape.flatMap((extent, i) => [multiples[i]!, extent]);
    return { first: 0, dims, strides: rows.flatMap((stride) => [0, stride]) };
  },
  space_to_depth: ({ attrs: { block }, inputs }) => {
    const [n, h, w, c] = inputs[0]!.shape as [number, number, number, number];
    return permuted([n, h / block, block, w / block, block, c], [0, 1, 3, 2, 4, 5]);
  },
  depth_to_space: ({ attrs: { block }, inputs }) => {
    const [n, h, w, c] = inputs[0]!.shape as [number, number, number, number];
    return permuted([n, h, w, block, block, c / block ** 2], [0, 1, 3, 2, 4, 5]);
  },
  space_to_batch_nd: ({ attrs: { block }, inputs }) => {
    const [n, ...rest] = inputs[0]!.shape as [number, ...number[]];
    const split = rest.flatMap((extent, i) =>
      i < block.length ? [extent / block[i]!, block[i]!] : [extent],
    );
    const within = block.map((_, i) => 2 + 2 * i);
    const across = block.map((_, i) => 1 + 2 * i);
    const tail = rest.slice(block.length).map((_, i) => 1 + 2 * block.length + i);
    return permuted([n, ...split], [...within, 0, ...across, ...tail]);
  },
  batch_to_space_nd: ({ attrs: { block }, inputs }) => {
    const [n, ...rest] = inputs[0]!.shape as [number, ...number[]];
    const m = block.length;
    const images = n / block.reduce((product, extent) => product * extent, 1);
    const woven = block.flatMap((_, i) => [m + 1 + i, i]);
    const tail = rest.slice(m).map((_, i) => 2 * m + 1 + i);
    return permuted([...block, images, ...rest], [m, ...woven, ...tail]);
  },
};

type Rules = { readonly [K in StridedKind]: (op: OpView<MovementOps[K]>) => boolean };

/** What must hold for the form to mean anything. */
const RULES: Rules = {
  transpose: ({ attrs: { perm }, inputs }) =>
    perm.toSorted((a, b) => a - b).join() === inputs[0]!.shape.map((_, i) => i).join(),
  slice: ({ attrs: { begin, size, strides }, inputs }) =>
    [begin, size, strides].every((list) => list.length === inputs[0]!.shape.length) &&
    inputs[0]!.shape.every((extent, i) => {
      const last = begin[i]! + (size[i]! - 1) * strides[i]!;
      return size[i]! >= 1 && [begin[i]!, last].every((at) => at >= 0 && at < extent);
    }),
  broadcast_to: ({ inputs, outputs }) =>
    broadcastShape(inputs[0]!.shape, outputs[0]!.shape)?.join() === outputs[0]!.shape.join(),
  tile: ({ attrs: { multiples }, inputs }) =>
    multiples.length === inputs[0]!.shape.length && multiples.every((n) => n >= 1),
  space_to_depth: ({ attrs: { block }, inputs: [input] }) =>
    input!.shape.length === 4 &&
    block >= 1 &&
    input!.shape[1]! % block === 0 &&
    input!.shape[2]! % block === 0,
  depth_to_space: ({ attrs: { block }, inputs: [input] }) =>
    input!.shape.length === 4 && block >= 1 && input!.shape[3]! % block ** 2 === 0,
  space_to_batch_nd: ({ attrs: { block }, inputs: [input] }) =>
    input!.shape.length > block.length &&
    block.every((extent, i) => extent >= 1 && input!.shape[i + 1]! % extent === 0),
  batch_to_space_nd: ({ attrs: { block }, inputs: [input] }) =>
    input!.shape.length > block.length &&
    block.every((extent) => extent >= 1) &&
    input!.shape[0]! % block.reduce((product, extent) => product * extent, 1) === 0,
};

type Shapes = { readonly [K in StridedKind]: (op: OpView<MovementOps[K]>) => readonly number[] };

/** Output shapes, up to extents of 1 where `slice` leaves them open. */
const SHAPES: Shapes = {
  transpose: ({ attrs, inputs }) => attrs.perm.map((d) => inputs[0]!.shape[d]!),
  slice: ({ attrs }) => attrs.size,
  broadcast_to: ({ outputs }) => outputs[0]!.shape,
  tile: ({ attrs, inputs }) => inputs[0]!.shape.map((extent, i) => extent * attrs.multiples[i]!),
  space_to_depth: ({ attrs: { block }, inputs }) => {
    const [n, h, w, c] = inputs[0]!.shape as [number, number, number, number];
    return [n, h / block, w / block, c * block ** 2];
  },
  depth_to_space: ({ attrs: { block }, inputs }) => {
    const [n, h, w, c] = inputs[0]!.shape as [number, number, number, number];
    return [n, h * block, w * block, c / block ** 2];
  },
  space_to_batch_nd: ({ attrs: { block }, inputs }) =>
    inputs[0]!.shape.map((extent, i) =>
      i === 0 ? extent * block.reduce((n, b) => n * b, 1) : extent / (block[i - 1] ?? 1),
    ),
  batch_to_space_nd: ({ attrs: { block }, inputs }) =>
    inputs[0]!.shape.map((extent, i) =>
      i === 0 ? extent / block.reduce((n, b) => n * b, 1) : extent * (block[i - 1] ?? 1),
    ),
};

export function checkStrided<K extends StridedKind>(kind: K, op: OpView<MovementOps[K]>, check: Check): void {
  const sound = (RULES[kind] as (op: OpView<MovementOps[K]>) => boolean)(op);
  check(sound, 'its parameters do not fit its input');
  if (!sound) return;
  const { shape } = op.outputs[0]!;
  const expected = (SHAPES[kind] as (op: OpView<MovementOps[K]>) => readonly number[])(op);
  const same =
    kind === 'slice'
      ? elements({ shape: expected }) === elements({ shape })
      : expected.join() === shape.join();
  check(same, `output is not [${expected.join(', ')}]`);
  check(stridedOf(kind, op).dims.length <= STRIDED_RANK, 'its order of elements needs too many dimensions');
}

function permuted(shape: readonly number[], perm: readonly number[]): Strided {
  const rows = rowMajorStrides(shape);
  return { first: 0, dims: perm.map((d) => shape[d]!), strides: perm.map((d) => rows[d]!) };
}

export function isStrided(kind: string): kind is StridedKind {
  return kind in FORMS;
}

/** As few dimensions as the same order of elements needs. The verifier has checked the op. */
export function stridedOf<K extends StridedKind>(kind: K, op: OpView<MovementOps[K]>): Strided {
  const { first, dims, strides } = (FORMS[kind] as (op: OpView<MovementOps[K]>) => Strided)(op);
  const [fewer, steps]: [number[], number[]] = [[], []];
  dims.forEach((extent, i) => {
    const [last, stride] = [fewer.length - 1, strides[i]!];
    if (extent === 1) return;
    if (last >= 0 && steps[last] === extent * stride) {
      fewer[last]! *= extent;
      steps[last] = stride;
    } else {
      fewer.push(extent);
      steps.push(stride);
    }
  });
  return { first, dims: fewer, strides: steps };
}

/** Is it the input's bytes in their order? */
export function isIdentity(form: Strided, inputElements: number): boolean {
  const [extent = 1, ...more] = form.dims;
  return form.first === 0 && more.length === 0 && extent === inputElements && (form.strides[0] ?? 1) === 1;
}

/** Those elements of `data`. */
export function takeStrided(data: Uint8Array, width: number, form: Strided): Uint8Array {
  const count = form.dims.reduce((n, extent) => n * extent, 1);
  const out = new Uint8Array(count * width);
  const index = form.dims.map(() => 0);
  let from = form.first;
  for (let at = 0; at < count; at++) {
    out.set(data.subarray(from * width, (from + 1) * width), at * width);
    for (let d = index.length - 1; d >= 0; d--) {
      from += form.strides[d]!;
      if (++index[d]! < form.dims[d]!) break;
      from -= form.dims[d]! * form.strides[d]!;
      index[d] = 0;
    }
  }
  return out;
}
