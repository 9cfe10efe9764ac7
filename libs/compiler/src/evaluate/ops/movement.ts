// Ops that move elements. The evaluation gives every result the graph's shape, so a reshape has nothing to do.
import type * as Tf from '@tensorflow/tfjs-core';
import type { MovementOps, ResizeAttrs } from '../../ir/ops/movement.js';
import type { OpView } from '../../ir/ops.js';
import { always, never, sameRank, type FloatCall, type FloatSpec, type FloatSpecs } from './spec.js';

const behindBatch = ({ attrs: { axis } }: OpView<{ readonly axis: number }>): boolean => axis > 0;
/** A constant among the parts is not there once per sample. */
const computedBehindBatch = (view: OpView<{ readonly axis: number }>): boolean =>
  behindBatch(view) && view.inputs.every((tensor) => tensor.data === null);

const same: FloatSpec<unknown> = { run: ({ tf, values: [x] }) => tf.clone(x!), stacks: always };

export const MOVEMENT_FLOAT: FloatSpecs<MovementOps> = {
  reshape: same,
  view: same,
  transpose: {
    run: ({ tf, attrs, values: [x] }) => tf.transpose(x!, [...attrs.perm]),
    stacks: ({ attrs }) => attrs.perm[0] === 0,
  },
  slice: { run: slice, stacks: ({ attrs }) => attrs.size[0] === 1 },
  broadcast_to: {
    run: ({ tf, outputs, batch, values: [x] }) => {
      const [first, ...rest] = outputs[0]!.shape;
      return tf.broadcastTo(x!, [first! * batch, ...rest]);
    },
    stacks: sameRank,
  },
  tile: {
    run: ({ tf, attrs, values: [x] }) => tf.tile(x!, [...attrs.multiples]),
    stacks: ({ attrs }) => attrs.multiples[0] === 1,
  },
  space_to_depth: {
    run: ({ tf, attrs: { block }, values: [x] }) => {
      const [n, h, w, c] = x!.shape as [number, number, number, number];
      return tf.transpose(tf.reshape(x!, [n, h / block, block, w / block, block, c]), [0, 1, 3, 2, 4, 5]);
    },
    stacks: always,
  },
  depth_to_space: {
    run: ({ tf, attrs: { block }, values: [x] }) => {
      const [n, h, w, c] = x!.shape as [number, number, number, number];
      return tf.transpose(tf.reshape(x!, [n, h, w, block, block, c / block ** 2]), [0, 1, 3, 2, 4, 5]);
    },
    stacks: always,
  },
  space_to_batch_nd: {
    run: ({ tf, attrs: { block }, values: [x] }) => {
      const none = block.map(() => [0, 0]);
      return tf.spaceToBatchND(x!, [...block], none);
    },
    stacks: never,
  },
  batch_to_space_nd: {
    run: ({ tf, attrs: { block }, values: [x] }) => {
      const none = block.map(() => [0, 0]);
      return tf.batchToSpaceND(x!, [...block], none);
    },
    stacks: never,
  },
  pad: {
    run: ({ tf, attrs, values: [x] }) => tf.pad(x!, pairs(attrs), Math.max(LOWEST, attrs.value)),
    stacks: padsNoBatch,
  },
  mirror_pad: {
    run: ({ tf, attrs, values: [x] }) => tf.mirrorPad(x!, pairs(attrs), attrs.mode),
    stacks: padsNoBatch,
  },
  concatenation: {
    run: ({ tf, attrs, values }) => tf.concat([...values], attrs.axis),
    stacks: computedBehindBatch,
  },
  pack: { run: ({ tf, attrs, values }) => tf.stack([...values], attrs.axis), stacks: computedBehindBatch },
  split: {
    run: ({ tf, attrs: { axis }, outputs, values: [x] }) =>
      tf.split(
        x!,
        outputs.map(({ shape }) => shape[axis]!),
        axis,
      ),
    stacks: behindBatch,
  },
  unpack: { run: ({ tf, attrs, values: [x] }) => tf.unstack(x!, attrs.axis), stacks: behindBatch },
  gather: {
    run: ({ tf, attrs: { axis, batchDims }, values: [x, indices] }) => {
      const at = tf.cast(indices!, 'int32');
      if (batchDims === 0) return tf.gather(x!, at, axis);
      // The wasm backend has batch dimensions in front of axis 0 only: batch by batch.
      const flat = (t: Tf.Tensor): Tf.Tensor[] =>
        tf.unstack(tf.reshape(t, [-1, ...t.shape.slice(batchDims)]));
      const lists = flat(at);
      return tf.stack(flat(x!).map((part, i) => tf.gather(part, lists[i]!, axis - batchDims)));
    },
    stacks: ({ attrs, inputs }) => attrs.axis > 0 && attrs.batchDims === 0 && inputs[1]!.data !== null,
  },
  resize_nearest_neighbor: {
    run: (call) => {
      const { tf, attrs, values } = call;
      const { alignCorners, halfPixelCenters } = attrs;
      return tf.image.resizeNearestNeighbor(
        values[0]! as Tf.Tensor4D,
        extents(call),
        alignCorners,
        halfPixelCenters,
      );
    },
    stacks: always,
  },
  resize_bilinear: {
    run: (call) => {
      const { tf, attrs, values } = call;
      const { alignCorners, halfPixelCenters } = attrs;
      return tf.image.resizeBilinear(
        values[0]! as Tf.Tensor4D,
        extents(call),
        alignCorners,
        halfPixelCenters,
      );
    },
    stacks: always,
  },
};

/** Of float32; -Infinity, where a maximum follows, would spoil ranges. */
const LOWEST = -3.4028234663852886e38;

function extents({ outputs }: FloatCall<ResizeAttrs>): [number, number] {
  return [outputs[0]!.shape[1]!, outputs[0]!.shape[2]!];
}

interface Pads {
  readonly before: readonly number[];
  readonly after: readonly number[];
}

function pairs({ before, after }: Pads): [number, number][] {
  return before.map((rows, i) => [rows, after[i]!]);
}

function padsNoBatch({ attrs: { before, after } }: OpView<Pads>): boolean {
  return before[0] === 0 && after[0] === 0;
}

/** tfjs's strides run forwards: what runs backwards is taken forwards and reversed. */
function slice({ tf, attrs, batch, values: [x] }: FloatCall<MovementOps['slice']>): Tf.Tensor {
  const size = attrs.size.map((extent, i) => (i === 0 ? extent * batch : extent));
  const low = attrs.begin.map((at, i) =>
    attrs.strides[i]! < 0 ? at + (size[i]! - 1) * attrs.strides[i]! : at,
  );
  const steps = attrs.strides.map(Math.abs);
  const end = low.map((at, i) => at + (size[i]! - 1) * steps[i]! + 1);
  const forwards = steps.every((step) => step === 1)
    ? tf.slice(x!, low, size)
    : tf.stridedSlice(x!, low, end, steps);
  const backwards = attrs.strides.flatMap((stride, i) => (stride < 0 ? [i] : []));
  return backwards.length === 0 ? forwards : tf.reverse(forwards, backwards);
}
