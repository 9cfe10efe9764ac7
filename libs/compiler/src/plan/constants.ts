// The constants section in the making: blobs at aligned offsets, equal blobs stored once. In order of first use, so that
// a plan's reads walk forward through flash.
import { createHash } from 'node:crypto';
import { alignUp } from '../ir/align.js';
import type { DType } from '../ir/graph.js';
import type { Operand } from './types.js';

/** Tensors, as the bundle demands; tables need 4 only. */
export const TENSOR_ALIGNMENT = 16;
export const TABLE_ALIGNMENT = 4;

export class ConstantPool {
  private readonly blobs: { readonly offset: number; readonly data: Uint8Array }[] = [];
  private readonly known = new Map<string, number>();
  private end = 0;

  add(data: Uint8Array, dtype: DType, alignment: number): Operand {
    const key = `${alignment}:${data.length}:${createHash('sha256').update(data).digest('base64')}`;
    let offset = this.known.get(key);
    if (offset === undefined) {
      offset = alignUp(this.end, alignment);
      this.blobs.push({ offset, data });
      this.known.set(key, offset);
      this.end = offset + data.length;
    }
    return { space: 'const', dtype, offset, bytes: data.length };
  }

  int32s(values: readonly number[]): Operand {
    const data = new Uint8Array(values.length * 4);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => view.setInt32(i * 4, value, true));
    return this.add(data, 'int32', TABLE_ALIGNMENT);
  }

  int8s(values: readonly number[]): Operand {
    return this.add(new Uint8Array(Int8Array.from(values).buffer), 'int8', TABLE_ALIGNMENT);
  }

  int16s(values: readonly number[]): Operand {
    const data = new Uint8Array(values.length * 2);
    const view = new DataView(data.buffer);
    values.forEach((value, i) => view.setInt16(i * 2, value, true));
    return this.add(data, 'int16', TABLE_ALIGNMENT);
  }

  bytes(): Uint8Array {
    const all = new Uint8Array(this.end);
    for (const { offset, data } of this.blobs) all.set(data, offset);
    return all;
  }
}
