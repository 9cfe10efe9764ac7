/**
 * `up/telemetry.json`: the same message for devices that cannot make CBOR (docs/spec/wire.md, As JSON). Keys in camel
 * case, the boot id as 16 hex digits, byte strings as base64, histograms and picks also as lists. It becomes the very
 * message that the CBOR topic would have carried.
 */
import { FleetError } from '@tinyfleet/errors';
import { bootIdFromHex, decode, encode, packHistogram, packPicks, type Telemetry } from '@tinyfleet/wire';
import { defaultMaxBins } from './window.js';

type Json = Record<string, unknown>;

/** @throws telemetry.json-invalid, and what the CBOR codec throws for values out of range */
export function parseTelemetryJson(payload: Uint8Array): Telemetry {
  return decode('telemetry', cborOfTelemetryJson(payload));
}

/** The message that the CBOR topic would have carried, whose codec owns ranges, required fields and limits. */
export function cborOfTelemetryJson(payload: Uint8Array): Uint8Array {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw invalid('the document', (error as Error).message.slice(0, 120));
  }
  return cborOfTelemetry(json);
}

/** The same of what was parsed. */
export function cborOfTelemetry(json: unknown): Uint8Array {
  if (!isObject(json)) throw invalid('the document', 'it is not an object');
  const message: Json = {};
  for (const [field, value] of Object.entries(json)) message[field] = convert(field, value);
  message['component'] ??= 'model';
  return encode('telemetry', message as unknown as Telemetry);
}

function convert(field: string, value: unknown): unknown {
  switch (field) {
    case 'bootId': {
      const id = typeof value === 'string' ? bootIdFromHex(value) : undefined;
      if (id === undefined) throw invalid(field, 'it is not 16 hexadecimal digits');
      return id;
    }
    case 'build':
      return bytes(field, value);
    case 'classes':
    case 'ood':
      return histogram(field, value);
    case 'features':
      return list(field, value).map((one) => {
        if (!isObject(one)) throw invalid(field, 'an entry is not an object');
        return { ...one, histogram: histogram('features.histogram', one['histogram']) };
      });
    case 'picks':
      if (typeof value === 'string') return bytes(field, value);
      return packPicks(
        list(field, value).map((one) => {
          const [offset = -1, predicted = -1, confidence = -1] = numbers(field, one);
          return { offset, predicted, confidence };
        }),
      );
    case 'counters':
      if (!isObject(value)) throw invalid(field, 'it is not an object');
      return value;
    case 'component':
      if (typeof value !== 'string') throw invalid(field, 'it is not a text');
      return value;
    default:
      if (typeof value !== 'number') throw invalid(field, 'it is not a number');
      return value;
  }
}

function histogram(field: string, value: unknown): Uint8Array {
  return typeof value === 'string' ? bytes(field, value) : packHistogram(numbers(field, value));
}

function bytes(field: string, value: unknown): Uint8Array {
  if (typeof value !== 'string' || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
    throw invalid(field, 'it is not base64');
  return new Uint8Array(Buffer.from(value, 'base64'));
}

function list(name: string, value: unknown): unknown[] {
  if (!Array.isArray(value)) throw invalid(name, 'it is not an array');
  return value;
}

function numbers(name: string, value: unknown): number[] {
  const items = list(name, value);
  if (items.length > defaultMaxBins || !items.every((one) => typeof one === 'number')) {
    throw invalid(name, 'it is not an array of numbers');
  }
  return items;
}

const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function invalid(field: string, reason: string): FleetError {
  return new FleetError('telemetry.json-invalid', { message: 'up/telemetry.json', field, reason });
}
