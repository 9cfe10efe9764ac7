// The signature hook: algorithms, exact bytes, and keys that are none.
import { generateKeyPairSync, sign } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { verify } from './verifier.js';

const raw = (jwk: JsonWebKeyLike): Uint8Array => {
  const x = Buffer.from(jwk.x!, 'base64url');
  return jwk.y === undefined ? x : Buffer.concat([Buffer.of(4), x, Buffer.from(jwk.y, 'base64url')]);
};
interface JsonWebKeyLike {
  x?: string;
  y?: string;
}
const message = new TextEncoder().encode('digest of a manifest');

describe('verify', () => {
  it('should take a good Ed25519 signature, again and again, and no other message, key or signature', () => {
    const [key, other] = [generateKeyPairSync('ed25519'), generateKeyPairSync('ed25519')];
    const publicKey = raw(key.publicKey.export({ format: 'jwk' }));
    const signature = sign(null, message, key.privateKey);
    expect(verify(1, publicKey, message, signature)).toBe(0);
    expect(verify(1, publicKey, message, signature)).toBe(0);
    expect(verify(1, publicKey, message.slice(1), signature)).toBe(-1);
    expect(verify(1, raw(other.publicKey.export({ format: 'jwk' })), message, signature)).toBe(-1);
    for (const at of [0, 31, 32, 63]) {
      const damaged = Uint8Array.from(signature);
      damaged[at]! ^= 1;
      expect(verify(1, publicKey, message, damaged)).toBe(-1);
    }
  });

  it('should not confuse bytes that move between message and signature', () => {
    const key = generateKeyPairSync('ed25519');
    const publicKey = raw(key.publicKey.export({ format: 'jwk' }));
    const signature = sign(null, message, key.privateKey);
    expect(verify(1, publicKey, message, signature)).toBe(0);
    const joined = Buffer.concat([message, signature]);
    expect(
      verify(1, publicKey, joined.subarray(0, message.length + 1), joined.subarray(message.length + 1)),
    ).toBe(-1);
  });

  it('should take a good P-256 signature in IEEE P1363 form', () => {
    const key = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signature = sign('sha256', message, { key: key.privateKey, dsaEncoding: 'ieee-p1363' });
    const publicKey = raw(key.publicKey.export({ format: 'jwk' }));
    expect(verify(2, publicKey, message, signature)).toBe(0);
    expect(verify(2, publicKey, message.slice(1), signature)).toBe(-1);
  });

  it.each([
    [1, 0], [1, 31], [1, 33], [2, 64], [2, 10], [3, 32], [0, 32], [9, 32],
  ])('should refuse, and not throw, for algorithm %i with a key of %i bytes', (algorithm, n) => {
    expect(verify(algorithm, new Uint8Array(n).fill(0xff), message, new Uint8Array(64))).toBe(-1);
  }); // prettier-ignore
});
