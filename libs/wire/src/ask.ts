/**
 * Authenticated commands (docs/spec/wire.md, Commands): COSE_Mac0 under a device's own key, COSE_Sign1 by the project's.
 * Both detach the payload, which is the ask's map without key 5, and bind the client id as external data, so that
 * what is meant for one device is worth nothing to another.
 */
import type { KeyObject } from 'node:crypto';
import { Tagged, decode as cbor } from 'cborg';
import { FleetError } from '@tinyfleet/errors';
import { mac0, macMatches, macOf } from './cose-mac.js';
import { decode } from './decode.js';
import { encode, encodeRule } from './encode.js';
import { macKeys, signatureKeys } from './generated/manifest-keys.js';
import type { Ask, NextKey } from './generated/messages.js';
import { bytesOf, protectedHeader } from './manifest/manifest.js';
import { publicKeyFromRaw, rawPublicKey, signBytes, signingKeyId, verifySignature } from './manifest/sign.js';

export type AskContent = Omit<Ask, 'signature'>;

/** `data` of rotate-key. */
export function encodeNextKey(next: NextKey): Uint8Array {
  return encodeRule('nextKey', { ...next });
}

/** The whole `down/ask`, authenticated by the device key. `clientId` is `<project>/<device>`. */
export function macAsk(content: AskContent, clientId: string, key: Uint8Array): Uint8Array {
  return withSignature(content, mac0(macOf(payloadOf(content), { clientId, key })));
}

/** The whole `down/ask`, authenticated by the key that the device's manifests must be signed with. */
export function signAsk(content: AskContent, clientId: string, privateKey: KeyObject): Uint8Array {
  const raw = rawPublicKey(privateKey);
  const header = protectedHeader(raw.length === 32 ? 'ed25519' : 'p256', signingKeyId(raw));
  const signature = signBytes(signatureInput(header, payloadOf(content), clientId), privateKey);
  return withSignature(content, new Tagged(signatureKeys.tag, [header, new Map(), null, signature]));
}

export interface AskTrust {
  readonly deviceKey?: Uint8Array;
  /** Raw public key that manifests must be signed with. */
  readonly signingKey?: Uint8Array;
}

/** Reads and verifies as a device does. @throws agent.ask-refused, errors of area `wire` */
export function verifyAsk(bytes: Uint8Array, clientId: string, trust: AskTrust): Ask {
  const ask = decode('ask', bytes);
  const { signature, ...content } = ask;
  if (signature === undefined) return ask;
  if (!isAuthentic(content, signature, clientId, trust)) throw new FleetError('agent.ask-refused');
  return ask;
}

function isAuthentic(content: AskContent, cose: Uint8Array, clientId: string, trust: AskTrust): boolean {
  const payload = payloadOf(content);
  const value = coseValue(cose);
  if (value === undefined) return false;
  const { deviceKey: macKey, signingKey } = trust;
  // One encoding for each: what was read must be the bytes that came.
  if (value.tag === macKeys.tag && macKey !== undefined) {
    return (
      same(bytesOf(mac0(value.bytes)), cose) && macMatches(value.bytes, payload, { clientId, key: macKey })
    );
  }
  if (value.tag === signatureKeys.tag && signingKey !== undefined) {
    const algorithm = signingKey.length === 32 ? 'ed25519' : 'p256';
    const header = protectedHeader(algorithm, signingKeyId(signingKey));
    const again = bytesOf(new Tagged(signatureKeys.tag, [header, new Map(), null, value.bytes]));
    const signed = signatureInput(header, payload, clientId);
    return same(again, cose) && verifySignature(algorithm, signed, value.bytes, publicKeyFromRaw(signingKey));
  }
  return false;
}

/** Tag and last element; undefined when it is no COSE structure at all. */
function coseValue(cose: Uint8Array): { tag: number; bytes: Uint8Array } | undefined {
  try {
    const found: unknown = cbor(cose, {
      strict: true,
      useMaps: true,
      tags: Tagged.preserve(macKeys.tag, signatureKeys.tag),
    });
    if (!(found instanceof Tagged) || !Array.isArray(found.value)) return undefined;
    const bytes: unknown = found.value[3];
    return bytes instanceof Uint8Array ? { tag: found.tag, bytes } : undefined;
  } catch {
    return undefined;
  }
}

function payloadOf({ counter, command, argument, data }: AskContent): Uint8Array {
  return encode('ask', {
    counter,
    command,
    ...(argument === undefined ? {} : { argument }),
    ...(data === undefined ? {} : { data }),
  });
}

function withSignature(content: AskContent, cose: Tagged): Uint8Array {
  return encode('ask', { ...content, signature: bytesOf(cose) });
}

/** Sig_structure, RFC 9052 section 4.4. */
function signatureInput(header: Uint8Array, payload: Uint8Array, clientId: string): Uint8Array {
  return bytesOf(['Signature1', header, new TextEncoder().encode(clientId), payload]);
}

const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
