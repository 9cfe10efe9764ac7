// Options and constant operands of ops that move elements.
import type { OpView } from '../../../ir/ops.js';
import type { MovementOps, ResizeAttrs } from '../../../ir/ops/movement.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { ConstantOperand, Writers, Written } from './spec.js';

export const MOVEMENT: Writers<MovementOps> = {
  reshape: ({ outputs }) => ({
    type: OPTIONS_TYPE.reshape,
    value: { newShape: outputs[0]!.shape },
    constants: [{ name: 'shape', values: outputs[0]!.shape }],
  }),
  transpose: ({ attrs }) => ({
    type: OPTIONS_TYPE.transpose,
    value: {},
    constants: [{ name: 'perm', values: attrs.perm }],
  }),
  slice: stridedSlice,
  broadcast_to: ({ outputs }) => ({
    type: OPTIONS_TYPE.broadcastTo,
    value: {},
    constants: [{ name: 'shape', values: outputs[0]!.shape }],
  }),
  tile: ({ attrs }) => ({
    type: OPTIONS_TYPE.tile,
    value: {},
    constants: [{ name: 'multiples', values: attrs.multiples }],
  }),
  space_to_depth: ({ attrs }) => ({ type: OPTIONS_TYPE.spaceToDepth, value: { blockSize: attrs.block } }),
  depth_to_space: ({ attrs }) => ({ type: OPTIONS_TYPE.depthToSpace, value: { blockSize: attrs.block } }),
  space_to_batch_nd: ({ attrs }) => ({
    type: OPTIONS_TYPE.spaceToBatchNd,
    value: {},
    constants: blocks(attrs.block, 'paddings'),
  }),
  batch_to_space_nd: ({ attrs }) => ({
    type: OPTIONS_TYPE.batchToSpaceNd,
    value: {},
    constants: blocks(attrs.block, 'crops'),
  }),
  pad: ({ attrs, outputs }) => ({
    type: OPTIONS_TYPE.padV2,
    value: {},
    constants: [paddings(attrs), { name: 'value', values: [attrs.value], shape: [], like: outputs[0]! }],
  }),
  mirror_pad: ({ attrs }) => ({
    type: OPTIONS_TYPE.mirrorPad,
    value: { mode: attrs.mode === 'symmetric' ? 1 : 0 },
    constants: [paddings(attrs)],
  }),
  concatenation: ({ attrs }) => ({
    type: OPTIONS_TYPE.concatenation,
    value: { axis: attrs.axis, activation: 0 },
  }),
  pack: ({ attrs, inputs }) => ({
    type: OPTIONS_TYPE.pack,
    value: { valuesCount: inputs.length, axis: attrs.axis },
  }),
  split: ({ attrs, outputs }) => ({
    type: OPTIONS_TYPE.splitV,
    value: { numSplits: outputs.length },
    constants: [
      { name: 'sizes', values: outputs.map(({ shape }) => shape[attrs.axis]!) },
      { name: 'axis', values: [attrs.axis], shape: [] },
    ],
  }),
  unpack: ({ attrs, outputs }) => ({
    type: OPTIONS_TYPE.unpack,
    value: { num: outputs.length, axis: attrs.axis },
  }),
  gather: ({ attrs }) => ({ type: OPTIONS_TYPE.gather, value: { ...attrs } }),
  resize_nearest_neighbor: (op) => resize(op, OPTIONS_TYPE.resizeNearestNeighbor),
  resize_bilinear: (op) => resize(op, OPTIONS_TYPE.resizeBilinear),
};

function resize({ attrs, outputs }: OpView<ResizeAttrs>, type: number): Written {
  return { type, value: { ...attrs }, constants: [{ name: 'size', values: outputs[0]!.shape.slice(1, 3) }] };
}

/** No rows around: those are ops of their own. */
function blocks(block: readonly number[], around: string): ConstantOperand[] {
  const zeros = new Array<number>(block.length * 2).fill(0);
  return [
    { name: 'block', values: block },
    { name: around, values: zeros, shape: [block.length, 2] },
  ];
}

function paddings({ before, after }: Pick<MovementOps['pad'], 'before' | 'after'>): ConstantOperand {
  const values = before.flatMap((rows, i) => [rows, after[i]!]);
  return { name: 'paddings', values, shape: [before.length, 2] };
}

function stridedSlice({ attrs, outputs }: OpView<MovementOps['slice']>, name: string): Written {
  const { begin, size, strides } = attrs;
  const { shape } = outputs[0]!;
  // Extents of 1 that the output lacks are shrunk away.
  let [at, shrinkAxisMask, endMask] = [0, 0, 0];
  size.forEach((extent, i) => {
    if (shape[at] === extent) at++;
    else if (extent === 1) shrinkAxisMask |= 1 << i;
    else throw new RangeError(`${name}: its shape is not the slice's`);
  });
  if (at !== shape.length) throw new RangeError(`${name}: its shape is not the slice's`);
  const end = begin.map((from, i) => {
    const to = from + size[i]! * strides[i]!;
    // An end before the first element cannot be said as an index: -1 is the last one.
    if (to < 0) endMask |= 1 << i;
    return Math.max(to, 0);
  });
  return {
    type: OPTIONS_TYPE.stridedSlice,
    value: { beginMask: 0, endMask, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask, offset: false },
    constants: [
      { name: 'begin', values: begin },
      { name: 'end', values: end },
      { name: 'strides', values: strides },
    ],
  };
}
