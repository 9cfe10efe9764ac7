/**
 * Generic decoder: bytes to a message by its generated schema. Strict on deterministic encoding (RFC 8949
 * section 4.2.1), types, ranges and required keys; unknown keys are skipped, an unknown value of an
 * enumeration becomes '#<number>', so newer devices are understood.
 */
import { FleetError } from '@tinyfleet/errors';
import { CborFault, CborHeads, Major } from './cbor-heads.js';
import { skimFeatureSummaries } from './feature-summaries.js';
import { schemas, type FeatureSummary, type Messages, type Telemetry } from './generated/messages.js';
import { defaultLimits, type WireLimits } from './limits.js';
import { isName, shorten } from './names.js';
import { unpackWindow } from './packed-window.js';
import type { Field, FieldType, Schema } from './schema.js';

type Values = Record<string, unknown>;
interface Index {
  /** Keys are small. */
  readonly byKey: readonly (Field | undefined)[];
  readonly required: readonly Field[];
}

const allSchemas: Readonly<Record<string, Schema>> = schemas;
const indexes = new Map<string, Index>(
  Object.entries(allSchemas).map(([name, schema]) => [
    name,
    {
      byKey: schema.reduce<(Field | undefined)[]>((byKey, field) => {
        byKey[field.key] = field;
        return byKey;
      }, []),
      required: schema.filter((field) => !field.optional),
    },
  ]),
);
const enumNames = new Map<object, ReadonlyMap<number, string>>();
/** What may stand beside a packed window: all else of telemetry is in it. */
const besidePacked = new Set(['component', 'packed', 'picks', 'counters']);
const nothing: Values = Object.freeze({});
/** Of all messages that are split: an object that grows by twenty fields one after the other is copied again and again. */
const blankTelemetry: Values = Object.fromEntries(schemas.telemetry.map(({ name }) => [name, undefined]));
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Decodes one message. Byte strings are copies.
 * @throws FleetError of area `wire`
 */
export function decode<N extends keyof Messages>(
  message: N,
  bytes: Uint8Array,
  limits?: Partial<WireLimits>,
): Messages[N] {
  const bounds = limits ? { ...defaultLimits, ...limits } : defaultLimits;
  return readerOf(message, bytes, bounds).whole(message) as unknown as Messages[N];
}

/** Decodes a map that is no message of its own, such as the data of a command. @throws FleetError of area `wire` */
export function decodeRule(rule: string, bytes: Uint8Array): Readonly<Record<string, unknown>> {
  return readerOf(rule, bytes, defaultLimits).whole(rule);
}

/**
 * A telemetry message without its feature summaries, which are stored as they came: nothing is made of them. What the message
 * does not have is undefined.
 */
export interface SplitTelemetry {
  readonly message: Omit<Telemetry, 'features'>;
  /** Their CBOR, a view; types and ranges of it are checked. */
  readonly featureBytes: Uint8Array | undefined;
  /** Where in them each histogram begins and ends, one feature after the other. */
  readonly histogramRanges: readonly number[];
  /** Those of a packed window, which has no CBOR of them. */
  readonly packedFeatures: readonly FeatureSummary[] | undefined;
}

/** @throws FleetError of area `wire` */
export function splitTelemetry(bytes: Uint8Array, limits: WireLimits = defaultLimits): SplitTelemetry {
  const reader = readerOf('telemetry', bytes, limits);
  reader.isSplit = true;
  const message = reader.whole('telemetry') as unknown as Telemetry;
  const { featureBytes, histogramRanges, packedFeatures } = reader;
  return { message, featureBytes, histogramRanges, packedFeatures };
}

function readerOf(message: string, bytes: Uint8Array, limits: WireLimits): Reader {
  if (bytes.length > limits.maxBytes)
    throw new FleetError('wire.too-large', { message, bytes: bytes.length, limit: limits.maxBytes });
  return new Reader(message, bytes, limits);
}

class Reader {
  isSplit = false;
  featureBytes: Uint8Array | undefined;
  readonly histogramRanges: number[] = [];
  packedFeatures: readonly FeatureSummary[] | undefined;
  /** Where the features begin. */
  private skimmedFrom = 0;
  /** What is read is checked, and nothing made of it. */
  private isSkimming = false;
  private readonly heads: CborHeads;
  /** Where in the message, for errors: names are put together only when there is one. */
  private readonly path: (string | number)[] = [];

  constructor(
    private readonly name: string,
    bytes: Uint8Array,
    private readonly limits: WireLimits,
  ) {
    this.heads = new CborHeads(bytes);
  }

  /** One message that is all there is. */
  whole(schema: string): Values {
    try {
      const value = this.message(schema, 1);
      if (!this.heads.isDone) throw this.invalid(this.heads.at, 'bytes follow the message');
      return value;
    } catch (error) {
      throw error instanceof CborFault ? this.faultOf(error) : error;
    }
  }

  private message(schema: string, depth: number): Values {
    const { heads } = this;
    const index = indexes.get(schema);
    if (index === undefined) throw new FleetError('wire.message-unknown', { message: schema });
    heads.next();
    const count = this.count(Major.map, this.limits.maxKeys, depth);
    const isWhole = this.isSplit && depth === 1;
    const out: Values = this.isSkimming ? nothing : isWhole ? { ...blankTelemetry } : {};
    let last = -1;
    // Keys rise, so what is required comes in its order.
    let found = 0;
    for (let i = 0; i < count; i++) {
      last = this.key(last);
      const field = index.byKey[last];
      if (field === undefined) {
        this.skip(depth + 1);
        continue;
      }
      if (field === index.required[found]) found++;
      this.path.push(field.name);
      if (isWhole && field.name === 'features') this.skimFeatures(field.type, depth + 1);
      else {
        const value = this.value(field.type, depth + 1);
        if (!this.isSkimming) out[field.name] = value;
      }
      this.path.pop();
    }
    if (schema === 'telemetry' && out.packed !== undefined) {
      this.unpack(out);
      found = index.required.findIndex(({ name }) => out[name] === undefined);
    }
    const missing = index.required[found];
    if (missing !== undefined)
      throw new FleetError('wire.key-missing', {
        message: this.name,
        field: `${this.where()}.${missing.name}`,
      });
    return out;
  }

  private skimFeatures(type: FieldType, depth: number): void {
    const { heads, histogramRanges, limits } = this;
    const from = (this.skimmedFrom = heads.at);
    const end = limits === defaultLimits ? skimFeatureSummaries(heads.bytes, from, histogramRanges) : -1;
    if (end >= 0) heads.at = end;
    else {
      histogramRanges.length = 0;
      this.isSkimming = true;
      this.value(type, depth);
      this.isSkimming = false;
    }
    this.featureBytes = heads.since(from);
  }

  /** Puts the fields of a packed window where a map would have them; what stands in the map is then not packed. */
  private unpack(out: Values): void {
    const fields = unpackWindow(out.packed as Uint8Array);
    const beside =
      this.featureBytes === undefined
        ? Object.keys(out).find((name) => out[name] !== undefined && !besidePacked.has(name))
        : 'features';
    if (beside !== undefined)
      throw new FleetError('wire.packed-invalid', {
        message: this.name,
        reason: `${beside} stands beside it`,
      });
    if (this.isSplit) out.packed = undefined;
    else delete out.packed;
    if (this.isSplit) {
      this.packedFeatures = fields.features as FeatureSummary[] | undefined;
      delete fields.features;
    }
    Object.assign(out, fields);
  }

  /** A fault of the bytes as what a device is told. */
  private faultOf({ kind, offset, message: reason }: CborFault): FleetError {
    if (kind === 'truncated') return new FleetError('wire.truncated', { message: this.name, offset });
    return kind === 'invalid' ? this.invalid(offset, reason) : this.notDeterministic(offset, reason);
  }

  private value(type: FieldType, depth: number): unknown {
    if (type.kind === 'message') return this.message(type.schema, depth);
    const { heads } = this;
    heads.next();
    switch (type.kind) {
      case 'uint':
        return this.uint(type.min, type.max);
      case 'int': {
        if (heads.major !== Major.uint && heads.major !== Major.negint) throw this.mismatch('an integer');
        if (typeof heads.argument !== 'number') throw this.range(heads.argument, '-2^53+1..2^53-1');
        return heads.argument;
      }
      case 'boot-id':
        if (heads.major !== Major.uint) throw this.mismatch('an unsigned integer');
        return BigInt(heads.argument);
      case 'bool':
        if (!heads.isTrue && !heads.isFalse) throw this.mismatch('a boolean');
        return heads.isTrue;
      case 'bstr':
        if (heads.major !== Major.bytes) throw this.mismatch('a byte string');
        this.length(type);
        if (!this.isSkimming) return heads.copy();
        this.histogramRanges.push(heads.from - this.skimmedFrom, heads.at - this.skimmedFrom);
        return undefined;
      case 'tstr': {
        if (heads.major !== Major.text) throw this.mismatch('a text string');
        const text = this.text();
        this.length(type);
        if (type.isName === true && !isName(text))
          throw new FleetError('wire.name-invalid', { value: shorten(text) });
        return text;
      }
      case 'enum': {
        const number = this.uint(0, 65_535);
        return namesOf(type.values).get(number) ?? `#${number}`;
      }
      case 'list': {
        const count = this.count(Major.array, type.max, depth);
        if (count < type.min) throw this.range(count, `${type.min}..${type.max} elements`);
        const out: unknown[] = [];
        for (let i = 0; i < count; i++) {
          this.path.push(i);
          const value = this.value(type.of, depth + 1);
          if (!this.isSkimming) out.push(value);
          this.path.pop();
        }
        return out;
      }
      case 'table': {
        const count = this.count(Major.map, this.limits.maxTableEntries, depth);
        const out: Record<number, number> = {};
        let last = -1;
        for (let i = 0; i < count; i++) {
          last = this.key(last, type.keyMax);
          this.path.push(last);
          heads.next();
          out[last] = this.uint(0, type.valueMax);
          this.path.pop();
        }
        return out;
      }
    }
  }

  /** Keys rise: the one encoding of a map (RFC 8949 4.2.1). */
  private key(last: number, max?: number): number {
    const { heads } = this;
    const { at } = heads;
    heads.next();
    if (max !== undefined) this.uint(0, max);
    else if (heads.major !== Major.uint) throw this.invalid(at, `a key of ${this.where()} is ${heads.name}`);
    const key = Number(heads.argument);
    if (key === last)
      throw new FleetError('wire.duplicate-key', {
        message: this.name,
        field: `${this.where()} key ${key}`,
      });
    if (key < last) throw this.notDeterministic(at, 'keys do not rise');
    return key;
  }

  /** Reads over one item of any kind: a key of a newer protocol. */
  private skip(depth: number): void {
    const { heads } = this;
    heads.next();
    const { major, argument } = heads;
    if (major < Major.array || major === Major.simple) return;
    const children = major === Major.tag ? 1 : Number(argument) * (major === Major.map ? 2 : 1);
    if (children > 0 && depth > this.limits.maxDepth) throw this.tooDeep();
    for (let i = 0; i < children; i++) this.skip(depth + 1);
  }

  private count(major: number, max: number, depth: number): number {
    const { heads } = this;
    if (heads.major !== major) throw this.mismatch(major === Major.map ? 'a map' : 'a list');
    if (depth > this.limits.maxDepth) throw this.tooDeep();
    const count = heads.argument;
    if (typeof count !== 'number' || count > max) throw this.range(count, `0..${max} elements`);
    return count;
  }

  private uint(min: number, max: number): number {
    const { heads } = this;
    if (heads.major !== Major.uint) throw this.mismatch('an unsigned integer');
    const value = heads.argument;
    if (typeof value !== 'number' || value < min || value > max) throw this.range(value, `${min}..${max}`);
    return value;
  }

  private length(type: { min?: number; max?: number }): void {
    const bytes = this.heads.at - this.heads.from;
    if (bytes < (type.min ?? 0) || bytes > (type.max ?? Infinity))
      throw this.range(bytes, `${type.min ?? 0}..${type.max ?? ''} bytes`);
  }

  private text(): string {
    try {
      return utf8.decode(this.heads.content);
    } catch {
      throw this.mismatch('UTF-8');
    }
  }

  /** As `telemetry.features[3].n`. */
  private where(): string {
    return this.path.reduce<string>(
      (path, part) => (typeof part === 'number' ? `${path}[${part}]` : `${path}.${part}`),
      this.name,
    );
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
  private mismatch(expected: string) {
    return new FleetError('wire.type-mismatch', {
      message: this.name,
      field: this.where(),
      found: this.heads.name,
      expected,
    });
  }
  private range(value: number | bigint, range: string) {
    return new FleetError('wire.out-of-range', { message: this.name, field: this.where(), value, range });
  }
}

function namesOf(values: Readonly<Record<string, number>>): ReadonlyMap<number, string> {
  let names = enumNames.get(values);
  if (names === undefined) {
    names = new Map(Object.entries(values).map(([name, number]) => [number, name]));
    enumNames.set(values, names);
  }
  return names;
}
