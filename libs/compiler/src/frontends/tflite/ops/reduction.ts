// Reductions and products of two activations: int8, int16, float.
import type { Tensor } from '../../../ir/graph.js';
import type { Op } from '../../../ir/ops.js';
import { OPTIONS_TYPE } from '../../../ir/tflite-schema.js';
import type { Importers, OpContext } from '../context.js';
import { one, op } from './moved.js';

export const REDUCTION: Importers = {
  ARG_MAX: (context) => importArg('arg_max', context),
  ARG_MIN: (context) => importArg('arg_min', context),
  BATCH_MATMUL: importBatchMatmul,
  MEAN: (context) => importReduce('mean', context),
  REDUCE_MAX: (context) => importReduce('reduce_max', context),
  REDUCE_MIN: (context) => importReduce('reduce_min', context),
  SUM: (context) => importReduce('sum', context),
};

const TYPES = ['int8', 'int16', 'float32'];

type Reduction = 'mean' | 'sum' | 'reduce_max' | 'reduce_min';

function importReduce(kind: Reduction, context: OpContext): Op | null {
  const [input, output, given] = [context.input(0, TYPES), context.output(TYPES), context.constants(1)];
  if (input === null || output === null || given === null) return null;
  if (!context.perTensor(input, output)) return null;
  const keepsScale = kind === 'reduce_max' || kind === 'reduce_min';
  if (keepsScale && !context.sameScale(input, output)) return null;
  const resolved = given.map((axis) => context.axis(axis, input.shape.length));
  if (resolved.includes(null)) return null;
  const axes = [...new Set(resolved as number[])].sort((a, b) => a - b);
  const { keepDims } = context.options(OPTIONS_TYPE.reducer, { keepDims: false });
  return one(context, kind, { input, output }, { axes, keepDims });
}

function importArg(kind: 'arg_max' | 'arg_min', context: OpContext): Op | null {
  const [input, output, given] = [context.input(0, TYPES), context.output(['int32']), context.constants(1)];
  if (input === null || output === null || given === null || !context.perTensor(input)) return null;
  const axis = context.axis(given[0] ?? 0, input.shape.length);
  return axis === null ? null : one(context, kind, { input, output }, { axis });
}

function importBatchMatmul(context: OpContext): Op | null {
  const [a, b, output] = [context.input(0, TYPES), context.input(1, TYPES), context.output(TYPES)];
  if (a === null || b === null || output === null || !context.perTensor(a, b, output)) return null;
  const zero = ({ quantization }: Tensor): boolean => quantization!.zeroPoints[0] === 0;
  if (a.dtype === 'int16' && ![a, b, output].every(zero)) {
    context.quantization(a, 'int16 products have zero points 0');
    return null;
  }
  const { adjX, adjY } = context.options(OPTIONS_TYPE.batchMatMul, { adjX: false, adjY: false });
  return op(context, 'batch_matmul', { inputs: [a, b], outputs: [output] }, { adjX, adjY });
}
