/** A key that is read wrong would be handed to a fleet. */
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { publicKeyHexOf } from './public-key.js';

const pemOf = (type: 'ed25519' | 'x25519' | 'ed448'): { pem: string; x: string } => {
  const { publicKey } = generateKeyPairSync(type as 'ed25519');
  return {
    pem: String(publicKey.export({ type: 'spki', format: 'pem' })),
    x: Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url').toString('hex'),
  };
};

describe('publicKeyHexOf', () => {
  it('should read what openssl and Node write', () => {
    const { pem, x } = pemOf('ed25519');
    expect(publicKeyHexOf(`\n${pem}\n`)).toBe(x);
    expect(publicKeyHexOf(pem.replaceAll('\n', '\r\n'))).toBe(x);
  });

  it('should refuse keys of other kinds, halves and what is no key', () => {
    const { pem } = pemOf('ed25519');
    for (const text of [
      '',
      'x',
      pemOf('x25519').pem,
      pemOf('ed448').pem,
      pem.slice(0, 60),
      pem.replace('M', ''),
    ])
      expect(publicKeyHexOf(text)).toBeUndefined();
  });
});
