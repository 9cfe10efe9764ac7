import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { SecretSealer } from './sealer.js';

describe('SecretSealer', () => {
  const sealer = new SecretSealer(Buffer.alloc(32, 7));
  const plain = randomBytes(48);

  it('should open what it sealed, and seal the same bytes differently each time', () => {
    expect(sealer.open(sealer.seal(plain, 'a'), 'a')).toEqual(plain);
    expect(sealer.seal(plain, 'a')).not.toEqual(sealer.seal(plain, 'a'));
  });

  it('should refuse another context, another secret, a flipped bit and a short text', () => {
    const sealed = sealer.seal(plain, 'a');
    const mismatch = expect.objectContaining({ code: 'storage.secret-mismatch' });
    expect(() => sealer.open(sealed, 'b')).toThrow(mismatch);
    expect(() => new SecretSealer(Buffer.alloc(32, 8)).open(sealed, 'a')).toThrow(mismatch);
    const flipped = Buffer.from(sealed);
    flipped[30]! ^= 1;
    expect(() => sealer.open(flipped, 'a')).toThrow(mismatch);
    expect(() => sealer.open(sealed.subarray(0, 20), 'a')).toThrow(mismatch);
  });
});
