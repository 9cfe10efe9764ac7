/** Manifests of the reduced profile for one device, and others that it must refuse with the error that each gives. */
import { createHmac, createPrivateKey } from 'node:crypto';
import { Tagged, decode as cbor, encode as toCbor, rfc8949EncodeOptions } from 'cborg';
import type { ErrorCode } from '@tinyfleet/errors';
import {
  classId,
  deviceKey,
  macManifest,
  signManifest,
  vendorId,
  type DeviceSecret,
  type ManifestContent,
} from '@tinyfleet/wire';
import { testSeed } from './manifest-cases.js';

export const macToken = 'tft_an-arduino-uno-with-a-token-of-52-characters-xx';
export const macDeviceType = 'arduino-uno';
export const macSecret: DeviceSecret = { clientId: 'demo/uno-7', key: deviceKey(macToken) };

const bytes = (n: number, start = 0) => Uint8Array.from({ length: n }, (_, i) => (start + i) & 255);
/** FULLY_CONNECTED (9) and SOFTMAX (25). */
const opSet = Uint8Array.of(0, 2, 0, 2);
const plain: ManifestContent = {
  component: 'model',
  sequence: 2,
  vendorId: vendorId('demo'),
  classId: classId(macDeviceType),
  digest: bytes(32),
  size: 1_600,
  conditions: { abi: 65_536, opSet, arenaBytes: 48, stateBytes: 0, floor: 0 },
};

export const macManifestCases: readonly { readonly name: string; readonly content: ManifestContent }[] = [
  { name: 'plain', content: plain },
  { name: 'fallback', content: { ...plain, sequence: 3, digest: bytes(32, 32), size: 1_472 } },
  {
    name: 'soak-and-floor',
    content: { ...plain, sequence: 40, conditions: { ...plain.conditions, floor: 12, soakS: 600 } },
  },
  {
    name: 'full',
    content: {
      ...plain,
      sequence: 4_294_967_294,
      conditions: {
        abi: 65_536,
        opSet,
        arenaBytes: 256,
        stateBytes: 0,
        firmwareMin: '1.2.3',
        floor: 4_294_967_292,
        soakS: 604_800,
        latencyUs: 100_000,
        allowDowngrade: true,
        supersede: 'revert',
        notAfter: 1_900_000_000,
      },
    },
  },
  {
    // The most that an envelope of 288 bytes holds; a soak of 65,536 s would make it longer.
    name: 'largest',
    content: {
      ...plain,
      sequence: 4_294_967_294,
      size: 2_048,
      conditions: {
        abi: 65_536,
        opSet,
        arenaBytes: 256,
        stateBytes: 0,
        firmwareMin: '9'.repeat(32),
        floor: 70_000,
        soakS: 65_535,
        supersede: 'commit',
        latencyUs: 100_000,
        allowDowngrade: true,
      },
    },
  },
];

interface Negative {
  readonly name: string;
  readonly error: ErrorCode;
  readonly bytes: Uint8Array;
}

export function macManifestNegatives(): Negative[] {
  const good = macManifest(plain, macSecret);
  const edited = (edit: (copy: Uint8Array) => void): Uint8Array => {
    const copy = Uint8Array.from(good);
    edit(copy);
    return copy;
  };
  const find = (pattern: string): number => Buffer.from(good).indexOf(Buffer.from(pattern, 'hex'));
  const flip = (index: number): Uint8Array => edited((copy) => copy.set([(copy[index] ?? 0) ^ 1], index));
  /** Where the MAC begins: the 32 bytes behind `null` of the COSE structure. */
  const mac = find('a0f65820') + 4;
  const at = (name: string, error: ErrorCode, data: Uint8Array): Negative => ({ name, error, bytes: data });
  const invalid = (name: string, data: Uint8Array): Negative => at(name, 'manifest.signature-invalid', data);
  const outside = (name: string, data: Uint8Array): Negative => at(name, 'manifest.outside-template', data);
  const signed = signManifest(plain, signer);
  return [
    invalid('mac-first-bit', flip(mac)),
    invalid('mac-last-bit', flip(mac + 31)),
    invalid('other-device', macManifest(plain, { ...macSecret, clientId: 'demo/uno-8' })),
    invalid('other-project', macManifest(plain, { ...macSecret, clientId: 'dema/uno-7' })),
    invalid('other-key', macManifest(plain, { ...macSecret, key: deviceKey('another token') })),
    invalid('mac-without-client', remade(good, structure(new Uint8Array(0), good))),
    invalid('mac-of-the-manifest-itself', remade(good, structure(macSecret.clientId, good, 'manifest'))),
    outside('digest-changed', flip(find('0001020304050607') + 3)),
    outside('size-changed', flip(find('0e190640') + 3)),
    outside('signed', signed),
    outside(
      'mac-under-sign1-tag',
      withProof(good, (m) => new Tagged(18, [HEADER, new Map(), null, m])),
    ),
    outside(
      'mac-of-64-bits',
      withProof(good, (m) => new Tagged(17, [SHORT, new Map(), null, m.subarray(0, 8)])),
    ),
    outside(
      'other-algorithm',
      withProof(good, (m) => new Tagged(17, [SHORT, new Map(), null, m])),
    ),
    outside(
      'payload-attached',
      withProof(good, (m) => new Tagged(17, [HEADER, new Map(), new Uint8Array(0), m])),
    ),
    outside(
      'unprotected-key',
      withProof(good, (m) => new Tagged(17, [HEADER, new Map([[4, bytes(8)]]), null, m])),
    ),
    at(
      'other-vendor',
      'manifest.vendor-mismatch',
      macManifest({ ...plain, vendorId: vendorId('other') }, macSecret),
    ),
    at(
      'other-type',
      'manifest.class-mismatch',
      macManifest({ ...plain, classId: classId('wasm') }, macSecret),
    ),
    at('truncated', 'manifest.truncated', good.subarray(0, good.length - 1)),
    at('empty', 'manifest.truncated', new Uint8Array(0)),
    at('bytes-after', 'manifest.invalid', Uint8Array.from([...good, 0])),
    at('too-large', 'manifest.too-large', new Uint8Array(289)),
  ];
}

const signer = createPrivateKey({
  key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(testSeed, 'hex')]),
  format: 'der',
  type: 'pkcs8',
});
const HEADER = Uint8Array.of(0xa1, 0x01, 0x05);
/** HMAC 256/64. */
const SHORT = Uint8Array.of(0xa1, 0x01, 0x04);

type Parts = { readonly authentication: unknown[]; readonly manifest: Uint8Array };

function parts(envelope: Uint8Array): Parts {
  const tags = Tagged.preserve(17, 107);
  const outer = (cbor(envelope, { useMaps: true, tags }) as Tagged).value as Map<number, Uint8Array>;
  return { authentication: cbor(outer.get(2)!, { useMaps: true }) as unknown[], manifest: outer.get(3)! };
}

/** The same envelope with another proof made of its MAC. */
function withProof(envelope: Uint8Array, make: (mac: Uint8Array) => Tagged): Uint8Array {
  const { authentication, manifest } = parts(envelope);
  const proof = cbor(authentication[1] as Uint8Array, { useMaps: true, tags: Tagged.preserve(17) }) as Tagged;
  const made = toCbor(make((proof.value as unknown[])[3] as Uint8Array), rfc8949EncodeOptions);
  const outer = new Map<number, unknown>([
    [2, toCbor([authentication[0], made], rfc8949EncodeOptions)],
    [3, manifest],
  ]);
  return toCbor(new Tagged(107, outer), rfc8949EncodeOptions);
}

/** A MAC over another structure, under the right key. */
function structure(
  external: string | Uint8Array,
  envelope: Uint8Array,
  payload: 'digest' | 'manifest' = 'digest',
): Uint8Array {
  const { authentication, manifest } = parts(envelope);
  const outside = typeof external === 'string' ? new TextEncoder().encode(external) : external;
  const inside = payload === 'digest' ? (authentication[0] as Uint8Array) : manifest;
  const bytesToMac = toCbor(['MAC0', HEADER, outside, inside], rfc8949EncodeOptions);
  return new Uint8Array(createHmac('sha256', macSecret.key).update(bytesToMac).digest());
}

function remade(envelope: Uint8Array, mac: Uint8Array): Uint8Array {
  return withProof(envelope, () => new Tagged(17, [HEADER, new Map(), null, mac]));
}
