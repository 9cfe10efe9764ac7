/**
 * Manifests as JSON: what the CLI and people who listen to a device read. Byte strings are hexadecimal. What was decoded
 * encodes to the same bytes, its signature or MAC included; nothing is verified or signed here.
 */
import { FleetError } from '@tinyfleet/errors';
import { mac0 } from '../cose-mac.js';
import { MAX_MAC_MANIFEST_BYTES } from '../limits.js';
import {
  encodeEnvelope,
  encodeManifest,
  protectedHeader,
  sign1,
  type ManifestAlgorithm,
  type ManifestConditions,
  type ManifestContent,
} from './manifest.js';
import { parseMacManifest, parseManifest } from './parse.js';

type JsonObject = Record<string, unknown>;

/** Of either kind: signed by a project, or with a MAC for one device. @throws FleetError of area `manifest` */
export function manifestToJson(bytes: Uint8Array): JsonObject {
  const parsed: Partial<Record<string, unknown>> = isMac(bytes)
    ? { ...parseMacManifest(bytes), authenticated: undefined }
    : { ...parseManifest(bytes), signed: undefined };
  return toJson(parsed) as JsonObject;
}

/** Without a signature: what `contentFromJson` takes. */
export function contentToJson(content: ManifestContent): JsonObject {
  return toJson(content) as JsonObject;
}

/** @throws wire.json-invalid, FleetError of area `manifest` */
export function manifestFromJson(json: unknown): Uint8Array {
  const given = objectOf(json, 'manifest');
  const manifest = encodeManifest(contentFromJson(given));
  const envelope =
    given['mac'] === undefined
      ? encodeEnvelope(
          manifest,
          sign1(protectedHeader(algorithmOf(given), hexOf(given, 'keyId', 8)), hexOf(given, 'signature', 64)),
        )
      : encodeEnvelope(manifest, mac0(hexOf(given, 'mac', 32)), MAX_MAC_MANIFEST_BYTES);
  // What a device would refuse to read is refused here, by the same names.
  manifestToJson(envelope);
  return envelope;
}

/** What is signed of it: without signature and MAC. @throws wire.json-invalid */
export function contentFromJson(json: unknown): ManifestContent {
  const given = objectOf(json, 'manifest');
  const { component } = given;
  if (component !== 'model' && component !== 'firmware') throw new FleetError('manifest.component-unknown');
  const conditions = objectOf(given['conditions'], 'conditions');
  const numbers = Object.fromEntries(
    Object.entries(conditions).filter(([name]) => name !== 'opSet' && name !== 'ownOpSet'),
  );
  for (const [name, value] of Object.entries(numbers))
    if (typeof value !== 'number' && typeof value !== 'boolean' && typeof value !== 'string')
      throw invalid(`conditions.${name} is not a number`);
  return {
    component,
    sequence: numberOf(given, 'sequence'),
    vendorId: hexOf(given, 'vendorId', 16),
    classId: hexOf(given, 'classId', 16),
    digest: hexOf(given, 'digest', 32),
    size: numberOf(given, 'size'),
    conditions: {
      ...numbers,
      opSet: hexOf(conditions, 'opSet'),
      ...(conditions['ownOpSet'] === undefined ? {} : { ownOpSet: hexOf(conditions, 'ownOpSet') }),
    } as unknown as ManifestConditions,
  };
}

/** The COSE structure inside says which: tag 17 is COSE_Mac0, 18 COSE_Sign1. Unreadable ones are read as signed. */
function isMac(bytes: Uint8Array): boolean {
  try {
    parseMacManifest(bytes);
    return true;
  } catch {
    return false;
  }
}

function toJson(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex');
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .map(([name, inner]) => [name, toJson(inner)]),
  );
}

function objectOf(value: unknown, name: string): JsonObject {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid(`${name} is not an object`);
  return value as JsonObject;
}

function numberOf(from: JsonObject, name: string): number {
  const value = from[name];
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw invalid(`${name} is not a number`);
  return value as number;
}

function hexOf(from: JsonObject, name: string, bytes?: number): Uint8Array {
  const value = from[name];
  if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})*$/i.test(value)) throw invalid(`${name} is not hex`);
  if (bytes !== undefined && value.length !== 2 * bytes)
    throw invalid(`${name} has ${value.length / 2} bytes, not ${bytes}`);
  return new Uint8Array(Buffer.from(value, 'hex'));
}

function algorithmOf(from: JsonObject): ManifestAlgorithm {
  const { algorithm } = from;
  if (algorithm !== 'ed25519' && algorithm !== 'p256')
    throw new FleetError('manifest.algorithm-unsupported', {
      algorithm: typeof algorithm === 'string' ? algorithm : 'none',
    });
  return algorithm;
}

const invalid = (reason: string) => new FleetError('wire.json-invalid', { reason });
