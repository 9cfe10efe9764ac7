// How an op's attributes become its options table.
import type { OpView } from '../../../ir/ops.js';
import { ACTIVATIONS } from '../../../ir/tflite-schema.js';
import type { TableValue } from '../flatbuffer-writer.js';

/** The options union's case and value; throws RangeError for what TFLite cannot say. `name` is for that message. */
export type WriteOptions<A> = (op: OpView<A>, name: string) => { type: number; value: TableValue };

export type Writers<Attrs> = { readonly [K in keyof Attrs]?: WriteOptions<Attrs[K]> };

export function activation(name: (typeof ACTIVATIONS)[number]): number {
  return ACTIVATIONS.indexOf(name);
}
