/**
 * Messages as JSON: what `up/telemetry.json` carries and what the CLI prints. Same names as in TypeScript; byte
 * strings are text (base64 on the wire, hexadecimal for readers), boot ids 16 hexadecimal digits. A packed
 * histogram may also be a list of counts.
 */
import { FleetError } from '@tinyfleet/errors';
import { bootIdFromHex, bootIdToHex } from './boot-id.js';
import { decode } from './decode.js';
import { encode } from './encode.js';
import { schemas, type Messages } from './generated/messages.js';
import { packHistogram } from './histogram.js';
import { defaultLimits, type WireLimits } from './limits.js';
import type { FieldType, Schema } from './schema.js';

export type ByteText = 'base64' | 'hex';
type JsonObject = Record<string, unknown>;

const tables: Readonly<Record<string, Schema>> = schemas;
const histograms = new Set(['classes', 'ood', 'histogram']);

export function messageToJson<N extends keyof Messages>(
  message: N,
  value: Messages[N],
  byteText: ByteText = 'base64',
): JsonObject {
  return objectToJson(message, value as unknown as JsonObject, byteText);
}

/**
 * Reads a message from parsed JSON, with every check that CBOR gets. Unknown names are ignored.
 * @throws FleetError of area `wire`
 */
export function messageFromJson<N extends keyof Messages>(
  message: N,
  json: unknown,
  byteText: ByteText = 'base64',
): Messages[N] {
  const value = objectFromJson(message, json, byteText, message);
  return decode(message, encode(message, value as unknown as Messages[N]));
}

/** The payload of `up/telemetry.json`. @throws FleetError of area `wire` */
export function decodeTelemetryJson(
  payload: Uint8Array,
  limits: Partial<WireLimits> = {},
): Messages['telemetry'] {
  const limit = limits.maxBytes ?? defaultLimits.maxBytes;
  if (payload.length > limit)
    throw new FleetError('wire.too-large', { message: 'telemetry.json', bytes: payload.length, limit });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw invalid(error instanceof Error ? error.message : String(error));
  }
  return messageFromJson('telemetry', json);
}

function objectToJson(schema: string, value: JsonObject, byteText: ByteText): JsonObject {
  const out: JsonObject = {};
  for (const field of tables[schema] ?? []) {
    const given = value[field.name];
    if (given !== undefined) out[field.name] = toJson(field.type, given, byteText);
  }
  return out;
}

function toJson(type: FieldType, value: unknown, byteText: ByteText): unknown {
  switch (type.kind) {
    case 'boot-id':
      return bootIdToHex(value as bigint);
    case 'bstr':
      return Buffer.from(value as Uint8Array).toString(byteText);
    case 'list':
      return (value as unknown[]).map((item) => toJson(type.of, item, byteText));
    case 'message':
      return objectToJson(type.schema, value as JsonObject, byteText);
    default:
      return value;
  }
}

function objectFromJson(schema: string, json: unknown, byteText: ByteText, path: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json))
    throw invalid(`${path} is not an object`);
  const out: JsonObject = {};
  for (const field of tables[schema] ?? []) {
    const given = Object.hasOwn(json, field.name) ? (json as JsonObject)[field.name] : undefined;
    if (given !== undefined && given !== null)
      out[field.name] = fromJson(field.type, given, byteText, `${path}.${field.name}`, field.name);
  }
  return out;
}

function fromJson(type: FieldType, value: unknown, byteText: ByteText, path: string, name: string): unknown {
  switch (type.kind) {
    case 'boot-id': {
      const id = typeof value === 'string' ? bootIdFromHex(value) : undefined;
      if (id === undefined) throw invalid(`${path} is not 16 hexadecimal digits`);
      return id;
    }
    case 'bstr': {
      if (Array.isArray(value) && histograms.has(name)) {
        if (value.length > 4_096) throw invalid(`${path} has more than 4096 counts`);
        return packHistogram(value.map(Number));
      }
      const pattern = byteText === 'hex' ? /^(?:[0-9a-f]{2})*$/i : /^[A-Za-z0-9+/_-]*={0,2}$/;
      if (typeof value !== 'string' || !pattern.test(value)) throw invalid(`${path} is not ${byteText}`);
      return new Uint8Array(Buffer.from(value, byteText));
    }
    case 'list':
      if (!Array.isArray(value)) throw invalid(`${path} is not a list`);
      return value
        .slice(0, type.max + 1)
        .map((v, i) => fromJson(type.of, v, byteText, `${path}[${i}]`, name));
    case 'message':
      return objectFromJson(type.schema, value, byteText, path);
    default:
      return value;
  }
}

function invalid(reason: string) {
  return new FleetError('wire.json-invalid', { reason });
}
