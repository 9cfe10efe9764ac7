// Writes one FlatBuffer from plain values and the schema tables of ir/tflite-schema. Front to back: a table is laid out
// with holes for its references, which are patched when the children are appended behind it (references point forward
// only; a vtable may lie anywhere). Equal vtables are shared. Same value, same bytes.
import type { Field, ScalarKind, TableSchema } from '../../ir/tflite-schema.js';

export type TableValue = { readonly [field: string]: unknown };

/** Bytes of a tensor's data start on this boundary, as TFLite's own writer does, so a model can be used in place. */
const DATA_ALIGNMENT = 16;

const SCALAR_BYTES: Readonly<Record<ScalarKind, number>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  i32: 4,
  u32: 4,
  f32: 4,
  u64: 8,
};

export function writeFlatbuffer(schema: TableSchema, identifier: string, value: TableValue): Uint8Array {
  return new Writer().file(schema, identifier, value);
}

interface Slot {
  readonly id: number;
  readonly bytes: number;
  readonly put: (at: number) => void;
}

class Writer {
  private bytes = new Uint8Array(1024);
  private view = new DataView(this.bytes.buffer);
  private end = 0;
  private readonly vtables = new Map<string, number>();
  /** Children still to be appended, first in first out. */
  private readonly pending: (() => void)[] = [];

  file(schema: TableSchema, identifier: string, value: TableValue): Uint8Array {
    const root = this.allocate(8, 4);
    this.bytes.set(new TextEncoder().encode(identifier), root + 4);
    this.refer(root, () => this.table(schema, value));
    for (let next = this.pending.shift(); next !== undefined; next = this.pending.shift()) next();
    return this.bytes.slice(0, this.end);
  }

  private table(schema: TableSchema, value: TableValue): number {
    const slots = Object.entries(schema.fields).flatMap(([name, field]) => this.slots(field, value[name]));
    // Wide fields first: no padding inside the table.
    slots.sort((a, b) => b.bytes - a.bytes || a.id - b.id);
    const wide = slots.some((slot) => slot.bytes === 8);
    const offsets = new Map<number, number>();
    let size = wide ? 8 : 4;
    for (const slot of slots) {
      offsets.set(slot.id, size);
      size += slot.bytes;
    }
    const vtable = this.vtable(offsets, size);
    const at = this.allocate(size, wide ? 8 : 4);
    this.view.setInt32(at, at - vtable, true);
    for (const slot of slots) slot.put(at + offsets.get(slot.id)!);
    return at;
  }

  private vtable(offsets: ReadonlyMap<number, number>, tableBytes: number): number {
    const count = Math.max(-1, ...offsets.keys()) + 1;
    const entries = [
      4 + 2 * count,
      tableBytes,
      ...Array.from({ length: count }, (_, id) => offsets.get(id) ?? 0),
    ];
    const key = entries.join();
    const known = this.vtables.get(key);
    if (known !== undefined) return known;
    const at = this.allocate(2 * entries.length, 2);
    entries.forEach((entry, i) => this.view.setUint16(at + 2 * i, entry, true));
    this.vtables.set(key, at);
    return at;
  }

  private slots(field: Field, value: unknown): Slot[] {
    if (value === undefined || value === null) return [];
    const reference = (write: () => number): Slot => ({
      id: field.id,
      bytes: 4,
      put: (at) => this.refer(at, write),
    });
    switch (field.kind) {
      case 'text':
        return [reference(() => this.text(value as string))];
      case 'bytes':
        return [reference(() => this.data(value as Uint8Array))];
      case 'i32s':
        return [
          reference(() => this.vector(value as number[], 4, (at, v) => this.view.setInt32(at, v, true))),
        ];
      case 'f32s':
        return [
          reference(() => this.vector(value as number[], 4, (at, v) => this.view.setFloat32(at, v, true))),
        ];
      case 'i64s':
        return [
          reference(() =>
            this.vector(value as number[], 8, (at, v) => this.view.setBigInt64(at, BigInt(v), true)),
          ),
        ];
      case 'table':
        return [reference(() => this.table(field.of, value as TableValue))];
      case 'tables':
        return [reference(() => this.tables(field.of, value as TableValue[]))];
      case 'union': {
        const { type, value: body } = value as { type: number; value: TableValue };
        const type8: Slot = { id: field.id - 1, bytes: 1, put: (at) => this.view.setUint8(at, type) };
        return [type8, reference(() => this.table(field.cases[type]!, body))];
      }
      default:
        return Number(value) === field.default ? [] : [this.scalar(field.kind, field.id, Number(value))];
    }
  }

  private scalar(kind: ScalarKind, id: number, value: number): Slot {
    const put = (at: number): void => {
      if (kind === 'f32') this.view.setFloat32(at, value, true);
      else if (kind === 'u64') this.view.setBigUint64(at, BigInt(value), true);
      else if (kind === 'i32') this.view.setInt32(at, value, true);
      else if (kind === 'u32') this.view.setUint32(at, value, true);
      else this.view.setUint8(at, value);
    };
    return { id, bytes: SCALAR_BYTES[kind], put };
  }

  private vector(values: readonly number[], bytes: number, put: (at: number, value: number) => void): number {
    const at = this.lengthPrefixed(values.length, values.length * bytes, bytes);
    values.forEach((value, i) => put(at + 4 + i * bytes, value));
    return at;
  }

  private tables(of: TableSchema, values: readonly TableValue[]): number {
    const at = this.lengthPrefixed(values.length, values.length * 4, 4);
    values.forEach((value, i) => this.refer(at + 4 + i * 4, () => this.table(of, value)));
    return at;
  }

  private text(value: string): number {
    const encoded = new TextEncoder().encode(value);
    const at = this.lengthPrefixed(encoded.length, encoded.length + 1, 1);
    this.bytes.set(encoded, at + 4);
    return at;
  }

  private data(value: Uint8Array): number {
    const at = this.lengthPrefixed(value.length, value.length, DATA_ALIGNMENT);
    this.bytes.set(value, at + 4);
    return at;
  }

  private lengthPrefixed(length: number, bytes: number, alignment: number): number {
    const aligned = Math.max(4, alignment);
    const padding = (aligned - ((this.end + 4) % aligned)) % aligned;
    const at = this.allocate(padding + 4 + bytes, 1) + padding;
    this.view.setUint32(at, length, true);
    return at;
  }

  private refer(from: number, write: () => number): void {
    this.pending.push(() => {
      const target = write();
      this.view.setUint32(from, target - from, true);
    });
  }

  private allocate(size: number, alignment: number): number {
    const at = Math.ceil(this.end / alignment) * alignment;
    this.end = at + size;
    if (this.end > this.bytes.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(this.end)));
      grown.set(this.bytes);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    return at;
  }
}
