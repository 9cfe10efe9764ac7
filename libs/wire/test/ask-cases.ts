/** Authenticated commands of the golden vectors, and damaged ones that a device must refuse. */
import { createHmac, createPrivateKey } from 'node:crypto';
import { Tagged, encode as cbor, rfc8949EncodeOptions } from 'cborg';
import { decode, deviceKey, encode, encodeNextKey, macAsk, signAsk, type AskContent } from '@tinyfleet/wire';
import { testSeed } from './manifest-cases.js';

export const askClientId = 'demo/pump-17';
export const askToken = 'Jefe-is-no-token-but-43-characters-of-base64';
const key = deviceKey(askToken);
const privateKeyOf = (seed: string) =>
  createPrivateKey({
    key: Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.from(seed, 'hex')]),
    format: 'der',
    type: 'pkcs8',
  });
const signer = privateKeyOf(testSeed);
/** RFC 8032 section 7.1, test 2: a key that the device does not trust yet. */
const nextSeed = '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb';
const nextPublicKey = Buffer.from('3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c', 'hex');

const bytes = (n: number, start = 0) => Uint8Array.from({ length: n }, (_, i) => (start + i) & 255);
const nextKey = encodeNextKey({
  algorithm: 'ed25519',
  key: new Uint8Array(nextPublicKey),
  keySequence: 2,
});

const macs: Record<string, AskContent> = {
  reboot: { counter: 1, command: 'reboot' },
  'erase-slot': { counter: 23, command: 'erase', argument: 1 },
  'send-samples': { counter: 24, command: 'send-samples', argument: 16 },
  shadow: { counter: 255, command: 'shadow', argument: 4 },
  'set-edges': { counter: 256, command: 'set-edges', data: bytes(40) },
  'abort-soak': { counter: 65_536, command: 'abort', argument: 12 },
  revert: { counter: 4_294_967_294, command: 'revert', argument: 711 },
  'say-hello-signed': { counter: 4_294_967_295, command: 'say-hello' },
};
const rotation: AskContent = { counter: 7, command: 'rotate-key', data: nextKey };

/** Good ones; `authentication` says which key it is under. */
export const askCases = [
  ...Object.entries(macs).map(([name, content]) => ({
    name: `mac-${name}`,
    authentication: 'mac' as const,
    bytes: macAsk(content, askClientId, key),
  })),
  {
    name: 'sign-rotate-key',
    authentication: 'signature' as const,
    bytes: signAsk(rotation, askClientId, signer),
  },
  {
    name: 'sign-reboot',
    authentication: 'signature' as const,
    bytes: signAsk({ counter: 8, command: 'reboot' }, askClientId, signer),
  },
];

/** The ask with another value of a field; the signature stays. */
function changed(ask: Uint8Array, change: Partial<AskContent>): Uint8Array {
  return encode('ask', { ...decode('ask', ask), ...change });
}
function resigned(ask: Uint8Array, cose: Tagged): Uint8Array {
  return encode('ask', { ...decode('ask', ask), signature: cbor(cose, rfc8949EncodeOptions) });
}

/** All refused by a device that holds the keys above. */
export const askNegatives = (() => {
  const reboot = macAsk(macs['reboot']!, askClientId, key);
  const erase = macAsk(macs['erase-slot']!, askClientId, key);
  const signed = signAsk(rotation, askClientId, signer);
  const signature = decode('ask', reboot).signature!;
  const flipped = Uint8Array.from(signature);
  flipped[flipped.length - 1]! ^= 1;
  const tag = signature.slice(-32);
  const header = Uint8Array.of(0xa1, 0x01, 0x05);
  // The same MAC with the header of HMAC 256/64, whose tag would be cut to 8 bytes.
  const shortHeader = Uint8Array.of(0xa1, 0x01, 0x04);
  const short = createHmac('sha256', key)
    .update(
      cbor(
        ['MAC0', shortHeader, new TextEncoder().encode(askClientId), encode('ask', macs['reboot']!)],
        rfc8949EncodeOptions,
      ),
    )
    .digest()
    .subarray(0, 8);
  return [
    { name: 'no-signature', bytes: encode('ask', macs['reboot']!) },
    { name: 'mac-flipped', bytes: encode('ask', { ...macs['reboot']!, signature: flipped }) },
    { name: 'mac-cut', bytes: encode('ask', { ...macs['reboot']!, signature: signature.slice(0, -1) }) },
    {
      name: 'mac-longer',
      bytes: encode('ask', { ...macs['reboot']!, signature: Uint8Array.from([...signature, 0]) }),
    },
    { name: 'mac-empty', bytes: encode('ask', { ...macs['reboot']!, signature: new Uint8Array(0) }) },
    {
      name: 'mac-of-other-device',
      bytes: macAsk(macs['reboot']!, 'demo/pump-18', key),
    },
    {
      name: 'mac-of-other-project',
      bytes: macAsk(macs['reboot']!, 'dema/pump-17', key),
    },
    { name: 'mac-of-other-key', bytes: macAsk(macs['reboot']!, askClientId, deviceKey('another token')) },
    { name: 'mac-counter-changed', bytes: changed(reboot, { counter: 2 }) },
    { name: 'mac-command-changed', bytes: changed(reboot, { command: 'revert' }) },
    { name: 'mac-argument-changed', bytes: changed(erase, { argument: 0 }) },
    { name: 'mac-argument-added', bytes: changed(reboot, { argument: 0 }) },
    { name: 'mac-data-added', bytes: changed(reboot, { data: bytes(1) }) },
    {
      name: 'mac-truncated-algorithm',
      bytes: resigned(reboot, new Tagged(17, [shortHeader, new Map(), null, new Uint8Array(short)])),
    },
    { name: 'mac-under-sign1-tag', bytes: resigned(reboot, new Tagged(18, [header, new Map(), null, tag])) },
    {
      name: 'mac-payload-attached',
      bytes: resigned(
        reboot,
        new Tagged(17, [header, new Map(), encode('ask', macs['reboot']!), new Uint8Array(tag)]),
      ),
    },
    {
      name: 'mac-unprotected-key',
      bytes: resigned(reboot, new Tagged(17, [header, new Map([[4, tag]]), null, new Uint8Array(tag)])),
    },
    // The device key must not be able to bring a new signing key.
    { name: 'rotate-key-by-mac', bytes: macAsk(rotation, askClientId, key) },
    { name: 'rotate-key-by-next-key', bytes: signAsk(rotation, askClientId, privateKeyOf(nextSeed)) },
    { name: 'rotate-key-of-other-device', bytes: signAsk(rotation, 'demo/pump-18', signer) },
    {
      name: 'rotate-key-data-changed',
      bytes: changed(signed, {
        data: encodeNextKey({ algorithm: 'ed25519', key: bytes(32), keySequence: 2 }),
      }),
    },
  ];
})();
