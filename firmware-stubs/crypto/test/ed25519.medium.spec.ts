// The device's Ed25519 against RFC 8032, Wycheproof and Node's OpenSSL, under sanitizers; its code, stack and library needs on a
// Cortex-M4. answer.c is the program that is asked.
import { execFile, spawnSync } from 'node:child_process';
import { createHash, createPublicKey, generateKeyPairSync, sign, verify } from 'node:crypto';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { verifyCost } from '../../ports/verify-cost/run.mjs';
import {
  BASE,
  L,
  P,
  TORSION,
  add,
  encode,
  fromLittleEndian,
  hashToScalar,
  littleEndian,
  multiply,
  withY,
  type Point,
} from './curve.js';

const run = promisify(execFile);
const crypto = fileURLToPath(new URL('..', import.meta.url));

interface Case {
  readonly what: string;
  readonly key: Buffer;
  readonly signature: Buffer;
  readonly message: Buffer;
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-ed25519-'));
});
afterAll(() => rm(folder, { recursive: true }));

const sources = async (): Promise<string[]> =>
  (await readdir(join(crypto, 'src'))).filter((name) => name.endsWith('.c')).map((name) => `src/${name}`);

const hex = (bytes: Buffer): string => (bytes.length === 0 ? '-' : bytes.toString('hex'));

const ask = (program: string, cases: readonly Case[]): boolean[] =>
  answers(
    program,
    cases.map((c) => `${hex(c.key)} ${hex(c.signature)} ${hex(c.message)}`),
  );

function answers(program: string, lines: readonly string[]): boolean[] {
  const input = lines.map((line) => `${line}\n`).join('');
  const { stdout, stderr, status } = spawnSync(program, { input, encoding: 'utf8', maxBuffer: 1 << 26 });
  expect([status, stderr]).toEqual([0, '']);
  return stdout
    .trim()
    .split('\n')
    .map((line) => line === '1');
}

/** What Node says; a key that it does not even import counts as refused. */
function node({ key, signature, message }: Case): boolean {
  try {
    const jwk = { kty: 'OKP', crv: 'Ed25519', x: key.toString('base64url') };
    return verify(null, message, createPublicKey({ key: jwk, format: 'jwk' }), signature);
  } catch {
    return false;
  }
}

/** Bytes of a seed, the same in every run. */
function stream(seed: string): (n: number) => Buffer {
  let block = 0;
  let rest = Buffer.alloc(0);
  return (n) => {
    while (rest.length < n)
      rest = Buffer.concat([rest, createHash('sha512').update(`${seed} ${block++}`).digest()]);
    const bytes = rest.subarray(0, n);
    rest = rest.subarray(n);
    return Buffer.from(bytes);
  };
}

const random = stream('ed25519');
const below = (n: number): number => random(4).readUInt32LE() % n;

function signed(): Case {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const key = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
  const message = random(below(300));
  return { what: 'signed', key, message, signature: sign(null, message, privateKey) };
}

function flipped({ key, signature, message }: Case): Case {
  const copy = { what: 'one bit', key: Buffer.from(key), signature: Buffer.from(signature), message };
  const at = below(96 * 8);
  const part = at < 256 ? copy.key : copy.signature;
  part[(at >> 3) % part.length]! ^= 1 << (at & 7);
  return copy;
}

const withScalar = (c: Case, s: bigint, what: string): Case => ({
  ...c,
  what,
  signature: Buffer.concat([c.signature.subarray(0, 32), littleEndian(s % 2n ** 256n)]),
});

/** Key a B + t, R = r B + u with t and u of small order: satisfies the equation with the cofactor always, without it by chance. */
function torsioned(t: Point, u: Point, zero: boolean): Case {
  const [a, r] = [zero ? 0n : fromLittleEndian(random(31)), zero ? 0n : fromLittleEndian(random(31))];
  const key = encode(add(multiply(BASE, a), t));
  const R = encode(add(multiply(BASE, r), u));
  const message = random(8);
  const s = (r + hashToScalar(R, key, message) * a) % L;
  return {
    what: zero ? 'small order' : 'mixed order',
    key,
    message,
    signature: Buffer.concat([R, littleEndian(s)]),
  };
}

/** Every encoding that names a point, or would if y were taken modulo p, in a way that RFC 8032 forbids. */
const NOT_CANONICAL = [
  ...Array.from({ length: 19 }, (_, i) => [0, 128].map((sign) => ({ y: P + BigInt(i), sign }))).flat(),
  { y: 1n, sign: 128 },
  { y: P - 1n, sign: 128 },
].map(({ y, sign }) => {
  const bytes = littleEndian(y);
  bytes[31]! |= sign;
  return bytes;
});

const SMALL_ORDER = new Set(TORSION.map((point) => hex(encode(point))));
const isCanonical = (key: Buffer): boolean => !NOT_CANONICAL.some((bytes) => bytes.equals(key));

describeWith(['gcc'], 'Ed25519 of the device', () => {
  let program = '';
  beforeAll(async () => {
    program = join(folder, 'answer');
    const flags = ['-std=c11', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=all'];
    const files = (await sources()).filter((file) => file !== 'src/ed25519.c').concat('test/answer.c');
    await run(toolPath('gcc'), [...flags, '-Iinclude', ...files, '-o', program], { cwd: crypto });
  });

  it('should accept the vectors of RFC 8032 section 7.1, and none of them with a bit turned', async () => {
    const text = await readFile(join(crypto, '../vectors/ed25519.json'), 'utf8');
    const { vectors } = JSON.parse(text) as {
      vectors: { name: string; key: string; message: string; signature: string }[];
    };
    const cases = vectors.map((v) => ({
      what: v.name,
      key: Buffer.from(v.key, 'hex'),
      message: Buffer.from(v.message, 'hex'),
      signature: Buffer.from(v.signature, 'hex'),
    }));
    expect(ask(program, cases)).toEqual(cases.map(() => true));
    const every = cases.slice(0, 3).flatMap((c) =>
      Array.from({ length: 512 }, (_, bit) => {
        const signature = Buffer.from(c.signature);
        signature[bit >> 3]! ^= 1 << (bit & 7);
        return { ...c, signature };
      }),
    );
    expect(ask(program, every)).toEqual(every.map(() => false));
  });

  it('should answer 15,000 cases as OpenSSL does, and refuse keys of small order and encodings that are not canonical', () => {
    const good = Array.from({ length: 3000 }, signed);
    const scalar = (c: Case): bigint => fromLittleEndian(c.signature.subarray(32));
    const cases: Case[] = [
      ...good,
      ...Array.from({ length: 7000 }, (_, i) => flipped(good[i % good.length]!)),
      ...good.slice(0, 400).map((c) => withScalar(c, scalar(c) + L, 'S + L')),
      ...good.slice(400, 800).map((c, i) => withScalar(c, scalar(c) + BigInt(2 + (i % 14)) * L, 'S + k L')),
      ...good.slice(0, 100).map((c) => withScalar(c, L - scalar(c), 'L - S')),
      ...good
        .slice(0, 2)
        .flatMap((c) => [0n, 1n, L - 1n, L, L + 1n, 2n ** 256n - 1n].map((s) => withScalar(c, s, 'S'))),
      ...TORSION.flatMap((t) =>
        TORSION.flatMap((u) => Array.from({ length: 8 }, () => torsioned(t, u, false))),
      ),
      ...TORSION.flatMap((t) =>
        TORSION.flatMap((u) => Array.from({ length: 8 }, () => torsioned(t, u, true))),
      ),
      ...NOT_CANONICAL.flatMap((bytes) => [
        ...good.slice(0, 4).map((c) => ({ ...c, what: 'key above p', key: bytes })),
        ...good.slice(0, 4).map((c) => ({
          ...c,
          what: 'R above p',
          signature: Buffer.concat([bytes, c.signature.subarray(32)]),
        })),
        // S = 0 with R = the identity: what a key of small order lets anybody write.
        ...Array.from({ length: 8 }, () => ({
          what: 'key above p, S = 0',
          key: bytes,
          message: random(4),
          signature: Buffer.concat([encode([0n, 1n]), Buffer.alloc(32)]),
        })),
        // R itself above p, under a good key that would verify it if the bytes were not compared.
        (() => {
          const a = fromLittleEndian(random(31));
          const key = encode(multiply(BASE, a));
          const message = random(4);
          const s = (hashToScalar(bytes, key, message) * a) % L;
          return { what: 'R above p', key, message, signature: Buffer.concat([bytes, littleEndian(s)]) };
        })(),
      ]),
      ...Array.from({ length: 2500 }, () => ({
        what: 'noise',
        key: random(32),
        signature: Buffer.concat([random(63), Buffer.from([below(16)])]),
        message: random(below(40)),
      })),
    ];
    expect(cases.length).toBeGreaterThan(15_000);
    const given = ask(program, cases);
    const stricter = new Map<string, number>();
    cases.forEach((c, i) => {
      const expected = node(c);
      const strict = SMALL_ORDER.has(hex(c.key)) || !isCanonical(c.key);
      if (strict && expected) stricter.set(c.what, (stricter.get(c.what) ?? 0) + 1);
      if (given[i] !== (expected && !strict))
        throw new Error(
          `${c.what}: device ${given[i]}, OpenSSL ${expected}: ${hex(c.key)} ${hex(c.signature)} ${hex(c.message)}`,
        );
    });
    // The equation without the cofactor: an eighth of those of mixed order hold by chance, and both sides say so.
    const mixed = given.filter((yes, i) => yes && cases[i]!.what === 'mixed order').length;
    expect(mixed).toBeGreaterThan(40);
    expect(mixed).toBeLessThan(140);
    // Where the device is stricter was really met.
    expect([...stricter.keys()].sort()).toEqual(['key above p, S = 0', 'small order']);
  });

  it('should decode exactly the keys that are canonical points of large order', () => {
    const keys = [
      ...NOT_CANONICAL,
      ...TORSION.map(encode),
      ...Array.from({ length: 40 }, (_, i) => littleEndian(BigInt(i))),
      ...Array.from({ length: 400 }, () => random(32)),
    ];
    const expected = keys.map((key) => {
      const y = fromLittleEndian(key) % 2n ** 255n;
      return y < P && withY(y) !== undefined && !SMALL_ORDER.has(hex(key)) && isCanonical(key);
    });
    expect(answers(program, keys.map(hex))).toEqual(expected);
    expect(expected.filter(Boolean).length).toBeGreaterThan(150);
    // Without the rule about y, some of them would be points.
    const taken = NOT_CANONICAL.filter(
      (key) => withY((fromLittleEndian(key) % 2n ** 255n) % P) !== undefined,
    );
    expect(taken.length).toBeGreaterThan(15);
  });

  it('should not read a message that has no bytes, and take long ones', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519');
    const key = Buffer.from(publicKey.export({ format: 'jwk' }).x!, 'base64url');
    // Around the blocks of SHA-512: 64 bytes of R and key come before the message.
    const lengths = [0, 1, 46, 47, 48, 63, 64, 65, 111, 112, 175, 176, 191, 192, 193, 4096, 30_000];
    const cases = lengths.map((n) => {
      const message = random(n);
      return { what: `${n} bytes`, key, message, signature: sign(null, message, privateKey) };
    });
    expect(ask(program, cases)).toEqual(cases.map(() => true));
  });

  it('should compile as C99 without a warning', async () => {
    const strict = [
      '-Wall',
      '-Wextra',
      '-Wconversion',
      '-Wshadow',
      '-Wcast-qual',
      '-Wstrict-prototypes',
      '-Wvla',
      '-Werror',
    ];
    for (const file of await sources())
      await run(
        toolPath('gcc'),
        ['-std=c99', '-O2', '-ffreestanding', ...strict, '-Iinclude', '-c', file, '-o', join(folder, 'x.o')],
        { cwd: crypto },
      );
  });

  describeWith(['shared-data'], 'and Wycheproof', () => {
    it('should answer every case of ed25519_test', async () => {
      const path = join(toolPath('shared-data'), 'crypto/ed25519_test.json');
      const { testGroups } = JSON.parse(await readFile(path, 'utf8')) as {
        testGroups: {
          publicKey: { pk: string };
          tests: { tcId: number; comment: string; msg: string; sig: string; result: string }[];
        }[];
      };
      const all = testGroups.flatMap(({ publicKey, tests }) =>
        tests.map((t) => ({
          what: `${t.tcId} ${t.comment}`,
          key: Buffer.from(publicKey.pk, 'hex'),
          message: Buffer.from(t.msg, 'hex'),
          signature: Buffer.from(t.sig, 'hex'),
          valid: t.result === 'valid',
        })),
      );
      expect(all.length).toBeGreaterThanOrEqual(150);
      // The function takes 64 bytes; a signature of another length is refused by the agent and by every port's hook.
      const whole = all.filter((c) => c.signature.length === 64);
      expect(all.filter((c) => c.signature.length !== 64 && c.valid)).toEqual([]);
      const given = ask(program, whole);
      expect(whole.filter((c, i) => given[i] !== c.valid).map((c) => c.what)).toEqual([]);
    });
  });
});

describeWith(['arm-none-eabi-gcc'], 'Ed25519 of the device on a Cortex-M4', () => {
  it('should need at most 6.75 KB of code, no RAM of its own and no library but mem*', async () => {
    const gcc = toolPath('arm-none-eabi-gcc');
    let code = 0;
    for (const file of await sources()) {
      const object = join(folder, 'm4.o');
      const flags = ['-mcpu=cortex-m4', '-mthumb', '-Os', '-std=c99', '-ffreestanding', '-Iinclude'];
      await run(gcc, [...flags, '-c', file, '-o', object], { cwd: crypto });
      const { stdout: size } = await run(gcc.replace(/gcc$/, 'size'), [object]);
      const [text, data, bss] = size.split('\n')[1]!.trim().split(/\s+/).map(Number);
      code += text!;
      expect([file, data, bss]).toEqual([file, 0, 0]);
      const { stdout } = await run(gcc.replace(/gcc$/, 'nm'), ['-u', object]);
      const names = stdout.split('\n').map((line) => line.replace(/^\s*U\s+/, '').trim());
      expect(names.filter((name) => name !== '' && !/^(fleet_|mem(cpy|move|set|cmp)$)/.test(name))).toEqual(
        [],
      );
    }
    expect(code).toBeLessThanOrEqual(6912);
  });
});

describeWith(['arm-none-eabi-gcc', 'qemu-system-arm'], 'Ed25519 of the device under QEMU', () => {
  it.each(['m3', 'm4', 'm7'] as const)('should verify with 1.5 M instructions on %s', async (core) => {
    const text = await readFile(join(crypto, '../vectors/ed25519.json'), 'utf8');
    const { vectors } = JSON.parse(text) as {
      vectors: { name: string; key: string; message: string; signature: string }[];
    };
    const vector = vectors.find(({ name }) => name === 'TEST SHA(abc)')!;
    const cost = await verifyCost(core, vector);
    expect(cost.accepted).toBe(true);
    expect(cost.instructions).toBeLessThan(1_500_000);
    expect(cost.stackBytes).toBeLessThan(2048);
    const forged = await verifyCost(core, { ...vector, message: `00${vector.message.slice(2)}` });
    expect(forged.accepted).toBe(false);
  });
});
