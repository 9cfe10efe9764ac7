// The options writers of all families; an op without one has no options.
import type { Op, OpAttrs } from '../../../ir/ops.js';
import { ACTIVATION } from './activation.js';
import { ARITHMETIC } from './arithmetic.js';
import { CONVOLUTION } from './convolution.js';
import { MOVEMENT } from './movement.js';
import { RECURRENT } from './recurrent.js';
import { REDUCTION } from './reduction.js';
import type { WriteOptions, Writers } from './spec.js';

const WRITERS: Writers<OpAttrs> = {
  ...CONVOLUTION,
  ...ARITHMETIC,
  ...ACTIVATION,
  ...MOVEMENT,
  ...REDUCTION,
  ...RECURRENT,
};

export function writerOf(op: Op): WriteOptions<Op['attrs']> | undefined {
  return WRITERS[op.kind] as WriteOptions<Op['attrs']> | undefined;
}
