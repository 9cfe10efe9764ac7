// The verify hook of the POSIX port against published vectors and signatures made here, with OpenSSL and without.
import { spawnSync } from 'node:child_process';
import { generateKeyPairSync, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { buildPosixAgent, openSsl } from './build.mjs';

const ED25519 = 1;
const P256 = 2;

interface Case {
  readonly algorithm: number;
  /** Hexadecimal. */
  readonly key: string;
  readonly signature: string;
  readonly message: string;
}
interface Vector extends Case {
  readonly name: string;
  readonly isValid: boolean;
}

function answers(program: string, cases: readonly Case[]): boolean[] {
  const input = cases.map(({ algorithm, key, signature, message }) =>
    [algorithm, key || '-', signature || '-', message || '-'].join(' '),
  );
  const { status, stdout, stderr } = spawnSync(program, ['--verify', '-'], {
    input: `${input.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 24,
  });
  if (status !== 0) throw new Error(`ended with ${status}: ${stderr}`);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line === '1');
}

function wycheproof(file: string, algorithm: number): Vector[] {
  interface File {
    testGroups: {
      publicKey: { pk?: string; uncompressed?: string };
      tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
    }[];
  }
  const { testGroups } = JSON.parse(
    readFileSync(join(toolPath('shared-data'), 'crypto', file), 'utf8'),
  ) as File;
  return testGroups.flatMap(({ publicKey, tests }) =>
    tests.map(({ tcId, comment, msg, sig, result }) => ({
      name: `${tcId} ${comment}`,
      algorithm,
      key: publicKey.pk ?? publicKey.uncompressed ?? '',
      signature: sig,
      message: msg,
      isValid: result === 'valid',
    })),
  );
}

const wrong = (program: string, vectors: readonly Vector[]): string[] => {
  const given = answers(program, vectors);
  expect(given).toHaveLength(vectors.length);
  return vectors.filter(({ isValid }, i) => given[i] !== isValid).map(({ name }) => name);
};

const hasOpenSsl = (await openSsl().catch(() => undefined)) !== undefined;

describeWith(['gcc'], 'verify hook of the POSIX port', () => {
  for (const [build, tls] of [
    ['with OpenSSL', true],
    ['with the own Ed25519', false],
  ] as const) {
    if (tls && !hasOpenSsl) continue;
    describe(build, () => {
      let program = '';
      beforeAll(async () => {
        program = await buildPosixAgent({ tls });
      }, 120_000);

      it('should take the signature of RFC 8032 section 7.1, test 2, and no other length', () => {
        const good: Case = {
          algorithm: ED25519,
          key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
          message: '72',
          signature:
            '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da' +
            '085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
        };
        const cut = (text: string) => text.slice(0, -2);
        const cases = [
          good,
          { ...good, message: '73' },
          { ...good, message: '' },
          { ...good, signature: cut(good.signature) },
          { ...good, signature: `${good.signature}00` },
          { ...good, signature: '' },
          { ...good, key: cut(good.key) },
          { ...good, algorithm: P256 },
          { ...good, algorithm: 0 },
          { ...good, algorithm: 4294967295 },
        ];
        expect(answers(program, cases)).toEqual(cases.map((_, i) => i === 0));
      });

      it('should verify P-256 with OpenSSL only, and refuse points beside the curve', () => {
        const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
        const point = [x, y].map((part) => Buffer.from(part, 'base64url').toString('hex')).join('');
        const signature = sign('sha256', Buffer.from('model'), {
          key: privateKey,
          dsaEncoding: 'ieee-p1363',
        }).toString('hex');
        const good: Case = {
          algorithm: P256,
          key: `04${point}`,
          signature,
          message: Buffer.from('model').toString('hex'),
        };
        const cases = [
          good,
          { ...good, message: '00' },
          { ...good, key: point },
          { ...good, key: `05${point}` },
          { ...good, key: `04${'00'.repeat(64)}` },
          { ...good, key: `04${point.slice(0, -2)}${point.endsWith('00') ? '01' : '00'}` },
          { ...good, signature: '00'.repeat(64) },
          { ...good, signature: 'ff'.repeat(64) },
        ];
        expect(answers(program, cases)).toEqual(cases.map((_, i) => i === 0 && tls));
      });

      describeWith(['shared-data'], 'with vectors of Wycheproof', () => {
        it('should answer all of Ed25519', () => {
          const vectors = wycheproof('ed25519_test.json', ED25519);
          expect(vectors.length).toBeGreaterThan(100);
          expect(wrong(program, vectors)).toEqual([]);
        });

        if (tls)
          it('should answer all of P-256 in the form of COSE', () => {
            const vectors = wycheproof('ecdsa_secp256r1_sha256_p1363_test.json', P256);
            expect(vectors.length).toBeGreaterThan(100);
            expect(wrong(program, vectors)).toEqual([]);
          });
      });
    });
  }
});
