// Protocol buffers by a schema that is data, on protobufjs's wire reader. Not its reflection: that makes an object per
// two bytes of a hostile file before anybody can count. Messages and list elements are charged to a budget here.
import protobuf from 'protobufjs';
import { Budget, damaged, within, type ModelLimits } from '../limits.js';
import { MODEL, type Field, type Message, type ModelProto, type Scalar } from './schema.js';

type Reader = protobuf.Reader;

/** What protobufjs has for int64; its typings name a package that only it sees. */
interface Int64 {
  toNumber(): number;
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

/** Top-level fields of a model, with the wire types they have. */
const TOP_LEVEL: Readonly<Record<number, number>> = {
  1: VARINT,
  2: DELIMITED,
  3: DELIMITED,
  4: DELIMITED,
  5: VARINT,
  6: DELIMITED,
  7: DELIMITED,
  8: DELIMITED,
  14: DELIMITED,
  20: DELIMITED,
  25: DELIMITED,
  26: DELIMITED,
};

/** Fields looked at before a graph is found; exporters write a handful. */
const MOST_FIELDS = 1000;

/** ONNX has no signature: a file is taken for a model when its top level reads as one and holds a graph. */
export function looksLikeModel(file: Uint8Array): boolean {
  const reader = protobuf.Reader.create(plain(file));
  try {
    for (let n = 0; n < MOST_FIELDS && reader.pos < reader.len; n++) {
      const tag = reader.uint32();
      const field = tag >>> 3;
      if (TOP_LEVEL[field] === undefined || TOP_LEVEL[field] !== (tag & 7)) return false;
      if (field === 7) return true;
      reader.skipType(tag & 7);
    }
  } catch {
    return false;
  }
  return false;
}

/** Throws FleetError compiler.model-damaged or compiler.limit-exceeded. */
export function readModel(file: Uint8Array, limits: ModelLimits): ModelProto {
  within('bytes', file.length, limits.fileBytes);
  const reader = protobuf.Reader.create(plain(file));
  return new ModelReader(reader, limits).message(MODEL, reader.len, 0) as unknown as ModelProto;
}

/** protobufjs reads a Buffer with Node's own methods, whose slices and errors differ. */
function plain(file: Uint8Array): Uint8Array {
  return new Uint8Array(file.buffer, file.byteOffset, file.byteLength);
}

class ModelReader {
  private readonly budget: Budget;

  constructor(
    private readonly reader: Reader,
    private readonly limits: ModelLimits,
  ) {
    this.budget = new Budget(limits);
  }

  message(schema: Message, end: number, depth: number): Record<string, unknown> {
    const { reader } = this;
    within(`messages inside messages (${schema.name})`, depth, this.limits.nesting);
    this.budget.structure();
    const found = defaults(schema);
    try {
      while (reader.pos < end) {
        const tag = reader.uint32();
        const field = schema.fields[tag >>> 3];
        if (field === undefined) reader.skipType(tag & 7);
        else this.field(found, field, tag & 7, depth);
        if (reader.pos > end) throw damaged(`${schema.name} is longer than it says`, reader.pos);
      }
    } catch (error) {
      // The reader's own errors: index out of range, invalid wire type, varint too long.
      if (error instanceof RangeError || (error as Error).constructor === Error)
        throw damaged(`${schema.name} cannot be read`, reader.pos);
      throw error;
    }
    return found;
  }

  private field(found: Record<string, unknown>, field: Field, wire: number, depth: number): void {
    const { name, type, many } = field;
    const list = found[name] as unknown[];
    if (many && wire === DELIMITED && (type === 'int' || type === 'float')) {
      const end = this.end();
      while (this.reader.pos < end) {
        this.budget.list(1);
        list.push(this.scalar(type, type === 'int' ? VARINT : FIXED32));
      }
      return;
    }
    if (many) this.budget.list(1);
    const value = typeof type === 'string' ? this.scalar(type, wire) : this.inner(type, wire, depth);
    if (many) list.push(value);
    else found[name] = value;
  }

  private inner(type: Message, wire: number, depth: number): Record<string, unknown> {
    if (wire !== DELIMITED) throw damaged(`a ${type.name} has another wire type`, this.reader.pos);
    return this.message(type, this.end(), depth + 1);
  }

  private scalar(type: Scalar, wire: number): unknown {
    const { reader } = this;
    if (type === 'int' && wire === VARINT) return (reader.int64() as unknown as Int64).toNumber();
    if (type === 'float' && wire === FIXED32) return reader.float();
    if (type === 'words4' && wire === FIXED32) return this.take(reader.pos + 4);
    if (type === 'words8' && wire === FIXED64) return this.take(reader.pos + 8);
    if (type === 'int' || type === 'float' || wire !== DELIMITED)
      throw damaged(`a field has wire type ${wire}`, reader.pos);
    const bytes = this.take(this.end());
    if (type !== 'string') return bytes;
    within('bytes in a name', bytes.length, this.limits.nameBytes);
    return new TextDecoder().decode(bytes);
  }

  private take(end: number): Uint8Array {
    const { reader } = this;
    if (end > reader.len) throw damaged('a field is longer than the file', reader.pos);
    const bytes = reader.buf.subarray(reader.pos, end);
    reader.pos = end;
    return bytes;
  }

  /** Where a length-delimited field ends; the file's end bounds it. */
  private end(): number {
    const { reader } = this;
    const length = reader.uint32();
    const end = reader.pos + length;
    if (end > reader.len) throw damaged('a field is longer than the file', reader.pos);
    return end;
  }
}

function defaults(schema: Message): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, type, many } of Object.values(schema.fields)) {
    if (many) found[name] = [];
    else if (type === 'string') found[name] = '';
    else if (type === 'int' || type === 'float') found[name] = 0;
    else found[name] = null;
  }
  return found;
}
