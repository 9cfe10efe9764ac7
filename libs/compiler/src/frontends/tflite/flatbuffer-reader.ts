// Reads one FlatBuffer of a stranger into plain values by the schema tables of ir/tflite-schema. Every offset, length
// and vtable is checked against the file before it is used; counts are charged to a budget, because references may
// share and overlap. Byte vectors are views of the file, all else is copied. Any fault is compiler.model-damaged.
import { fault } from '../../ir/diagnostics.js';
import type { Decoded, Field, ScalarKind, TableSchema, UnionValue } from '../../ir/tflite-schema.js';
import { within, type TfliteLimits } from './limits.js';

const SCALAR_BYTES: Readonly<Record<ScalarKind, number>> = {
  u8: 1,
  i8: 1,
  bool: 1,
  i32: 4,
  u32: 4,
  f32: 4,
  u64: 8,
};

export function readFlatbuffer<T extends TableSchema>(
  file: Uint8Array,
  schema: T,
  limits: TfliteLimits,
): Decoded<T> {
  within('bytes', file.length, limits.fileBytes);
  return new Reader(file, limits).root(schema) as Decoded<T>;
}

interface VTable {
  readonly table: number;
  readonly tableBytes: number;
  readonly entries: number;
  readonly count: number;
}

type Row = Record<string, unknown>;

class Reader {
  private readonly view: DataView;
  private readonly text = new TextDecoder('utf-8');
  private tables = 0;
  private vectorElements = 0;

  constructor(
    private readonly file: Uint8Array,
    private readonly limits: TfliteLimits,
  ) {
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  }

  root(schema: TableSchema): Row {
    return this.table(schema, this.reference(0), 1);
  }

  private table(schema: TableSchema, at: number, nesting: number): Row {
    within('tables', ++this.tables, this.limits.tables);
    within('levels of nesting', nesting, this.limits.nesting);
    const vtable = this.vtable(at, schema.name);
    const row: Row = {};
    for (const [name, field] of Object.entries(schema.fields)) row[name] = this.field(field, vtable, nesting);
    return row;
  }

  private vtable(table: number, name: string): VTable {
    this.need(table, 4, name);
    const start = table - this.view.getInt32(table, true);
    this.need(start, 4, `vtable of ${name}`);
    const bytes = this.view.getUint16(start, true);
    const tableBytes = this.view.getUint16(start + 2, true);
    if (bytes < 4 || bytes % 2 !== 0 || tableBytes < 4)
      throw this.damaged(`the vtable of ${name} is malformed`, start);
    this.need(start, bytes, `vtable of ${name}`);
    this.need(table, tableBytes, name);
    return { table, tableBytes, entries: start + 4, count: (bytes - 4) / 2 };
  }

  /** Position of a field of `bytes`, or null when the table leaves it out. */
  private locate(vtable: VTable, id: number, bytes: number): number | null {
    if (id >= vtable.count) return null;
    const offset = this.view.getUint16(vtable.entries + 2 * id, true);
    if (offset === 0) return null;
    if (offset < 4 || offset + bytes > vtable.tableBytes)
      throw this.damaged('a field lies outside its table', vtable.table);
    return vtable.table + offset;
  }

  private field(field: Field, vtable: VTable, nesting: number): unknown {
    switch (field.kind) {
      case 'union':
        return this.union(field, vtable, nesting);
      case 'text':
      case 'bytes':
      case 'i32s':
      case 'f32s':
      case 'i64s':
      case 'table':
      case 'tables': {
        const at = this.locate(vtable, field.id, 4);
        return at === null ? null : this.referred(field, this.reference(at), nesting);
      }
      default: {
        const at = this.locate(vtable, field.id, SCALAR_BYTES[field.kind]);
        const value = at === null ? field.default : this.scalar(field.kind, at);
        return field.kind === 'bool' ? value !== 0 : value;
      }
    }
  }

  private scalar(kind: ScalarKind, at: number): number {
    switch (kind) {
      case 'u8':
      case 'bool':
        return this.view.getUint8(at);
      case 'i8':
        return this.view.getInt8(at);
      case 'i32':
        return this.view.getInt32(at, true);
      case 'u32':
        return this.view.getUint32(at, true);
      case 'f32':
        return this.view.getFloat32(at, true);
      case 'u64':
        return Number(this.view.getBigUint64(at, true));
    }
  }

  private referred(
    field: Exclude<Field, { kind: ScalarKind | 'union' }>,
    at: number,
    nesting: number,
  ): unknown {
    switch (field.kind) {
      case 'text': {
        const length = this.vectorLength(at, 1);
        within('bytes in a name', length, this.limits.nameBytes);
        return this.text.decode(this.file.subarray(at + 4, at + 4 + length));
      }
      case 'bytes':
        return this.file.subarray(at + 4, at + 4 + this.vectorLength(at, 1));
      case 'i32s':
        return this.numbers(at, 4, (p) => this.view.getInt32(p, true));
      case 'f32s':
        return this.numbers(at, 4, (p) => this.view.getFloat32(p, true));
      case 'i64s':
        return this.numbers(at, 8, (p) => Number(this.view.getBigInt64(p, true)));
      case 'table':
        return this.table(field.of, at, nesting + 1);
      case 'tables':
        return this.numbers(at, 4, (p) => this.reference(p)).map((child) =>
          this.table(field.of, child, nesting + 1),
        );
    }
  }

  private union(
    field: Extract<Field, { kind: 'union' }>,
    vtable: VTable,
    nesting: number,
  ): UnionValue | null {
    const typeAt = this.locate(vtable, field.id - 1, 1);
    const at = this.locate(vtable, field.id, 4);
    const type = typeAt === null ? 0 : this.view.getUint8(typeAt);
    if (type === 0 || at === null) return null;
    const schema = field.cases[type];
    return { type, value: schema === undefined ? null : this.table(schema, this.reference(at), nesting + 1) };
  }

  private numbers(at: number, bytes: number, read: (at: number) => number): number[] {
    const length = this.vectorLength(at, bytes);
    this.vectorElements += length;
    within('vector elements', this.vectorElements, this.limits.vectorElements);
    const values = new Array<number>(length);
    for (let i = 0; i < length; i++) values[i] = read(at + 4 + i * bytes);
    return values;
  }

  private vectorLength(at: number, elementBytes: number): number {
    this.need(at, 4, 'a vector');
    const length = this.view.getUint32(at, true);
    this.need(at + 4, length * elementBytes, 'a vector');
    return length;
  }

  /** References are relative and point forward; 0 would point at itself. */
  private reference(at: number): number {
    this.need(at, 4, 'a reference');
    const offset = this.view.getUint32(at, true);
    if (offset === 0 || at + offset > this.file.length) throw this.damaged('a reference leaves the file', at);
    return at + offset;
  }

  private need(at: number, bytes: number, what: string): void {
    if (at < 0 || at + bytes > this.file.length)
      throw this.damaged(`${what} leaves the file`, Math.max(0, at));
  }

  private damaged(reason: string, offset: number) {
    return fault('compiler.model-damaged', { reason, offset });
  }
}
