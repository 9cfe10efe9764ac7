/** Contents of the golden manifests, and damaged ones with the error each must give. */
import { Tagged, decode as cbor, encode as toCbor, rfc8949EncodeOptions } from 'cborg';
import type { ErrorCode } from '@tinyfleet/errors';
import { classId, vendorId, type ManifestContent } from '@tinyfleet/wire';

/** RFC 8032 section 7.1, test 1: a published key, good for tests only. */
export const testSeed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';

const bytes = (n: number, start = 0) => Uint8Array.from({ length: n }, (_, i) => (start + i) & 255);
const project = 'demo';
const deviceType = 'wasm';
const base: ManifestContent = {
  component: 'model',
  sequence: 2,
  vendorId: vendorId(project),
  classId: classId(deviceType),
  digest: bytes(32),
  size: 54_321,
  conditions: { abi: 65_536, opSet: bytes(4, 1), arenaBytes: 16_000, stateBytes: 0, floor: 0 },
};
const full: ManifestContent = {
  ...base,
  sequence: 4_294_967_294,
  size: 4_294_967_295,
  conditions: {
    abi: 65_537,
    opSet: bytes(20, 1),
    ownOpSet: bytes(2, 1),
    arenaBytes: 16_000,
    stateBytes: 64,
    firmwareMin: '1.2.3',
    floor: 2,
    soakS: 86_400,
    latencyUs: 100_000,
    allowDowngrade: true,
    supersede: 'commit',
    notAfter: 1_900_000_000,
  },
};

export const manifestCases: Array<{
  name: string;
  project: string;
  deviceType: string;
  content: ManifestContent;
}> = [
  { name: 'plain', project, deviceType, content: base },
  { name: 'full', project, deviceType, content: full },
  { name: 'firmware', project, deviceType, content: { ...base, component: 'firmware' } },
  {
    name: 'largest',
    project: 'p'.repeat(63),
    deviceType: 'd'.repeat(63),
    content: {
      ...full,
      vendorId: vendorId('p'.repeat(63)),
      classId: classId('d'.repeat(63)),
      conditions: {
        ...full.conditions,
        opSet: bytes(64, 1),
        ownOpSet: bytes(8, 1),
        firmwareMin: '9'.repeat(32),
      },
    },
  },
];

interface Negative {
  name: string;
  project: string;
  deviceType: string;
  error: ErrorCode;
  bytes: Uint8Array;
}

/** `good` is the valid envelope of the case 'full'. */
export function manifestNegatives(good: Uint8Array): Negative[] {
  const at = (name: string, error: ErrorCode, data: Uint8Array): Negative => ({
    name,
    project,
    deviceType,
    error,
    bytes: data,
  });
  const edited = (edit: (copy: Uint8Array) => void) => {
    const copy = Uint8Array.from(good);
    edit(copy);
    return copy;
  };
  const find = (pattern: string) => Buffer.from(good).indexOf(Buffer.from(pattern, 'hex'));
  const flip = (index: number) => edited((copy) => copy.set([(copy[index] ?? 0) ^ 1], index));
  // Offsets from docs/spec/manifest.md: the signature is the 64-byte string of the authentication wrapper.
  const signature = find('f65840') + 3;
  return [
    at('bad-signature', 'manifest.signature-invalid', flip(signature + 5)),
    at('other-key', 'manifest.key-unknown', flip(find('0448') + 2)),
    at('sequence-changed', 'manifest.outside-template', flip(find('021afffffffe') + 5)),
    at('digest-changed', 'manifest.outside-template', flip(find('0001020304050607') + 3)),
    at('other-component', 'manifest.component-unknown', otherComponent(good)),
    at('extra-key', 'manifest.outside-template', withExtraKey(good)),
    at('truncated', 'manifest.truncated', good.subarray(0, good.length - 1)),
    at('empty', 'manifest.truncated', new Uint8Array(0)),
    at('bytes-after', 'manifest.invalid', Uint8Array.from([...good, 0])),
    at('too-large', 'manifest.too-large', new Uint8Array(769)),
    at('not-an-envelope', 'manifest.outside-template', Uint8Array.of(0xa0)),
    { ...at('other-project', 'manifest.vendor-mismatch', good), project: 'other' },
    { ...at('other-type', 'manifest.class-mismatch', good), deviceType: 'mcu' },
  ];
}

/** The component id with one letter changed ('nodel'). */
function otherComponent(good: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(good);
  copy[Buffer.from(good).lastIndexOf('model')] = 0x6e;
  return copy;
}

/** Key 23 (SUIT text) in the envelope: valid SUIT, not of our template. */
function withExtraKey(good: Uint8Array): Uint8Array {
  const envelope = cbor(good, { useMaps: true, tags: Tagged.preserve(107, 18) }) as Tagged;
  const map = new Map(envelope.value as Map<number, unknown>);
  map.set(23, new Uint8Array(1));
  return toCbor(new Tagged(107, map), rfc8949EncodeOptions);
}
