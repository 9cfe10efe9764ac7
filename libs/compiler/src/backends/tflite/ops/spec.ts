// How an op's attributes become its options table.
import type { Tensor } from '../../../ir/graph.js';
import type { OpView } from '../../../ir/ops.js';
import { ACTIVATIONS } from '../../../ir/tflite-schema.js';
import type { TableValue } from '../flatbuffer-writer.js';

/** An attribute that TFLite has as a constant operand: int32, or a scalar of a tensor's own type and scale. */
export interface ConstantOperand {
  readonly name: string;
  readonly values: readonly number[];
  /** Default: one dimension. */
  readonly shape?: readonly number[];
  readonly like?: Tensor;
}

export interface Written {
  readonly type: number;
  readonly value: TableValue;
  /** The op's own operands in TFLite's order, by position, null for one that is left out; all in their order by default. */
  readonly operands?: readonly (number | null)[];
  /** Operands behind the op's own. */
  readonly constants?: readonly ConstantOperand[];
}

/** The options union's case and value; throws RangeError for what TFLite cannot say. `name` is for that message. */
export type WriteOptions<A> = (op: OpView<A>, name: string) => Written;

export type Writers<Attrs> = { readonly [K in keyof Attrs]?: WriteOptions<Attrs[K]> };

export function activation(name: (typeof ACTIVATIONS)[number]): number {
  return ACTIVATIONS.indexOf(name);
}
