/**
 * Walks over the heads of deterministic CBOR (RFC 8949, sections 3 and 4.2.1) without making anything of them: every message of
 * a fleet passes here, and an object for each item costs more than all the checks. Not a general decoder.
 */

export const Major = {
  uint: 0,
  negint: 1,
  bytes: 2,
  text: 3,
  array: 4,
  map: 5,
  tag: 6,
  simple: 7,
} as const;
const majorNames = ['uint', 'negint', 'bytes', 'string', 'array', 'map', 'tag', 'simple'];
const simpleNames: Readonly<Record<number, string>> = {
  20: 'false',
  21: 'true',
  22: 'null',
  23: 'undefined',
  25: 'float',
  26: 'float',
  27: 'float',
};
const simpleTrue = 21;
const simpleFalse = 20;
const twoTo32 = 2 ** 32;

/** Why the bytes are no deterministic CBOR. */
export class CborFault extends Error {
  constructor(
    readonly kind: 'truncated' | 'not-deterministic' | 'invalid',
    readonly offset: number,
    message: string,
  ) {
    super(message);
  }
}

export class CborHeads {
  /** Where the next head stands. */
  at = 0;
  /** Of the head read last. */
  major = 0;
  /** Its value, length or count; a bigint only beyond 2^53 - 1. Of a negative integer, its value itself. */
  argument: number | bigint = 0;
  /** Of a byte or text string: where its bytes begin; they end at `at`. */
  from = 0;
  private info = 0;

  constructor(readonly bytes: Uint8Array) {}

  get isDone(): boolean {
    return this.at >= this.bytes.length;
  }

  get isTrue(): boolean {
    return this.major === Major.simple && this.info === simpleTrue;
  }

  get isFalse(): boolean {
    return this.major === Major.simple && this.info === simpleFalse;
  }

  /** What the head is, for messages. */
  get name(): string {
    return (this.major === Major.simple ? simpleNames[this.info] : majorNames[this.major]) ?? 'simple';
  }

  /** Reads one head, and over the bytes of a string. @throws CborFault */
  next(): void {
    const start = this.at;
    const initial = this.bytes[start];
    if (initial === undefined) throw this.truncated();
    this.major = initial >> 5;
    this.info = initial & 31;
    this.at = start + 1;
    if (this.major === Major.simple) {
      this.simple(start);
      return;
    }
    this.argument = this.info < 24 ? this.info : this.wide(start);
    if (this.major === Major.negint) this.argument = negative(this.argument);
    else if (this.major === Major.bytes || this.major === Major.text) {
      this.from = this.at;
      if (typeof this.argument === 'bigint' || this.argument > this.bytes.length - this.at)
        throw this.truncated();
      this.at += this.argument;
    }
  }

  /** The bytes of the string read last, a view. Of a Buffer `subarray` would make a Buffer, at three times the cost. */
  get content(): Uint8Array {
    return this.since(this.from);
  }

  /** What was read from there to here, a view. */
  since(from: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + from, this.at - from);
  }

  /** The same as bytes of their own. Most strings are short: a loop costs less than a view to copy from. */
  copy(): Uint8Array {
    const { bytes, from } = this;
    const length = this.at - from;
    if (length > 64) return new Uint8Array(this.content);
    const copy = new Uint8Array(length);
    for (let i = 0; i < length; i++) copy[i] = bytes[from + i]!;
    return copy;
  }

  private wide(start: number): number | bigint {
    const { bytes, info } = this;
    if (info === 31)
      throw new CborFault('not-deterministic', start, 'indefinite length items are not allowed');
    if (info > 27) throw new CborFault('invalid', start, `a head of ${info} means nothing`);
    const size = 1 << (info - 24);
    if (start + 1 + size > bytes.length) throw this.truncated();
    this.at = start + 1 + size;
    let value = 0;
    for (let i = start + 1; i < start + 1 + Math.min(size, 4); i++) value = value * 256 + bytes[i]!;
    const least = info === 24 ? 24 : info === 25 ? 256 : info === 26 ? 65_536 : 1;
    if (value < least)
      throw new CborFault('not-deterministic', start, 'an integer has more bytes than necessary');
    if (size < 8) return value;
    const low =
      ((bytes[start + 5]! << 24) |
        (bytes[start + 6]! << 16) |
        (bytes[start + 7]! << 8) |
        bytes[start + 8]!) >>>
      0;
    return value < 2 ** 21 ? value * twoTo32 + low : (BigInt(value) << 32n) | BigInt(low);
  }

  /** false, true, null, undefined and floats of any width: only the first two mean anything here. */
  private simple(start: number): void {
    const { info } = this;
    if (info === 31) throw new CborFault('invalid', start, 'a break stands outside of an item');
    if (simpleNames[info] === undefined)
      throw new CborFault('invalid', start, `simple value ${info} is not used`);
    if (info < 24) return;
    this.at += 1 << (info - 24);
    if (this.at > this.bytes.length) throw this.truncated();
  }

  private truncated(): CborFault {
    return new CborFault('truncated', this.bytes.length, 'the bytes end too early');
  }
}

function negative(argument: number | bigint): number | bigint {
  if (typeof argument === 'bigint') return -1n - argument;
  return argument === Number.MAX_SAFE_INTEGER ? -1n - BigInt(argument) : -1 - argument;
}

/** Reads over one item, whatever it holds. @throws CborFault; deeper than `depth` too */
export function skipItem(heads: CborHeads, depth: number): void {
  heads.next();
  const { major } = heads;
  if (major < Major.array || major === Major.simple) return;
  const count = major === Major.tag ? 1 : Number(heads.argument) * (major === Major.map ? 2 : 1);
  if (count > 0 && depth <= 0) throw new CborFault('invalid', heads.at, 'it is nested too deeply');
  for (let i = 0; i < count; i++) skipItem(heads, depth - 1);
}
