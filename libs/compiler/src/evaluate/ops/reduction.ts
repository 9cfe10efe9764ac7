// Ops that reduce dimensions, and products of two activations.
import type * as Tf from '@tensorflow/tfjs-core';
import type { ReduceAttrs, ReductionOps } from '../../ir/ops/reduction.js';
import type { Tfjs } from '../backend.js';
import type { FloatSpec, FloatSpecs } from './spec.js';

type Reduction = (tf: Tfjs, x: Tf.Tensor, axes: number[]) => Tf.Tensor;

export const REDUCTION_FLOAT: FloatSpecs<ReductionOps> = {
  mean: reduce((tf, x, axes) => tf.mean(x, axes)),
  sum: reduce((tf, x, axes) => tf.sum(x, axes)),
  reduce_max: reduce((tf, x, axes) => tf.max(x, axes)),
  reduce_min: reduce((tf, x, axes) => tf.min(x, axes)),
  arg_max: index((tf, x, [axis]) => tf.argMax(x, axis)),
  arg_min: index((tf, x, [axis]) => tf.argMin(x, axis)),
  batch_matmul: {
    run: ({ tf, attrs, values: [a, b] }) => {
      // Leading dimensions that repeat on both sides are wrong in the wasm backend: written out.
      const batches = tf.broadcast_util.assertAndGetBroadcastShape(
        a!.shape.slice(0, -2),
        b!.shape.slice(0, -2),
      );
      const [x, y] = [a!, b!].map((t) => tf.broadcastTo(t, [...batches, ...t.shape.slice(-2)]));
      return tf.matMul(x!, y!, attrs.adjX, attrs.adjY);
    },
    stacks: ({ inputs, outputs }) =>
      outputs[0]!.shape.length >= 3 &&
      inputs.every((t) => t.shape.length === outputs[0]!.shape.length && t.shape[0] === 1),
  },
};

function reduce(compute: Reduction): FloatSpec<ReduceAttrs> {
  return {
    run: ({ tf, attrs, values: [x] }) =>
      attrs.axes.length === 0 ? tf.clone(x!) : compute(tf, x!, [...attrs.axes]),
    stacks: ({ attrs }) => !attrs.axes.includes(0),
  };
}

function index(compute: Reduction): FloatSpec<{ readonly axis: number }> {
  return {
    run: ({ tf, attrs, values: [x] }) => compute(tf, x!, [attrs.axis]),
    stacks: ({ attrs }) => attrs.axis > 0,
  };
}
