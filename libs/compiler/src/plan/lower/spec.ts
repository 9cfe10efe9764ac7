// What a lowering sees and gives: an op with its tensors in, one step's parameters and operands out.
import type { Tensor } from '../../ir/graph.js';
import type { OpView } from '../../ir/ops.js';
import { rowMajorStrides } from '../../ir/shapes.js';
import { zeroPointOf, activationRange, type Multiplier } from '../../ir/multipliers.js';
import type { Activation } from '../../ir/ops.js';
import type { ConstantPool } from '../constants.js';
import type { Operand, OpName, ParamValue } from '../types.js';

export const ABSENT: Operand = { space: 'none', dtype: 'int32', offset: 0, bytes: 0 };

export interface Lowered {
  /** By field name of docs/spec/bundle.yaml. */
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Operands behind the op's own: tables, an absent bias. */
  readonly tables?: readonly Operand[];
  /** Operands the step reads instead of the op's own, by index into the op's: a shape operand, say, is left out. */
  readonly keep?: readonly number[];
}

/** One way an IR op becomes a step. */
export interface Lowering<A> {
  readonly op: OpName | ((op: OpView<A>) => OpName);
  /** Operands the step reads where they lie, by position; the others only feed `tables`. All but `stores` when left out. */
  readonly reads?: readonly number[];
  /** Operands the step lists as its outputs: variables, in front of the op's results. */
  readonly stores?: readonly number[];
  /** Bytes of each scratch operand. */
  readonly scratch?: (op: OpView<A>) => readonly number[];
  /**
   * The kernel may write its first output over an operand of the same shape and type that dies in this step (the
   * `in_place` column of the runtime's op table).
   */
  readonly inPlace?: boolean;
  /** Throws RangeError, with the reason in words, for scales no kernel's shift bridges. */
  readonly lower: (op: OpView<A>, pool: ConstantPool) => Lowered;
}

export type Lowerings<Attrs> = { readonly [K in keyof Attrs]?: Lowering<Attrs[K]> };

export function requantization(multipliers: readonly Multiplier[], pool: ConstantPool): Operand[] {
  return [pool.int32s(multipliers.map((m) => m.value)), pool.int8s(multipliers.map((m) => m.shift))];
}

export function clampOf(activation: Activation, output: Tensor) {
  const { min, max } = activationRange(activation, output);
  return { activation_min: min, activation_max: max };
}

export function offsetsOf(input: Tensor, output: Tensor) {
  return { input_offset: -zeroPointOf(input), output_offset: zeroPointOf(output) };
}

/** Minus a zero point, as a 16-bit field. */
export function offset(value: number): number {
  if (value > 32_767) throw new RangeError('a zero point of -32768 has no place in the bundle');
  return value;
}

/** Extents behind leading ones, `rank` in all. */
export function leading(shape: readonly number[], rank: number): number[] {
  return [...new Array<number>(rank - shape.length).fill(1), ...shape];
}

/** Row-major strides, 0 along extents of 1: what a broadcast operand is read with. */
export function broadcastStrides(shape: readonly number[], rank: number): number[] {
  const extents = leading(shape, rank);
  return rowMajorStrides(extents).map((stride, i) => (extents[i] === 1 ? 0 : stride));
}
