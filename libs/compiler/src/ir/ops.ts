// The ops the IR knows, family by family. A new op is a row in its family's file here, in frontends/tflite/ops, in
// plan/lower and in backends/tflite/ops; the verifier, the dump and the reports follow from the rows.
import type { TensorId } from './graph.js';
import { ACTIVATION_OPS, type ActivationOps } from './ops/activation.js';
import { ARITHMETIC_OPS, type ArithmeticOps } from './ops/arithmetic.js';
import { CLASSIC_OPS, type ClassicOps } from './ops/classic.js';
import { CONVOLUTION_OPS, type ConvolutionOps } from './ops/convolution.js';
import { MOVEMENT_OPS, type MovementOps } from './ops/movement.js';
import { REDUCTION_OPS, type ReductionOps } from './ops/reduction.js';
import { RECURRENT_OPS, type RecurrentOps } from './ops/recurrent.js';
import type { OpSpec, OpSpecs } from './ops/spec.js';

export type { ConvAttrs, PoolAttrs, TransposeConvAttrs } from './ops/convolution.js';
export type { ReduceAttrs } from './ops/reduction.js';
export type { Activation, NoAttrs, OpSpec, OpView, Padding, Window2d } from './ops/spec.js';

export interface OpAttrs
  extends ClassicOps, ConvolutionOps, ArithmeticOps, ActivationOps, MovementOps, ReductionOps, RecurrentOps {}

export type OpKind = keyof OpAttrs;

export type OpOf<K extends OpKind> = {
  readonly kind: K;
  /** Unique in the graph; the model's own node name where it has one. */
  readonly name: string;
  /** Operands in TFLite's order; a missing bias is left off. */
  readonly inputs: readonly TensorId[];
  /** At least one, but for ops that only write a variable. */
  readonly outputs: readonly TensorId[];
  readonly attrs: OpAttrs[K];
  /** Position in the source model, for reports and layer-by-layer comparison. */
  readonly sourceIndex: number;
};

export type Op = { [K in OpKind]: OpOf<K> }[OpKind];

export const OPS: OpSpecs<OpAttrs> = {
  ...CLASSIC_OPS,
  ...CONVOLUTION_OPS,
  ...ARITHMETIC_OPS,
  ...ACTIVATION_OPS,
  ...MOVEMENT_OPS,
  ...REDUCTION_OPS,
  ...RECURRENT_OPS,
};

/** The row of an op whose kind is not known to the type checker. */
export function specOf(op: Op): OpSpec<Op['attrs']> {
  return OPS[op.kind] as OpSpec<Op['attrs']>;
}
