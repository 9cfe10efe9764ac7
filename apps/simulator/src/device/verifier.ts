// The platform's signature hook: Node's crypto over the exact bytes the firmware gives. Results are remembered by
// those exact bytes, for a fleet verifies one manifest a thousand times.
import { createPublicKey, verify as verifySignature, type KeyObject } from 'node:crypto';

/** wire.cddl signature-algorithm. */
const ED25519 = 1;
const P256 = 2;

const REMEMBERED = 512;
const remembered = new Map<string, boolean>();
const keys = new Map<string, KeyObject>();

function publicKey(algorithm: number, raw: Buffer): KeyObject {
  const name = `${algorithm}:${raw.toString('base64')}`;
  let key = keys.get(name);
  if (key !== undefined) return key;
  if (algorithm === ED25519) {
    key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: raw.toString('base64url') },
      format: 'jwk',
    });
  } else {
    const point = raw.length === 65 ? raw.subarray(1) : raw; // uncompressed, with or without its 0x04
    const x = point.subarray(0, 32).toString('base64url');
    const y = point.subarray(32, 64).toString('base64url');
    key = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x, y }, format: 'jwk' });
  }
  keys.set(name, key);
  return key;
}

/** 0 = good, -1 = bad signature, unknown algorithm or unusable key. Never throws. */
export function verify(
  algorithm: number,
  key: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): number {
  if (algorithm !== ED25519 && algorithm !== P256) return -1;
  const parts = [key, message, signature].map((part) => Buffer.from(part));
  const name = `${algorithm}:${parts.map((part) => part.toString('base64')).join(':')}`;
  let good = remembered.get(name);
  if (good === undefined) {
    try {
      const [rawKey, text, sig] = parts as [Buffer, Buffer, Buffer];
      const object = publicKey(algorithm, rawKey);
      good =
        algorithm === ED25519
          ? verifySignature(null, text, object, sig)
          : verifySignature('sha256', text, { key: object, dsaEncoding: 'ieee-p1363' }, sig);
    } catch {
      good = false; // a key that is no point, a signature of another length
    }
    if (remembered.size >= REMEMBERED) remembered.clear();
    remembered.set(name, good);
  }
  return good ? 0 : -1;
}
