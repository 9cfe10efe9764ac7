/**
 * COSE_Mac0 under a device's own key (RFC 9052 section 6.2): of commands and of manifests of the reduced profile. The payload is
 * detached; the client id, `<project>/<device>`, is external data, so that what is meant for one device is worth nothing to
 * another.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Tagged } from 'cborg';
import { macHeaderKeys, macKeys } from './generated/manifest-keys.js';
import { bytesOf } from './manifest/manifest.js';

export const MAC_BYTES = 32;
/** HMAC 256/256 (RFC 9053 section 3.1). */
const PROTECTED = bytesOf(new Map([[macHeaderKeys.algorithm, macHeaderKeys.algorithmValue]]));

/** Whose key it is, and the key. */
export interface DeviceSecret {
  /** `<project>/<device>` */
  readonly clientId: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
}

/** What a device authenticates with when its port was given no key of its own: HMAC-SHA256 under the token. */
export function deviceKey(token: string | Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', token).update('tinyfleet:device-key:1').digest());
}

export function macOf(payload: Uint8Array, { clientId, key }: DeviceSecret): Uint8Array {
  const structure = bytesOf(['MAC0', PROTECTED, new TextEncoder().encode(clientId), payload]);
  return new Uint8Array(createHmac('sha256', key).update(structure).digest());
}

/** The one encoding that a MAC has. */
export function mac0(mac: Uint8Array): Tagged {
  return new Tagged(macKeys.tag, [PROTECTED, new Map(), null, mac]);
}

export function macMatches(mac: Uint8Array, payload: Uint8Array, secret: DeviceSecret): boolean {
  return mac.length === MAC_BYTES && timingSafeEqual(mac, macOf(payload, secret));
}
