// Options and constant operands of reductions and products.
import { TENSOR_TYPES, OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { OpView, ReduceAttrs } from '../../../ir/ops.js';
import type { ReductionOps } from '../../../ir/ops/reduction.js';
import type { Writers, Written } from './spec.js';

export const REDUCTION: Writers<ReductionOps> = {
  mean: reducer,
  sum: reducer,
  reduce_max: reducer,
  reduce_min: reducer,
  arg_max: (op) => argument(op, OPTIONS_TYPE.argMax),
  arg_min: (op) => argument(op, OPTIONS_TYPE.argMin),
  batch_matmul: ({ attrs }) => ({ type: OPTIONS_TYPE.batchMatMul, value: { ...attrs } }),
};

function reducer({ attrs: { axes, keepDims } }: OpView<ReduceAttrs>): Written {
  return { type: OPTIONS_TYPE.reducer, value: { keepDims }, constants: [{ name: 'axes', values: axes }] };
}

function argument({ attrs }: OpView<{ axis: number }>, type: number): Written {
  const value = { outputType: TENSOR_TYPES.indexOf('int32') };
  return { type, value, constants: [{ name: 'axis', values: [attrs.axis], shape: [] }] };
}
