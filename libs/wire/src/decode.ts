/**
 * Generic decoder: bytes to a message by its generated schema. Strict on deterministic encoding (RFC 8949
 * section 4.2.1), types, ranges and required keys; unknown keys are skipped, an unknown value of an
 * enumeration becomes '#<number>', so newer devices are understood.
 */
import { Tokenizer, Type, type Token } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import { schemas, type Messages } from './generated/messages.js';
import { defaultLimits, type WireLimits } from './limits.js';
import { isName, shorten } from './names.js';
import type { Field, FieldType, Schema } from './schema.js';

type Values = Record<string, unknown>;
interface Index {
  readonly byKey: ReadonlyMap<number, Field>;
  readonly required: readonly Field[];
}

const allSchemas: Readonly<Record<string, Schema>> = schemas;
const indexes = new Map<string, Index>(
  Object.entries(allSchemas).map(([name, schema]) => [
    name,
    {
      byKey: new Map(schema.map((field) => [field.key, field])),
      required: schema.filter((field) => !field.optional),
    },
  ]),
);
const enumNames = new Map<object, ReadonlyMap<number, string>>();
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes one message. Byte strings are copies.
 * @throws FleetError of area `wire`
 */
export function decode<N extends keyof Messages>(
  message: N,
  bytes: Uint8Array,
  limits: Partial<WireLimits> = {},
): Messages[N] {
  const bounds = { ...defaultLimits, ...limits };
  if (bytes.length > bounds.maxBytes)
    throw new FleetError('wire.too-large', { message, bytes: bytes.length, limit: bounds.maxBytes });
  const reader = new Reader(message, bytes, bounds);
  const value = reader.message(message, message, 1);
  reader.end();
  return value as unknown as Messages[N];
}

class Reader {
  private readonly tokens: Tokenizer;

  constructor(
    private readonly name: string,
    private readonly bytes: Uint8Array,
    private readonly limits: WireLimits,
  ) {
    this.tokens = new Tokenizer(bytes, {
      strict: true,
      allowIndefinite: false,
      allowUndefined: true,
      allowBigInt: true,
      retainStringBytes: true,
    });
  }

  message(schema: string, path: string, depth: number): Values {
    const index = indexes.get(schema);
    if (index === undefined) throw new FleetError('wire.message-unknown', { message: schema });
    const count = this.count(this.next(), Type.map, path, this.limits.maxKeys, depth);
    const out: Values = {};
    let last = -1;
    for (let i = 0; i < count; i++) {
      const at = this.tokens.pos();
      const key = this.key(this.next(), path, at);
      if (key === last)
        throw new FleetError('wire.duplicate-key', { message: this.name, field: `${path} key ${key}` });
      if (key < last) throw this.notDeterministic(at, 'keys do not rise');
      last = key;
      const field = index.byKey.get(key);
      if (field === undefined) this.skip(depth + 1);
      else out[field.name] = this.value(field.type, `${path}.${field.name}`, depth + 1);
    }
    for (const field of index.required) {
      if (out[field.name] === undefined)
        throw new FleetError('wire.key-missing', { message: this.name, field: `${path}.${field.name}` });
    }
    return out;
  }

  end(): void {
    if (!this.tokens.done()) throw this.invalid(this.tokens.pos(), 'bytes follow the message');
  }

  private value(type: FieldType, path: string, depth: number): unknown {
    if (type.kind === 'message') return this.message(type.schema, path, depth);
    const token = this.next();
    switch (type.kind) {
      case 'uint':
        return this.uint(token, type.min, type.max, path);
      case 'int': {
        if (!is(token, Type.uint) && !is(token, Type.negint)) throw this.mismatch(token, 'an integer', path);
        const value = token.value as number | bigint;
        if (typeof value !== 'number') throw this.range(value, '-2^53+1..2^53-1', path);
        return value;
      }
      case 'boot-id':
        if (!is(token, Type.uint)) throw this.mismatch(token, 'an unsigned integer', path);
        return BigInt(token.value as number | bigint);
      case 'bool':
        if (!is(token, Type.true) && !is(token, Type.false)) throw this.mismatch(token, 'a boolean', path);
        return is(token, Type.true);
      case 'bstr': {
        if (!is(token, Type.bytes)) throw this.mismatch(token, 'a byte string', path);
        const bytes = token.value as Uint8Array;
        this.length(bytes.length, type, path);
        return Uint8Array.from(bytes);
      }
      case 'tstr': {
        if (!is(token, Type.string)) throw this.mismatch(token, 'a text string', path);
        const text = this.text(token, path);
        this.length(Buffer.byteLength(text), type, path);
        if (type.isName === true && !isName(text))
          throw new FleetError('wire.name-invalid', { value: shorten(text) });
        return text;
      }
      case 'enum': {
        const number = this.uint(token, 0, 65_535, path);
        return namesOf(type.values).get(number) ?? `#${number}`;
      }
      case 'list': {
        const count = this.count(token, Type.array, path, type.max, depth);
        if (count < type.min) throw this.range(count, `${type.min}..${type.max} elements`, path);
        return Array.from({ length: count }, (_, i) => this.value(type.of, `${path}[${i}]`, depth + 1));
      }
      case 'table': {
        const count = this.count(token, Type.map, path, this.limits.maxTableEntries, depth);
        const out: Record<number, number> = {};
        let last = -1;
        for (let i = 0; i < count; i++) {
          const at = this.tokens.pos();
          const key = this.uint(this.next(), 0, type.keyMax, `${path} key`);
          if (key === last)
            throw new FleetError('wire.duplicate-key', { message: this.name, field: `${path} key ${key}` });
          if (key < last) throw this.notDeterministic(at, 'keys do not rise');
          last = key;
          out[key] = this.uint(this.next(), 0, type.valueMax, `${path}[${key}]`);
        }
        return out;
      }
    }
  }

  /** Reads over one item of any kind: a key of a newer protocol. */
  private skip(depth: number): void {
    const token = this.next();
    const children = is(token, Type.array)
      ? (token.value as number)
      : is(token, Type.map)
        ? 2 * (token.value as number)
        : is(token, Type.tag)
          ? 1
          : 0;
    if (children > 0 && depth > this.limits.maxDepth) throw this.tooDeep();
    for (let i = 0; i < children; i++) this.skip(depth + 1);
  }

  private next(): Token {
    const at = this.tokens.pos();
    if (this.tokens.done()) throw this.truncated();
    try {
      return this.tokens.next();
    } catch (error) {
      const reason =
        error instanceof Error ? error.message.replace(/^CBOR decode error: /, '') : String(error);
      if (reason.startsWith('not enough data')) throw this.truncated();
      if (reason.includes('more bytes than necessary') || reason.startsWith('indefinite'))
        throw this.notDeterministic(at, reason);
      throw this.invalid(at, reason);
    }
  }

  private key(token: Token, path: string, at: number): number {
    if (!is(token, Type.uint)) throw this.invalid(at, `a key of ${path} is ${token.type.name}`);
    return Number(token.value);
  }

  private count(token: Token, type: Type, path: string, max: number, depth: number): number {
    if (!is(token, type)) throw this.mismatch(token, type === Type.map ? 'a map' : 'a list', path);
    if (depth > this.limits.maxDepth) throw this.tooDeep();
    const count = token.value as number;
    if (count > max) throw this.range(count, `0..${max} elements`, path);
    return count;
  }

  private uint(token: Token, min: number, max: number, path: string): number {
    if (!is(token, Type.uint)) throw this.mismatch(token, 'an unsigned integer', path);
    const value = token.value as number | bigint;
    if (typeof value !== 'number' || value < min || value > max)
      throw this.range(value, `${min}..${max}`, path);
    return value;
  }

  private length(bytes: number, type: { min?: number; max?: number }, path: string): void {
    if (bytes < (type.min ?? 0) || bytes > (type.max ?? Infinity))
      throw this.range(bytes, `${type.min ?? 0}..${type.max ?? ''} bytes`, path);
  }

  private text(token: Token, path: string): string {
    try {
      return utf8.decode(token.byteValue);
    } catch {
      throw this.mismatch(token, 'UTF-8', path);
    }
  }

  private truncated() {
    return new FleetError('wire.truncated', { message: this.name, offset: this.bytes.length });
  }
  private invalid(offset: number, reason: string) {
    return new FleetError('wire.invalid', { message: this.name, offset, reason });
  }
  private notDeterministic(offset: number, reason: string) {
    return new FleetError('wire.not-deterministic', { message: this.name, offset, reason });
  }
  private tooDeep() {
    return new FleetError('wire.too-deep', { message: this.name, limit: this.limits.maxDepth });
  }
  private mismatch(token: Token, expected: string, field: string) {
    return new FleetError('wire.type-mismatch', {
      message: this.name,
      field,
      found: token.type.name,
      expected,
    });
  }
  private range(value: number | bigint, range: string, field: string) {
    return new FleetError('wire.out-of-range', { message: this.name, field, value, range });
  }
}

function is(token: Token, type: Type): boolean {
  return token.type === type;
}

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  let names = enumNames.get(values);
  if (names === undefined) {
    names = new Map(Object.entries(values).map(([name, number]) => [number, name]));
    enumNames.set(values, names);
  }
  return names;
}
