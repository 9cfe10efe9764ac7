/**
 * What the sweep installs: the committed bundles of ABI 1.0, grown to several sectors or damaged where a scenario wants it,
 * with real manifests under a key of their own.
 */
import { createHash, createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { wasmUrl } from '@tinyfleet/firmware';
import {
  deviceKey, encodeCompressed, encodeDelta, encodeNextKey, macAsk, rawPublicKey, signAsk, signManifest,
  type AskContent, type Desired,
} from '@tinyfleet/wire'; // prettier-ignore
import { CLIENT_ID, hex, RELEASE_IDS, TOKEN } from './cut-device.js';
import type { Payload } from './memory-platform.js';

/** Offsets of docs/spec/bundle.md. */
const HEADER = { bytes: 128, totalBytes: 8, sectionCount: 14, digest: 16, rest: 48, entry: 16 } as const;
const SECTION = { golden: 6, filler: 900 } as const;
const GOLDEN_OUTPUTS_CRC = 16;

export interface Bundle {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly digest: Uint8Array;
  readonly id: string;
}

export interface Release {
  readonly bundle: Bundle;
  readonly sequence: number;
  readonly soakS: number;
  /** Manifest condition supersede: 1 commits an open soak, 2 reverts it. */
  readonly supersede?: 'commit' | 'revert';
  /** Sent instead of the bundle. */
  readonly payload?: Uint8Array;
  /** How it travels: whole, compressed, or as a delta against this bundle. */
  readonly by?: 'compressed' | Bundle;
  /** Runs as shadow on every n-th input, and goes no further. */
  readonly shadowEvery?: number;
  /** Signed by the key that follows the first one. */
  readonly nextKey?: boolean;
}

/** PKCS #8 of an Ed25519 key whose seed is one repeated byte: manifests are the same in every run. */
function signingKey(seed: number) {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, seed)]);
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
}

export const key = signingKey(0x42);
export const publicKey = rawPublicKey(key);
const nextKey = signingKey(0x43);

/** Commands, as the platform sends them. */
export const rotateKey = (counter: number, keySequence: number): Uint8Array =>
  signAsk(
    {
      counter,
      command: 'rotate-key',
      data: encodeNextKey({ algorithm: 'ed25519', key: rawPublicKey(nextKey), keySequence }),
    },
    CLIENT_ID,
    key,
  );
export const command = (content: AskContent): Uint8Array => macAsk(content, CLIENT_ID, deviceKey(TOKEN));

export function named(name: string, bytes: Uint8Array): Bundle {
  const digest = new Uint8Array(createHash('sha256').update(bytes).digest());
  return { name, bytes, digest, id: hex(digest) };
}

export function committed(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(`../../abi/1.0/${name}.bundle`, wasmUrl)));
}

/** The bundle with one more section that no firmware knows: `extra` bytes, the same for the same tag but for a few. */
export function grown(bundle: Uint8Array, extra: number, tag: number): Uint8Array {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.length);
  const sections = view.getUint16(HEADER.sectionCount, true);
  const table = HEADER.bytes + sections * HEADER.entry;
  const out = new Uint8Array(bundle.length + HEADER.entry + extra);
  out.set(bundle.subarray(0, table));
  out.set(bundle.subarray(table), table + HEADER.entry);
  const to = new DataView(out.buffer);
  for (let i = 0; i < sections; i++) {
    const at = HEADER.bytes + i * HEADER.entry + 4;
    to.setUint32(at, to.getUint32(at, true) + HEADER.entry, true);
  }
  to.setUint16(table, SECTION.filler, true);
  to.setUint32(table + 4, bundle.length + HEADER.entry, true);
  to.setUint32(table + 8, extra, true);
  to.setUint16(HEADER.sectionCount, sections + 1, true);
  to.setUint32(HEADER.totalBytes, out.length, true);
  for (let i = 0; i < extra; i++) {
    const changed = i % 97 === 0 ? tag : 0;
    out[bundle.length + HEADER.entry + i] = (Math.imul(i, 0x9e3779b1) >>> 24) ^ changed;
  }
  return resealed(out);
}

/** The bundle with wrong golden outputs: whole, signed, and refused by every self-test. */
export function failing(bundle: Uint8Array): Uint8Array {
  const out = bundle.slice();
  const view = new DataView(out.buffer);
  for (let i = 0; i < view.getUint16(HEADER.sectionCount, true); i++) {
    const at = HEADER.bytes + i * HEADER.entry;
    if (view.getUint16(at, true) === SECTION.golden)
      out[view.getUint32(at + 4, true) + GOLDEN_OUTPUTS_CRC]! ^= 1;
  }
  return resealed(out);
}

function resealed(bundle: Uint8Array): Uint8Array {
  bundle.set(createHash('sha256').update(bundle.subarray(HEADER.rest)).digest(), HEADER.digest);
  return bundle;
}

const manifests = new Map<string, Uint8Array>();

function manifest({ bundle, sequence, soakS, supersede, nextKey: byNext = false }: Release): Uint8Array {
  const name = [bundle.id, sequence, soakS, supersede, byNext].join();
  let signed = manifests.get(name);
  if (signed === undefined) {
    const conditions = {
      abi: 0x10000, opSet: Uint8Array.of(), arenaBytes: 1, stateBytes: 0, floor: 0, soakS,
      ...(supersede === undefined ? {} : { supersede }),
    }; // prettier-ignore
    signed = signManifest(
      {
        component: 'model',
        sequence,
        ...RELEASE_IDS,
        digest: bundle.digest,
        size: bundle.bytes.length,
        conditions,
      },
      byNext ? nextKey : key,
    );
    manifests.set(name, signed);
  }
  return signed;
}

const payloads = new Map<string, Uint8Array>();

/** In small blocks, so that progress is recorded several times. */
function payloadOf({ bundle, payload, by }: Release): Uint8Array {
  if (payload !== undefined) return payload;
  if (by === undefined) return bundle.bytes;
  const name = `${bundle.id}/${by === 'compressed' ? '' : by.id}`;
  let bytes = payloads.get(name);
  if (bytes === undefined) {
    const options = { sectorBytes: 1_024, blockPayloadBytes: 64 };
    bytes =
      by === 'compressed'
        ? encodeCompressed(bundle.bytes, options)
        : encodeDelta(by.bytes, bundle.bytes, options);
    payloads.set(name, bytes);
  }
  return bytes;
}

interface Offer {
  readonly desired: Desired;
  readonly payload: Payload;
}

/** By release and deployment: every case of a scenario offers the same. */
const offers = new WeakMap<Release, Map<number, Offer>>();

/** The platform's words for it, and what is fetched; the same object whenever it is asked for. */
export function offer(release: Release, deployment: number): Offer {
  const known = offers.get(release) ?? new Map<number, Offer>();
  offers.set(release, known);
  const made = known.get(deployment) ?? makeOffer(release, deployment);
  known.set(deployment, made);
  return made;
}

function makeOffer(release: Release, deployment: number): Offer {
  const { bundle, by, shadowEvery } = release;
  const bytes = payloadOf(release);
  const whole = by === undefined;
  const payloadDigest = whole ? bundle.digest : named('payload', bytes).digest;
  const transfer = {
    method: whole ? 'full' : by === 'compressed' ? 'compressed' : 'delta',
    payloadBytes: bytes.length,
    payloadDigest,
    resultDigest: bundle.digest,
    ...(whole ? {} : { resultBytes: bundle.bytes.length }),
    ...(whole || by === 'compressed' ? {} : { baseDigest: by.digest }),
  } as const;
  return {
    desired: {
      serverTimeMs: 1_800_000_000_000,
      revision: deployment,
      deployment,
      manifest: manifest(release),
      transfer,
      ...(shadowEvery === undefined ? {} : { shadowEvery }),
    },
    payload: { bytes, transfer: payloadDigest.slice(0, 8) },
  };
}
