/**
 * What a manifest says (docs/spec/manifest.cddl), and its bytes: one deterministic encoding per content, so a
 * parser can compare instead of judging.
 */
import { createHash } from 'node:crypto';
import { Tagged, encode as cbor, rfc8949EncodeOptions } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import {
  commonKeys,
  conditionsKeys,
  coseAlgorithmKeys,
  installKeys,
  manifestEnvelopeKeys,
  manifestKeys,
  parametersKeys,
  protectedHeaderKeys,
  sharedSequenceKeys,
  signatureKeys,
  suitDigestKeys,
  validateKeys,
} from '../generated/manifest-keys.js';
import { MAX_MANIFEST_BYTES } from '../limits.js';
import { assertName } from '../names.js';

export type ManifestComponent = 'model' | 'firmware';
export type ManifestAlgorithm = 'ed25519' | 'p256';

/** What a device must have or be for the bundle; checked before it fetches. */
export interface ManifestConditions {
  /** Runtime ABI: major << 16 | minor. */
  readonly abi: number;
  /** Bit n of byte n / 8 = builtin op n; trailing zero bytes left out. */
  readonly opSet: Uint8Array;
  /** The same for own ops, bit 0 = 1,024. Left out when empty. */
  readonly ownOpSet?: Uint8Array;
  readonly arenaBytes: number;
  readonly stateBytes: number;
  /** Lowest firmware version, `major.minor.patch`. */
  readonly firmwareMin?: string;
  /** Sequences below it may no longer run. */
  readonly floor: number;
  /** Seconds that the old slot is kept. */
  readonly soakS?: number;
  /** Bound of one inference in the self-test. */
  readonly latencyUs?: number;
  readonly allowDowngrade?: boolean;
  /** What to do with an open trial or soak of the present model; absent: wait. */
  readonly supersede?: 'commit' | 'revert';
  /** Unix seconds. */
  readonly notAfter?: number;
}

export interface ManifestContent {
  readonly component: ManifestComponent;
  readonly sequence: number;
  /** 16 bytes, see `vendorId` and `classId`. */
  readonly vendorId: Uint8Array;
  readonly classId: Uint8Array;
  /** SHA-256 and length of the bundle. */
  readonly digest: Uint8Array;
  readonly size: number;
  readonly conditions: ManifestConditions;
}

/** UUIDv8 (RFC 9562) of a SHA-256: what a device can compute without SHA-1. */
function uuid8(text: string): Uint8Array {
  const id = new Uint8Array(createHash('sha256').update(text).digest().subarray(0, 16));
  id[6] = ((id[6] ?? 0) & 0x0f) | 0x80;
  id[8] = ((id[8] ?? 0) & 0x3f) | 0x80;
  return id;
}

/** Vendor id of a project: a device takes manifests of its own project only. */
export function vendorId(project: string): Uint8Array {
  return uuid8(`tinyfleet:vendor:${assertName(project)}`);
}

/** Class id of a device type. */
export function classId(deviceType: string): Uint8Array {
  return uuid8(`tinyfleet:class:${assertName(deviceType)}`);
}

const DIGEST = suitDigestKeys.algorithm;
const COMPONENT_NAMES: Record<ManifestComponent, Uint8Array> = {
  model: new TextEncoder().encode('model'),
  firmware: new TextEncoder().encode('firmware'),
};

export function bytesOf(value: unknown): Uint8Array {
  return cbor(value, rfc8949EncodeOptions);
}

/** The manifest proper: the bytes inside the envelope's key 3. @throws manifest.invalid on a value out of range */
export function encodeManifest(content: ManifestContent): Uint8Array {
  check(content);
  const c = content.conditions;
  const conditions = new Map<number, unknown>();
  const put = (key: number, value: unknown) => {
    if (value !== undefined) conditions.set(key, value);
  };
  put(conditionsKeys.abi, c.abi);
  put(conditionsKeys.opSet, c.opSet);
  put(conditionsKeys.ownOpSet, c.ownOpSet?.length === 0 ? undefined : c.ownOpSet);
  put(conditionsKeys.arenaBytes, c.arenaBytes);
  put(conditionsKeys.stateBytes, c.stateBytes);
  put(conditionsKeys.firmwareMin, c.firmwareMin);
  put(conditionsKeys.floor, c.floor);
  put(conditionsKeys.soakS, c.soakS);
  put(conditionsKeys.latencyUs, c.latencyUs);
  put(conditionsKeys.allowDowngrade, c.allowDowngrade);
  put(
    conditionsKeys.supersede,
    c.supersede === undefined
      ? undefined
      : c.supersede === 'commit'
        ? conditionsKeys.supersedeCommit
        : conditionsKeys.supersedeRevert,
  );
  put(conditionsKeys.notAfter, c.notAfter);
  const parameters = new Map<number, unknown>([
    [parametersKeys.vendorId, content.vendorId],
    [parametersKeys.classId, content.classId],
    [parametersKeys.imageDigest, bytesOf([DIGEST, content.digest])],
    [parametersKeys.imageSize, content.size],
    [parametersKeys.conditions, conditions],
  ]);
  const shared = sharedSequenceKeys;
  const common = new Map<number, unknown>([
    [commonKeys.components, [[COMPONENT_NAMES[content.component]]]],
    [
      commonKeys.sharedSequence,
      bytesOf([
        shared.override,
        parameters,
        shared.vendor,
        shared.vendorPolicy,
        shared.class,
        shared.classPolicy,
      ]),
    ],
  ]);
  return bytesOf(
    new Map<number, unknown>([
      [manifestKeys.version, manifestKeys.versionValue],
      [manifestKeys.sequence, content.sequence],
      [manifestKeys.common, bytesOf(common)],
      [manifestKeys.validate, bytesOf([validateKeys.imageMatch, validateKeys.imageMatchPolicy])],
      [manifestKeys.install, bytesOf([installKeys.fetch, installKeys.fetchPolicy])],
    ]),
  );
}

/** SUIT_Digest of the manifest: SHA-256 over its byte string, the string's header included. */
export function manifestDigest(manifest: Uint8Array): Uint8Array {
  const digest = createHash('sha256').update(bytesOf(manifest)).digest();
  return bytesOf([DIGEST, new Uint8Array(digest)]);
}

export function protectedHeader(algorithm: ManifestAlgorithm, keyId: Uint8Array): Uint8Array {
  return bytesOf(
    new Map<number, unknown>([
      [protectedHeaderKeys.algorithm, coseAlgorithmKeys[algorithm]],
      [protectedHeaderKeys.keyId, keyId],
    ]),
  );
}

/** COSE Sig_structure (RFC 9052 section 4.4): exactly the bytes that are signed. */
export function signatureInput(protectedBytes: Uint8Array, digest: Uint8Array): Uint8Array {
  return bytesOf(['Signature1', protectedBytes, new Uint8Array(0), digest]);
}

/** COSE_Sign1, payload detached. */
export function sign1(protectedBytes: Uint8Array, signature: Uint8Array): Tagged {
  return new Tagged(signatureKeys.tag, [protectedBytes, new Map(), null, signature]);
}

/** `proof`: `sign1`, or `mac0` in the reduced profile. @throws manifest.too-large above `limit`, 768 bytes by default */
export function encodeEnvelope(
  manifest: Uint8Array,
  proof: Tagged,
  limit: number = MAX_MANIFEST_BYTES,
): Uint8Array {
  const authentication = bytesOf([manifestDigest(manifest), bytesOf(proof)]);
  const envelope = new Tagged(
    manifestEnvelopeKeys.tag,
    new Map<number, unknown>([
      [manifestEnvelopeKeys.authenticationWrapper, authentication],
      [manifestEnvelopeKeys.manifest, manifest],
    ]),
  );
  const bytes = bytesOf(envelope);
  if (bytes.length > limit) throw new FleetError('manifest.too-large', { bytes: bytes.length, limit });
  return bytes;
}

function check(content: ManifestContent): void {
  const uint32 = (name: string, value: number | undefined, min = 0) => {
    if (value !== undefined && (!Number.isInteger(value) || value < min || value > 4_294_967_295))
      throw invalid(`${name} is ${value}`);
  };
  const length = (name: string, value: Uint8Array | undefined, min: number, max: number) => {
    if (value !== undefined && (value.length < min || value.length > max))
      throw invalid(`${name} has ${value.length} bytes`);
  };
  const c = content.conditions;
  uint32('sequence', content.sequence);
  uint32('size', content.size, 1);
  length('vendor id', content.vendorId, 16, 16);
  length('class id', content.classId, 16, 16);
  length('digest', content.digest, 32, 32);
  uint32('abi', c.abi);
  length('op set', c.opSet, 0, conditionsKeys.opSetMaxBytes);
  length('own op set', c.ownOpSet, 0, conditionsKeys.ownOpSetMaxBytes);
  uint32('arena bytes', c.arenaBytes);
  uint32('state bytes', c.stateBytes);
  uint32('floor', c.floor);
  uint32('soak', c.soakS);
  uint32('latency', c.latencyUs, 1);
  uint32('not-after', c.notAfter);
  if (c.firmwareMin !== undefined)
    length(
      'firmware version',
      new TextEncoder().encode(c.firmwareMin),
      1,
      conditionsKeys.firmwareMinMaxBytes,
    );
}

function invalid(reason: string) {
  return new FleetError('manifest.invalid', { offset: 0, reason });
}
