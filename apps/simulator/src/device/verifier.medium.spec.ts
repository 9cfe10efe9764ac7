// Wycheproof's signatures through the verify hook of simulated devices: Ed25519 and P-256 with r and s as 64 bytes.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { verify } from './verifier.js';

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey: { readonly pk?: string; readonly uncompressed?: string };
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly msg: string;
      readonly sig: string;
      readonly result: string;
    }[];
  }[];
}

describeWith(['shared-data'], 'verify hook of simulated devices', () => {
  it.each([
    [1, 'ed25519_test.json', 150],
    [2, 'ecdsa_secp256r1_sha256_p1363_test.json', 200],
  ])('should answer every case of Wycheproof for algorithm %d', async (algorithm, name, least) => {
    const text = await readFile(join(toolPath('shared-data'), 'crypto', name), 'utf8');
    const { testGroups } = JSON.parse(text) as Wycheproof;
    const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
    const wrong: [number, string][] = [];
    let count = 0;
    for (const { publicKey, tests } of testGroups)
      for (const { tcId, comment, msg, sig, result } of tests) {
        const key = bytes(publicKey.pk ?? publicKey.uncompressed!);
        const good = verify(algorithm, key, bytes(msg), bytes(sig)) === 0;
        if (good !== (result === 'valid')) wrong.push([tcId, comment]);
        count++;
      }
    expect(wrong).toEqual([]);
    expect(count).toBeGreaterThanOrEqual(least);
  });
});
