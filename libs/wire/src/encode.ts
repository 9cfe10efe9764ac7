/** Generic encoder: a message to deterministic CBOR by its generated schema, with the checks of the decoder. */
import { encode as cbor, rfc8949EncodeOptions } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import { schemas, type Messages } from './generated/messages.js';
import { isName, shorten } from './names.js';
import type { FieldType, Schema } from './schema.js';

const allSchemas: Readonly<Record<string, Schema>> = schemas;
const MAX_UINT64 = 2n ** 64n - 1n;

/**
 * Encodes one message. Fields that are undefined are left out.
 * @throws FleetError of area `wire`; nothing is sent that `decode` would refuse
 */
export function encode<N extends keyof Messages>(message: N, value: Messages[N]): Uint8Array {
  const map = messageMap(message, value as unknown as Record<string, unknown>, message, message);
  return cbor(map, rfc8949EncodeOptions);
}

/** One rule of the specification by its name, for maps inside byte strings (`next-key`). */
export function encodeRule(rule: string, value: Readonly<Record<string, unknown>>): Uint8Array {
  return cbor(messageMap(rule, value, rule, rule), rfc8949EncodeOptions);
}

function messageMap(
  schema: string,
  value: Readonly<Record<string, unknown>> | null,
  path: string,
  message: string,
): Map<number, unknown> {
  const fields = allSchemas[schema];
  if (fields === undefined) throw new FleetError('wire.message-unknown', { message: schema });
  if (typeof value !== 'object' || value === null) throw mismatch(message, path, value, 'an object');
  const out = new Map<number, unknown>();
  for (const field of fields) {
    const given = value[field.name];
    if (given === undefined) {
      if (!field.optional)
        throw new FleetError('wire.key-missing', { message, field: `${path}.${field.name}` });
      continue;
    }
    out.set(field.key, item(field.type, given, `${path}.${field.name}`, message));
  }
  return out;
}

function item(type: FieldType, value: unknown, path: string, message: string): unknown {
  switch (type.kind) {
    case 'uint':
      return integer(value, type.min, type.max, path, message);
    case 'int':
      return integer(value, Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, path, message);
    case 'boot-id':
      if (typeof value !== 'bigint') throw mismatch(message, path, value, 'a bigint');
      if (value < 0n || value > MAX_UINT64)
        throw new FleetError('wire.out-of-range', { message, field: path, value, range: '0..2^64-1' });
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    case 'bool':
      if (typeof value !== 'boolean') throw mismatch(message, path, value, 'a boolean');
      return value;
    case 'bstr':
      if (!(value instanceof Uint8Array)) throw mismatch(message, path, value, 'a Uint8Array');
      length(value.length, type, path, message);
      return value;
    case 'tstr':
      if (typeof value !== 'string') throw mismatch(message, path, value, 'a string');
      length(Buffer.byteLength(value), type, path, message);
      if (type.isName === true && !isName(value))
        throw new FleetError('wire.name-invalid', { value: shorten(value) });
      return value;
    case 'enum': {
      if (typeof value !== 'string') throw mismatch(message, path, value, 'a name of the enumeration');
      const known = Object.hasOwn(type.values, value) ? type.values[value] : undefined;
      const number = known ?? (/^#\d{1,5}$/.test(value) ? Number(value.slice(1)) : undefined);
      if (number === undefined)
        throw new FleetError('wire.out-of-range', {
          message,
          field: path,
          value: shorten(value),
          range: Object.keys(type.values).join(', '),
        });
      return integer(number, 0, 65_535, path, message);
    }
    case 'list':
      if (!Array.isArray(value)) throw mismatch(message, path, value, 'a list');
      if (value.length < type.min || value.length > type.max)
        throw new FleetError('wire.out-of-range', {
          message,
          field: path,
          value: value.length,
          range: `${type.min}..${type.max} elements`,
        });
      return value.map((v, i) => item(type.of, v, `${path}[${i}]`, message));
    case 'table': {
      if (typeof value !== 'object' || value === null) throw mismatch(message, path, value, 'an object');
      const out = new Map<number, number>();
      for (const [key, v] of Object.entries(value))
        out.set(
          integer(Number(key), 0, type.keyMax, `${path} key`, message),
          integer(v, 0, type.valueMax, `${path}[${key}]`, message),
        );
      return out;
    }
    case 'message':
      return messageMap(type.schema, value as Record<string, unknown>, path, message);
  }
}

function integer(value: unknown, min: number, max: number, field: string, message: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value))
    throw mismatch(message, field, value, 'an integer');
  if (value < min || value > max)
    throw new FleetError('wire.out-of-range', { message, field, value, range: `${min}..${max}` });
  return value === 0 ? 0 : value; // -0 would become a float
}

function length(bytes: number, type: { min?: number; max?: number }, field: string, message: string): void {
  if (bytes >= (type.min ?? 0) && bytes <= (type.max ?? Infinity)) return;
  throw new FleetError('wire.out-of-range', {
    message,
    field,
    value: bytes,
    range: `${type.min ?? 0}..${type.max ?? ''} bytes`,
  });
}

function mismatch(message: string, field: string, value: unknown, expected: string) {
  const found = value === null ? 'null' : typeof value;
  return new FleetError('wire.type-mismatch', { message, field, found, expected });
}
