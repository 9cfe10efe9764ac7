// Ops that move elements as steps: whatever has the strided form is a COPY.
import { byteLength, DTYPE_BYTES, elements, type Tensor } from '../../ir/graph.js';
import type { OpView } from '../../ir/ops.js';
import type { MovementOps, ResizeAttrs } from '../../ir/ops/movement.js';
import { PAD_RANK, paddedDims } from '../../ir/padding.js';
import { bilinearScale, nearestSources } from '../../ir/resize.js';
import { stridedOf, STRIDED_RANK, type StridedKind } from '../../ir/strided.js';
import { TABLE_ALIGNMENT, type ConstantPool } from '../constants.js';
import { leading, type Lowered, type Lowering, type Lowerings } from './spec.js';

export const MOVEMENT: Lowerings<MovementOps> = {
  reshape: { op: 'RESHAPE', lower: ({ outputs }) => ({ params: { bytes: byteLength(outputs[0]!) } }) },
  transpose: copy('transpose'),
  slice: copy('slice'),
  broadcast_to: copy('broadcast_to'),
  tile: copy('tile'),
  space_to_depth: copy('space_to_depth'),
  depth_to_space: copy('depth_to_space'),
  space_to_batch_nd: copy('space_to_batch_nd'),
  batch_to_space_nd: copy('batch_to_space_nd'),
  pad: { op: 'PAD', lower: ({ attrs, inputs }) => pad(inputs[0]!, attrs, { value: attrs.value, mode: 0 }) },
  mirror_pad: {
    op: 'PAD',
    lower: ({ attrs, inputs }) =>
      pad(inputs[0]!, attrs, { value: 0, mode: attrs.mode === 'symmetric' ? 1 : 2 }),
  },
  concatenation: { op: 'CONCATENATION', lower: ({ attrs, outputs }) => outer(outputs[0]!, attrs.axis) },
  pack: { op: 'CONCATENATION', lower: ({ attrs, outputs }) => outer(outputs[0]!, attrs.axis) },
  split: { op: 'SPLIT', lower: ({ attrs, inputs }) => outer(inputs[0]!, attrs.axis) },
  unpack: { op: 'SPLIT', lower: ({ attrs, inputs }) => outer(inputs[0]!, attrs.axis) },
  gather: { op: 'GATHER', lower: gather },
  resize_nearest_neighbor: { op: 'RESIZE_NEAREST_NEIGHBOR', lower: nearest },
  resize_bilinear: { op: 'RESIZE_BILINEAR', lower: bilinear },
};

function copy<K extends StridedKind>(kind: K): Lowering<MovementOps[K]> {
  return {
    op: 'COPY',
    lower: (op) => {
      const { first, dims, strides } = stridedOf(kind, op);
      const missing = new Array<number>(STRIDED_RANK - dims.length).fill(0);
      return { params: { first, dims: leading(dims, STRIDED_RANK), strides: [...missing, ...strides] } };
    },
  };
}

function outer({ shape }: Tensor, axis: number): Lowered {
  return { params: { outer: product(shape.slice(0, axis)) } };
}

function product(extents: readonly number[]): number {
  return elements({ shape: extents });
}

function pad(
  { shape }: Tensor,
  around: { readonly before: readonly number[]; readonly after: readonly number[] },
  { value, mode }: { readonly value: number; readonly mode: 0 | 1 | 2 },
): Lowered {
  const dims = paddedDims(shape, around, mode !== 0);
  const none = new Array<number>(PAD_RANK - dims.length).fill(0);
  return {
    params: {
      in_dims: leading(
        dims.map((d) => d.n),
        PAD_RANK,
      ),
      before: [...none, ...dims.map((d) => d.before)],
      after: [...none, ...dims.map((d) => d.after)],
      value,
      mode,
    },
  };
}

function gather({ attrs: { axis, batchDims }, inputs }: OpView<MovementOps['gather']>): Lowered {
  const [{ shape, dtype }, indices] = inputs as [Tensor, Tensor];
  return {
    params: {
      batches: product(shape.slice(0, batchDims)),
      outer: product(shape.slice(batchDims, axis)),
      axis_n: shape[axis]!,
      indices_n: product(indices.shape.slice(batchDims)),
      inner_bytes: product(shape.slice(axis + 1)) * DTYPE_BYTES[dtype],
    },
  };
}

function images(input: Tensor, output: Tensor) {
  const [batches, in_h, in_w, channels] = input.shape as [number, number, number, number];
  const [, out_h, out_w] = output.shape as [number, number, number, number];
  return { size: { batches, in_h, in_w, out_h, out_w }, channels };
}

function nearest({ attrs, inputs, outputs }: OpView<ResizeAttrs>, pool: ConstantPool): Lowered {
  const { size, channels } = images(inputs[0]!, outputs[0]!);
  const map = (from: number, to: number) => {
    const values = Int16Array.from(nearestSources(from, to, attrs));
    const data = new Uint8Array(values.length * 2);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => view.setInt16(i * 2, value, true));
    return pool.add(data, 'int16', TABLE_ALIGNMENT);
  };
  return {
    params: { ...size, pixel_bytes: channels * DTYPE_BYTES[inputs[0]!.dtype] },
    tables: [map(size.in_h, size.out_h), map(size.in_w, size.out_w)],
  };
}

function bilinear({ attrs, inputs, outputs }: OpView<ResizeAttrs>): Lowered {
  const { size, channels } = images(inputs[0]!, outputs[0]!);
  return {
    params: {
      ...size,
      channels,
      half_pixel_centers: attrs.halfPixelCenters ? 1 : 0,
      height_scale: bilinearScale(size.in_h, size.out_h, attrs.alignCorners),
      width_scale: bilinearScale(size.in_w, size.out_w, attrs.alignCorners),
    },
  };
}
