/**
 * Reads a manifest. The template is enforced by one comparison: the content that was read must encode to the
 * very bytes that came; whatever the template does not have makes a difference.
 */
import { Tagged, decode as cbor } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import {
  commonKeys,
  conditionsKeys,
  coseAlgorithmKeys,
  macKeys,
  manifestEnvelopeKeys,
  manifestKeys,
  parametersKeys,
  protectedHeaderKeys,
  signatureKeys,
} from '../generated/manifest-keys.js';
import { MAC_BYTES, mac0, macMatches, type DeviceSecret } from '../cose-mac.js';
import { MAX_MAC_MANIFEST_BYTES, MAX_MANIFEST_BYTES } from '../limits.js';
import {
  classId,
  encodeEnvelope,
  encodeManifest,
  manifestDigest,
  protectedHeader,
  sign1,
  signatureInput,
  vendorId,
  type ManifestAlgorithm,
  type ManifestContent,
} from './manifest.js';
import { publicKeyFromRaw, signingKeyId, verifySignature } from './sign.js';

export interface ParsedManifest extends ManifestContent {
  readonly algorithm: ManifestAlgorithm;
  /** 8 bytes. */
  readonly keyId: Uint8Array;
  readonly signature: Uint8Array;
  /** What was signed. */
  readonly signed: Uint8Array;
}

/** Reads without verifying. @throws FleetError of area `manifest` */
export function parseManifest(bytes: Uint8Array, limit = MAX_MANIFEST_BYTES): ParsedManifest {
  const { outer, cose } = openEnvelope(bytes, { limit, tag: signatureKeys.tag });
  const header = map(inner(cose[0], 'protected header'), 'protected header');
  const algorithm = algorithmOf(header.get(protectedHeaderKeys.algorithm));
  const keyId = byteString(header.get(protectedHeaderKeys.keyId), 'key id', 8);
  const signature = byteString(cose[3], 'signature', 64);
  const protectedBytes = protectedHeader(algorithm, keyId);
  const { manifest, content } = contentIn(outer, bytes, sign1(protectedBytes, signature));
  return {
    ...content,
    algorithm,
    keyId,
    signature,
    signed: signatureInput(protectedBytes, manifestDigest(manifest)),
  };
}

/** A manifest of the reduced profile, made for one device. */
export interface ParsedMacManifest extends ManifestContent {
  readonly mac: Uint8Array;
  /** SUIT digest: the payload of the MAC. */
  readonly authenticated: Uint8Array;
}

/** Reads without verifying. @throws FleetError of area `manifest` */
export function parseMacManifest(bytes: Uint8Array, limit = MAX_MAC_MANIFEST_BYTES): ParsedMacManifest {
  const { outer, cose } = openEnvelope(bytes, { limit, tag: macKeys.tag });
  const mac = byteString(cose[3], 'MAC', MAC_BYTES);
  const { manifest, content } = contentIn(outer, bytes, mac0(mac));
  return { ...content, mac, authenticated: manifestDigest(manifest) };
}

type Outer = Map<unknown, unknown>;

/** The envelope's map, and the list of its COSE structure, which must have the tag. */
function openEnvelope(
  bytes: Uint8Array,
  { limit, tag }: { readonly limit: number; readonly tag: number },
): { outer: Outer; cose: unknown[] } {
  if (bytes.length > limit) throw new FleetError('manifest.too-large', { bytes: bytes.length, limit });
  const outer = map(
    tagged(read(bytes, bytes.length), manifestEnvelopeKeys.tag, 'the envelope'),
    'the envelope',
  );
  const authentication = list(
    inner(outer.get(manifestEnvelopeKeys.authenticationWrapper), 'authentication'),
    'authentication',
  );
  return { outer, cose: list(tagged(inner(authentication[1], 'proof'), tag, 'proof'), 'proof') };
}

/** The manifest inside; with the proof it must encode to the bytes that came. */
function contentIn(
  outer: Outer,
  bytes: Uint8Array,
  proof: Tagged,
): { manifest: Uint8Array; content: ManifestContent } {
  const manifest = byteString(outer.get(manifestEnvelopeKeys.manifest), 'manifest');
  const content = contentOf(map(inner(manifest, 'manifest'), 'manifest'));
  const canonical = encodeEnvelope(encodeManifest(content), proof, Infinity);
  if (Buffer.compare(canonical, bytes) !== 0) throw outside('its bytes are not those of the template');
  return { manifest, content };
}

export interface ManifestTrust {
  /** Raw public keys. */
  readonly keys: readonly Uint8Array[];
  /** Checked when given. */
  readonly project?: string;
  readonly deviceType?: string;
}

/** Reads and verifies as a device does. @throws FleetError of area `manifest` */
export function verifyManifest(bytes: Uint8Array, trust: ManifestTrust): ParsedManifest {
  const manifest = parseManifest(bytes);
  const key = trust.keys.find((raw) => Buffer.compare(signingKeyId(raw), manifest.keyId) === 0);
  if (key === undefined)
    throw new FleetError('manifest.key-unknown', { key: Buffer.from(manifest.keyId).toString('hex') });
  if (!verifySignature(manifest.algorithm, manifest.signed, manifest.signature, publicKeyFromRaw(key)))
    throw new FleetError('manifest.signature-invalid');
  checkAddress(manifest, trust);
  return manifest;
}

export interface MacTrust extends DeviceSecret {
  /** Checked when given; the project is the client id's. */
  readonly deviceType?: string;
}

/** Reads and verifies as a device of the reduced profile does. @throws FleetError of area `manifest` */
export function verifyMacManifest(bytes: Uint8Array, trust: MacTrust): ParsedMacManifest {
  const manifest = parseMacManifest(bytes);
  if (!macMatches(manifest.mac, manifest.authenticated, trust))
    throw new FleetError('manifest.signature-invalid');
  const [project] = trust.clientId.split('/');
  checkAddress(manifest, { ...trust, project });
  if (manifest.component !== 'model') throw new FleetError('manifest.component-unknown');
  return manifest;
}

function checkAddress(
  { vendorId: vendor, classId: type }: ManifestContent,
  trust: { readonly project?: string | undefined; readonly deviceType?: string | undefined },
): void {
  if (trust.project !== undefined && Buffer.compare(vendorId(trust.project), vendor) !== 0)
    throw new FleetError('manifest.vendor-mismatch');
  if (trust.deviceType !== undefined && Buffer.compare(classId(trust.deviceType), type) !== 0)
    throw new FleetError('manifest.class-mismatch');
}

function contentOf(manifest: Map<unknown, unknown>): ManifestContent {
  const version = manifest.get(manifestKeys.version);
  if (version !== manifestKeys.versionValue) {
    if (typeof version === 'number') throw new FleetError('manifest.version-unsupported', { version });
    throw outside('it has no version');
  }
  const common = map(inner(manifest.get(manifestKeys.common), 'common'), 'common');
  const components = list(common.get(commonKeys.components), 'components');
  const name = byteString(list(components[0], 'component id')[0], 'component id');
  const text = Buffer.from(name).toString('latin1');
  if (text !== 'model' && text !== 'firmware') throw new FleetError('manifest.component-unknown');
  const sequence = list(inner(common.get(commonKeys.sharedSequence), 'shared sequence'), 'shared sequence');
  const parameters = map(sequence[1], 'parameters');
  const digest = list(inner(parameters.get(parametersKeys.imageDigest), 'image digest'), 'image digest');
  const c = map(parameters.get(parametersKeys.conditions), 'conditions');
  const supersede = c.get(conditionsKeys.supersede);
  const optional = <T>(key: number, convert: (value: unknown) => T) => {
    const value = c.get(key);
    return value === undefined ? undefined : convert(value);
  };
  const content = {
    component: text,
    sequence: uint(manifest.get(manifestKeys.sequence), 'sequence'),
    vendorId: byteString(parameters.get(parametersKeys.vendorId), 'vendor id', 16),
    classId: byteString(parameters.get(parametersKeys.classId), 'class id', 16),
    digest: byteString(digest[1], 'image digest', 32),
    size: uint(parameters.get(parametersKeys.imageSize), 'image size'),
    conditions: {
      abi: uint(c.get(conditionsKeys.abi), 'abi'),
      opSet: byteString(c.get(conditionsKeys.opSet), 'op set'),
      ownOpSet: optional(conditionsKeys.ownOpSet, (v) => byteString(v, 'own op set')),
      arenaBytes: uint(c.get(conditionsKeys.arenaBytes), 'arena bytes'),
      stateBytes: uint(c.get(conditionsKeys.stateBytes), 'state bytes'),
      firmwareMin: optional(conditionsKeys.firmwareMin, textString),
      floor: uint(c.get(conditionsKeys.floor), 'floor'),
      soakS: optional(conditionsKeys.soakS, (v) => uint(v, 'soak')),
      latencyUs: optional(conditionsKeys.latencyUs, (v) => uint(v, 'latency')),
      allowDowngrade: optional(conditionsKeys.allowDowngrade, boolean),
      supersede:
        supersede === undefined
          ? undefined
          : supersede === conditionsKeys.supersedeCommit
            ? ('commit' as const)
            : ('revert' as const),
      notAfter: optional(conditionsKeys.notAfter, (v) => uint(v, 'not-after')),
    },
  } satisfies ManifestContent;
  // Absent conditions are absent keys, so that contents can be compared.
  const conditions = Object.fromEntries(
    Object.entries(content.conditions).filter(([, value]) => value !== undefined),
  ) as unknown as ManifestContent['conditions'];
  return { ...content, conditions };
}

function read(bytes: Uint8Array, total: number): unknown {
  try {
    return cbor(bytes, {
      strict: true,
      allowIndefinite: false,
      useMaps: true,
      rejectDuplicateMapKeys: true,
      tags: Tagged.preserve(macKeys.tag, signatureKeys.tag, manifestEnvelopeKeys.tag),
    });
  } catch (error) {
    const reason = error instanceof Error ? error.message.replace(/^CBOR decode error: /, '') : String(error);
    if (/not enough|did not find|no decoder|Cannot read/.test(reason))
      throw new FleetError('manifest.truncated', { bytes: total });
    throw new FleetError('manifest.invalid', { offset: 0, reason });
  }
}

/** The item inside a `bstr .cbor`. */
function inner(value: unknown, what: string): unknown {
  const bytes = byteString(value, what);
  return read(bytes, bytes.length);
}

function tagged(value: unknown, tag: number, what: string): unknown {
  if (!(value instanceof Tagged) || value.tag !== tag) throw outside(`${what} does not have tag ${tag}`);
  return value.value;
}

function map(value: unknown, what: string): Map<unknown, unknown> {
  if (!(value instanceof Map)) throw outside(`${what} is not a map`);
  return value as Map<unknown, unknown>;
}

function list(value: unknown, what: string): unknown[] {
  if (!Array.isArray(value)) throw outside(`${what} is not a list`);
  return value as unknown[];
}

function byteString(value: unknown, what: string, length?: number): Uint8Array {
  if (!(value instanceof Uint8Array)) throw outside(`${what} is not a byte string`);
  if (length !== undefined && value.length !== length) throw outside(`${what} is not ${length} bytes`);
  return Uint8Array.from(value);
}

function uint(value: unknown, what: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0)
    throw outside(`${what} is not an unsigned integer`);
  return value;
}

function textString(value: unknown): string {
  if (typeof value !== 'string') throw outside('firmware version is not text');
  return value;
}

function boolean(value: unknown): boolean {
  if (typeof value !== 'boolean') throw outside('allow-downgrade is not a boolean');
  return value;
}

function algorithmOf(value: unknown): ManifestAlgorithm {
  if (value === coseAlgorithmKeys.ed25519) return 'ed25519';
  if (value === coseAlgorithmKeys.p256) return 'p256';
  throw new FleetError('manifest.algorithm-unsupported', { algorithm: String(value) });
}

function outside(reason: string) {
  return new FleetError('manifest.outside-template', { reason });
}
