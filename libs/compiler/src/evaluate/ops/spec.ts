// What an op's family file says about evaluating it in floats: TFLite's float semantics in terms of tfjs. Several samples
// may be stacked along dimension 0, where the op keeps it.
import { elements, float32Values, type Tensor } from '../../ir/graph.js';
import type { OpView } from '../../ir/ops.js';
import type { Activation } from '../../ir/ops.js';
import type * as Tf from '@tensorflow/tfjs-core';
import type { Tfjs } from '../backend.js';

export interface FloatCall<A> extends OpView<A> {
  readonly tf: Tfjs;
  /** Samples that are stacked along dimension 0: 1 unless `stacks` allowed more. */
  readonly batch: number;
  /** Operands in order; constants and variables too. Never disposed by the op. */
  readonly values: readonly Tf.Tensor[];
  /** Made once per graph and op, kept until the evaluation ends: filters in tfjs's order. */
  readonly prepared: (key: string, make: () => Tf.Tensor) => Tf.Tensor;
  /** New value of a variable operand; `all` = every value it took, where it took several. */
  readonly assign: (operand: number, value: Tf.Tensor, all?: Tf.Tensor) => void;
}

export interface FloatSpec<A> {
  /** Results in order, in any shape of the right size. Runs inside tf.tidy. */
  readonly run: (call: FloatCall<A>) => Tf.Tensor | readonly Tf.Tensor[];
  /**
   * May samples be stacked, given that every computed operand and result has extent 1 in dimension 0? Default: yes when
   * all computed operands have the rank of the result.
   */
  readonly stacks?: (view: OpView<A>) => boolean;
}

export type FloatSpecs<Attrs> = { readonly [K in keyof Attrs]?: FloatSpec<Attrs[K]> };

export function clamp<T extends Tf.Tensor>(tf: Tfjs, x: T, activation: Activation): T {
  switch (activation) {
    case 'none':
      return x;
    case 'relu':
      return tf.relu(x);
    case 'relu6':
      return tf.clipByValue(x, 0, 6);
    case 'relu_n1_to_1':
      return tf.clipByValue(x, -1, 1);
  }
}

export const always = (): boolean => true;
export const never = (): boolean => false;

/** Elementwise ops broadcast from the right: stacked operands need the result's rank. */
export function sameRank({ inputs, outputs }: OpView<unknown>): boolean {
  return inputs.every((t) => t.data !== null || t.shape.length === outputs[0]!.shape.length);
}

/** Integers of a constant operand: axes, permutations, sizes. */
export function integers(tensor: Tensor): number[] {
  if (tensor.data === null) throw new Error(`invariant: ${tensor.name} is not constant`);
  const view = new DataView(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  return Array.from({ length: elements(tensor) }, (_, i) => {
    switch (tensor.dtype) {
      case 'int32':
        return view.getInt32(i * 4, true);
      case 'int64':
        return Number(view.getBigInt64(i * 8, true));
      case 'int16':
        return view.getInt16(i * 2, true);
      case 'int8':
        return view.getInt8(i);
      default:
        return view.getUint8(i);
    }
  });
}

/** A constant as numbers, whatever its type. */
export function numbersOf(tensor: Tensor): Float32Array {
  return tensor.dtype === 'float32' ? float32Values(tensor) : Float32Array.from(integers(tensor));
}
