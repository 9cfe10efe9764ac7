/**
 * Encodes rows as Postgres binary COPY and streams them into a table. Columns are declared once with their
 * encoder; a writer owns its buffer, which grows with its batches and is reused, unless one was very large. It knows no table.
 */
import type pg from 'pg';

/** Microseconds between the Unix epoch and Postgres's (2000-01-01). */
const EPOCH_OFFSET_US = 946_684_800_000_000n;
/** What a writer keeps for its next batch, bytes; a larger buffer is for its batch only. */
const KEPT_BYTES = 16 * 1024 * 1024;
const FIRST_BYTES = 64 * 1024;
const SIGNATURE = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');

/** Writes one value, its 4-byte length included, and returns the new position. The sink has room for `bytes(value)`. */
export interface ColumnType<T> {
  /** Upper bound of what `write` needs, length word included. */
  bytes(value: T): number;
  write(sink: Buffer, at: number, value: T): number;
}

const fixed = <T>(size: number, put: (sink: Buffer, at: number, value: T) => void): ColumnType<T> => ({
  bytes: () => 4 + size,
  write(sink, at, value) {
    sink.writeInt32BE(size, at);
    put(sink, at + 4, value);
    return at + 4 + size;
  },
});

export const int2 = fixed<number>(2, (b, at, v) => void b.writeInt16BE(v, at));
export const int4 = fixed<number>(4, (b, at, v) => void b.writeInt32BE(v, at));
/** Signed; pass a uint64 through BigInt.asIntN(64, v). */
export const int8 = fixed<number | bigint>(8, (b, at, v) => void b.writeBigInt64BE(BigInt(v), at));
export const bool = fixed<boolean>(1, (b, at, v) => void b.writeUInt8(v ? 1 : 0, at));
/** Unix milliseconds. */
export const timestamptz = fixed<number>(8, (b, at, v) => {
  b.writeBigInt64BE(BigInt(Math.trunc(v)) * 1000n - EPOCH_OFFSET_US, at);
});
/** Canonical text form. */
export const uuid = fixed<string>(16, (b, at, v) => void b.write(v.replaceAll('-', ''), at, 16, 'hex'));
export const bytea: ColumnType<Uint8Array> = {
  bytes: (value) => 4 + value.length,
  write(sink, at, value) {
    sink.writeInt32BE(value.length, at);
    sink.set(value, at + 4);
    return at + 4 + value.length;
  },
};
export const text: ColumnType<string> = {
  bytes: (value) => 4 + value.length * 3,
  write(sink, at, value) {
    const length = sink.write(value, at + 4, 'utf8');
    sink.writeInt32BE(length, at);
    return at + 4 + length;
  },
};
export const nullable = <T>(type: ColumnType<T>): ColumnType<T | null | undefined> => ({
  bytes: (value) => (value === null || value === undefined ? 4 : type.bytes(value)),
  write(sink, at, value) {
    if (value !== null && value !== undefined) return type.write(sink, at, value);
    sink.writeInt32BE(-1, at);
    return at + 4;
  },
});

export type Columns<Row> = {
  readonly [K in keyof Row]-?: { readonly column: string; readonly type: ColumnType<Row[K]> };
};

interface Field<Row> {
  readonly key: keyof Row;
  readonly bytes: (value: Row[keyof Row]) => number;
  readonly write: (sink: Buffer, at: number, value: Row[keyof Row]) => number;
}

/**
 * COPY .. FROM STDIN of data that is there already, in one round trip. `sql` may hold statements before and behind it: outside of a
 * transaction all of them are one.
 */
export async function copyIn(client: pg.ClientBase, sql: string, data: Buffer): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.query(new CopyInQuery(sql, data, (error) => (error ? reject(error) : resolve())));
  });
}

const COPY_DATA = 0x64;
const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);

/**
 * The data goes with the statement and waits for no answer: a server that has refused the statement drops what comes for it
 * (PostgreSQL, "Message Flow", COPY operations). pg calls these methods with what the server says.
 */
class CopyInQuery implements pg.Submittable {
  constructor(
    private readonly sql: string,
    private readonly data: Buffer,
    /** Set by pg where queries have a time limit. */
    public callback: (error?: Error) => void,
  ) {}

  submit(connection: pg.Connection): void {
    const { stream } = connection;
    const head = Buffer.allocUnsafe(5);
    head.writeUInt8(COPY_DATA);
    head.writeUInt32BE(4 + this.data.length, 1);
    stream.cork();
    connection.query(this.sql);
    stream.write(head);
    stream.write(this.data);
    stream.write(COPY_DONE);
    stream.uncork();
  }

  handleError(error: Error): void {
    this.callback(error);
  }

  handleReadyForQuery(): void {
    this.callback();
  }

  handleCopyInResponse(): void {}
  handleRowDescription(): void {}
  handleDataRow(): void {}
  handleCommandComplete(): void {}
}

export class BinaryCopy<Row extends object> {
  private buffer = Buffer.allocUnsafe(FIRST_BYTES);
  private readonly fields: readonly Field<Row>[];
  private readonly sql: string;

  /** @param rowBytes an upper bound for one row; without it each row's columns are asked, which takes a second pass */
  constructor(
    table: string,
    columns: Columns<Row>,
    private readonly rowBytes?: (row: Row) => number,
  ) {
    const keys = Object.keys(columns) as (keyof Row)[];
    this.fields = keys.map((key) => {
      const { type } = columns[key];
      return {
        key,
        bytes: (value) => type.bytes(value),
        write: (sink, at, value) => type.write(sink, at, value),
      };
    });
    const names = keys.map((key) => columns[key].column).join(', ');
    this.sql = `copy ${table} (${names}) from stdin with (format binary)`;
  }

  /** One batch in one COPY. Not reentrant: one call at a time per writer. */
  async write(client: pg.ClientBase, rows: readonly Row[]): Promise<void> {
    await copyIn(client, this.sql, this.encode(rows));
  }

  /** A view of the writer's buffer, valid until the next call. */
  encode(rows: readonly Row[]): Buffer {
    let at = SIGNATURE.copy(this.buffer);
    for (const row of rows) {
      const need = this.rowBytes?.(row) ?? this.measure(row);
      if (at + need + 2 > this.buffer.length) this.grow(at + need + 2);
      at = this.buffer.writeInt16BE(this.fields.length, at);
      for (const { key, write } of this.fields) at = write(this.buffer, at, row[key]);
    }
    at = this.buffer.writeInt16BE(-1, at);
    const encoded = this.buffer.subarray(0, at);
    if (this.buffer.length > KEPT_BYTES) this.buffer = Buffer.allocUnsafe(FIRST_BYTES);
    return encoded;
  }

  private measure(row: Row): number {
    let need = 2;
    for (const { key, bytes } of this.fields) need += bytes(row[key]);
    return need;
  }

  private grow(need: number): void {
    const larger = Buffer.allocUnsafe(Math.max(need, this.buffer.length * 2));
    this.buffer.copy(larger);
    this.buffer = larger;
  }
}
