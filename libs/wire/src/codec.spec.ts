/** The generic codec against arbitrary messages, mutations and its limits. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { encode as cbor } from 'cborg';
import { isFleetError } from '@tinyfleet/errors';
import {
  decode,
  encode,
  messageNames,
  parseManifest,
  readEnvelope,
  splitTelemetry,
  type Messages,
} from './index.js';
import { schemas } from './generated/messages.js';
import type { FieldType, Schema } from './schema.js';
import { wireCases } from '../test/wire-cases.js';

const tables: Readonly<Record<string, Schema>> = schemas;

/** Any valid value of a field. */
function arbitrary(type: FieldType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'uint':
      return fc.oneof(fc.constantFrom(type.min, type.max), fc.integer({ min: type.min, max: type.max }));
    case 'int':
      return fc.maxSafeInteger();
    case 'boot-id':
      return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'bool':
      return fc.boolean();
    case 'bstr':
      return fc.uint8Array({ minLength: type.min ?? 0, maxLength: Math.min(type.max ?? 64, 64) });
    case 'tstr':
      return type.isName === true
        ? fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,62}$/)
        : fc.string({ minLength: type.min ?? 0, maxLength: Math.floor((type.max ?? 64) / 4) });
    case 'enum':
      return fc.constantFrom(...Object.keys(type.values), '#60000');
    case 'list':
      return fc.array(arbitrary(type.of), { minLength: type.min, maxLength: Math.min(type.max, 4) });
    case 'table':
      return fc.dictionary(
        fc.integer({ min: 0, max: type.keyMax }).map(String),
        fc.integer({ min: 0, max: type.valueMax }),
        { maxKeys: 6, noNullPrototype: true },
      );
    case 'message':
      return message(type.schema);
  }
}

function message(name: string): fc.Arbitrary<Record<string, unknown>> {
  // A packed window stands for other fields (packed-window.spec.ts).
  const schema = (tables[name] ?? []).filter((field) => field.name !== 'packed');
  return fc.record(Object.fromEntries(schema.map((field) => [field.name, arbitrary(field.type)])), {
    requiredKeys: schema.filter((f) => !f.optional).map((f) => f.name),
    noNullPrototype: true,
  });
}

/** Runs `decode`; any error that is not registered fails the test, and of telemetry another one where its features are left as they are. */
function outcome(name: keyof Messages, bytes: Uint8Array): string {
  const of = (read: () => unknown): { readonly code: string; readonly text: string } => {
    try {
      read();
      return { code: 'ok', text: '' };
    } catch (error) {
      if (!isFleetError(error)) throw error;
      return { code: error.code, text: error.message };
    }
  };
  const decoded = of(() => decode(name, bytes));
  if (name === 'telemetry') {
    expect(of(() => splitTelemetry(bytes))).toEqual(decoded);
    const envelope = readEnvelope(bytes);
    if (decoded.code === 'ok') expect(envelope).toEqual(envelopeIn(bytes));
  }
  return decoded.code;
}

function envelopeIn(bytes: Uint8Array): Pick<Messages['telemetry'], 'bootId' | 'sequence'> {
  const { bootId, sequence } = decode('telemetry', bytes);
  return { bootId, sequence };
}

describe('desired', () => {
  it('should send no sleeper away for more than a week', () => {
    const desired = (nextContactS: number) =>
      encode('desired', { serverTimeMs: 1, revision: 1, deployment: 0, nextContactS });
    expect(decode('desired', desired(604_800)).nextContactS).toBe(604_800);
    expect(() => desired(604_801)).toThrow(expect.objectContaining({ code: 'wire.out-of-range' }));
  });
});

describe('codec', () => {
  for (const name of messageNames) {
    it(`should give back any ${name} and its only encoding`, () => {
      fc.assert(
        fc.property(message(name), (value) => {
          const bytes = encode(name, value as never);
          const back = decode(name, bytes);
          expect(back).toEqual(value);
          expect(encode(name, back)).toEqual(bytes);
          if (name === 'telemetry') expect(readEnvelope(bytes)).toEqual(envelopeIn(bytes));
        }),
        { numRuns: 60 },
      );
    });
  }

  it('should refuse damaged messages with registered errors only', () => {
    const samples = wireCases.map(({ message: name, value }) => ({
      name,
      bytes: encode(name, value as never),
    }));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        fc.nat(),
        (sample, edits, cut) => {
          const bytes = Uint8Array.from(sample.bytes);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          outcome(sample.name, cut % 3 === 0 ? bytes.subarray(0, cut % bytes.length) : bytes);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('should refuse any truncation of every golden message', () => {
    for (const { message: name, value } of wireCases) {
      const bytes = encode(name, value as never);
      for (let n = 0; n < bytes.length; n++)
        expect(outcome(name, bytes.subarray(0, n))).toBe('wire.truncated');
    }
  });

  it('should survive arbitrary bytes', () => {
    fc.assert(
      fc.property(fc.constantFrom(...messageNames), fc.uint8Array({ maxLength: 96 }), (name, bytes) => {
        outcome(name, bytes);
      }),
      { numRuns: 3_000 },
    );
  });

  it('should skip unknown keys of any type', () => {
    const known = new Map<number, unknown>([
      [1, 5],
      [2, 10],
    ]);
    for (const extra of [1.5, null, 'text', [1, [2, { a: 1 }]], new Map([['k', -1]]), 2n ** 64n - 1n]) {
      expect(decode('ask', cbor(new Map([...known, [40, extra]])))).toEqual({
        counter: 5,
        command: 'say-hello',
      });
    }
  });

  it('should refuse text that is not UTF-8', () => {
    const bytes = encode('hello', wireCases[0]?.value as Messages['hello']);
    const at = Buffer.from(bytes).indexOf('wasm');
    bytes[at] = 0xff;
    expect(outcome('hello', bytes)).toBe('wire.type-mismatch');
  });

  it('should leave out fields that are undefined and refuse wrong ones by name', () => {
    expect(() => encode('ask', { counter: -1, command: 'abort' })).toThrow(/ask.counter/);
    expect(() => encode('ask', { counter: 1, command: 'fly' as never })).toThrow(/fly/);
    expect(() => encode('ask', { counter: 1 } as never)).toThrow(/ask.command/);
    expect(encode('ask', { counter: 1, command: 'abort', argument: undefined })).toEqual(
      encode('ask', { counter: 1, command: 'abort' }),
    );
  });
});

describe('limits', () => {
  const ask = (extra: unknown) =>
    cbor(
      new Map<number, unknown>([
        [1, 1],
        [2, 1],
        [40, extra],
      ]),
    );

  it('should take a message of maxBytes and refuse one more', () => {
    const bytes = encode('ask', { counter: 1, command: 'abort', data: new Uint8Array(100) });
    expect(decode('ask', bytes, { maxBytes: bytes.length }).counter).toBe(1);
    expect(() => decode('ask', bytes, { maxBytes: bytes.length - 1 })).toThrow(/the limit is/);
  });

  it('should take maxDepth levels and refuse one more', () => {
    const nested = (levels: number) => {
      let value: unknown = 0;
      for (let i = 0; i < levels; i++) value = [value];
      return ask(value);
    };
    expect(decode('ask', nested(3), { maxDepth: 4 }).counter).toBe(1);
    expect(() => decode('ask', nested(4), { maxDepth: 4 })).toThrow(/deeper than 4/);
  });

  it('should take maxKeys keys and refuse one more', () => {
    expect(decode('ask', ask(0), { maxKeys: 3 }).counter).toBe(1);
    expect(() => decode('ask', ask(0), { maxKeys: 2 })).toThrow(/outside 0\.\.2/);
  });

  it('should take maxTableEntries entries and refuse one more', () => {
    const value = wireCases.find((c) => c.name === 'telemetry-max')?.value as Messages['telemetry'];
    const bytes = encode('telemetry', value);
    expect(decode('telemetry', bytes, { maxTableEntries: 2 }).n).toBe(4_095);
    expect(() => decode('telemetry', bytes, { maxTableEntries: 1 })).toThrow(/outside 0\.\.1/);
  });

  it('should take 4,095 inferences and refuse one more', () => {
    const value = wireCases.find((c) => c.name === 'telemetry-min')?.value as Messages['telemetry'];
    expect(encode('telemetry', { ...value, n: 4_095 })).toBeInstanceOf(Uint8Array);
    expect(() => encode('telemetry', { ...value, n: 4_096 })).toThrow(/telemetry.n/);
  });
});

describe('manifest parser', () => {
  it('should refuse damaged manifests with registered errors only', () => {
    const golden = JSON.parse(
      readFileSync(new URL('../../../firmware-stubs/vectors/manifest.json', import.meta.url), 'utf8'),
    ) as { manifests: Array<{ hex: string }> };
    const samples = golden.manifests.map((m) => new Uint8Array(Buffer.from(m.hex, 'hex')));
    fc.assert(
      fc.property(
        fc.constantFrom(...samples),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 3 }),
        (sample, edits) => {
          const bytes = Uint8Array.from(sample);
          for (const [at, value] of edits) bytes[at % bytes.length] = value;
          try {
            parseManifest(bytes);
          } catch (error) {
            if (!isFleetError(error)) throw error;
          }
        },
      ),
      { numRuns: 3_000 },
    );
  });
});
