// Public vectors through the device's own code: CBOR of RFC 8949 appendix A through its reader, Wycheproof's HMAC, COSE's examples
// through the structure that it signs, and Wycheproof's signatures through the POSIX port's verify hook. The WebAssembly port's
// hook is in apps/simulator, the C implementation of Ed25519 in crypto/test.
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { SANITIZERS, buildProgram, unitsOf } from '../../../objects.mjs';
import { buildPosixAgent, openSsl } from '../../../ports/posix/build.mjs';

const ED25519 = 1;
const P256 = 2;

interface Wycheproof {
  readonly testGroups: readonly {
    readonly publicKey?: { readonly pk?: string; readonly uncompressed?: string };
    readonly tagSize?: number;
    readonly tests: readonly {
      readonly tcId: number;
      readonly comment: string;
      readonly key?: string;
      readonly msg: string;
      readonly sig?: string;
      readonly tag?: string;
      readonly result: 'valid' | 'invalid' | 'acceptable';
    }[];
  }[];
}

interface CoseExample {
  readonly title: string;
  readonly fail?: boolean;
  readonly input: {
    readonly sign0: {
      readonly key: {
        readonly crv: string;
        readonly x?: string;
        readonly y?: string;
        readonly x_hex?: string;
      };
    };
  };
  readonly intermediates: { readonly ToBeSign_hex: string };
  readonly output: { readonly cbor: string };
}

const shared = async <T>(name: string): Promise<T> =>
  JSON.parse(await readFile(join(toolPath('shared-data'), 'crypto', name), 'utf8')) as T;

const hex = (text: string): string => (text === '' ? '-' : text);

function ask(program: string, args: readonly string[], lines: readonly string[]): string[] {
  const input = `${lines.join('\n')}\n`;
  const { stdout, stderr, status } = spawnSync(program, args, {
    input,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  expect([status, stderr]).toEqual([0, '']);
  const answers = stdout.trim().split('\n');
  expect(answers).toHaveLength(lines.length);
  return answers;
}

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-vectors-'));
});
afterAll(() => rm(folder, { recursive: true }));

describeWith(['gcc', 'shared-data'], 'public vectors', () => {
  let program = '';
  beforeAll(async () => {
    program = join(folder, 'answer');
    const units = [
      ...(await unitsOf('agent/src', 'runtime/src', 'runtime/kernels', 'dsp/src')),
      'agent/test/vectors/answer.c',
    ];
    await buildProgram({ cc: toolPath('gcc'), flags: SANITIZERS, units, out: program });
  });

  it('should take the deterministic CBOR of RFC 8949 appendix A, byte for byte, and refuse the rest', async () => {
    const cases =
      await shared<{ hex: string; roundtrip: boolean; diagnostic?: string }[]>('cbor_appendix_a.json');
    expect(cases).toHaveLength(82);
    // Floats and simple values above 23 are no part of the wire; what does not round-trip is not deterministic.
    const outside = /^(c1)?(f8|f9|fa|fb)/;
    const answers = ask(
      program,
      [],
      cases.map((c) => `cbor ${c.hex}`),
    );
    expect(cases.map((c, i) => [c.hex, answers[i]])).toEqual(
      cases.map((c) => [c.hex, c.roundtrip && !outside.test(c.hex) ? '1' : '0']),
    );
    expect(answers.filter((yes) => yes === '1')).toHaveLength(46);
    // Cut anywhere, or with a byte too many, none is an item.
    const cut = cases.flatMap((c) => [
      ...Array.from({ length: c.hex.length / 2 - 1 }, (_, i) => `cbor ${c.hex.slice(0, 2 * i + 2)}`),
      `cbor ${c.hex}00`,
    ]);
    expect(ask(program, [], cut).filter((yes) => yes === '1')).toEqual([]);
  });

  it("should make Wycheproof's HMACs, cut to their tag size", async () => {
    const { testGroups } = await shared<Wycheproof>('hmac_sha256_test.json');
    const tests = testGroups.flatMap((g) => g.tests.map((t) => ({ ...t, digits: g.tagSize! / 4 })));
    expect(tests.length).toBeGreaterThan(150);
    const answers = ask(
      program,
      [],
      tests.map((t) => `hmac ${hex(t.key!)} ${hex(t.msg)}`),
    );
    const wrong = tests.filter(
      (t, i) => (answers[i]!.slice(0, t.digits) === t.tag) !== (t.result === 'valid'),
    );
    expect(wrong.map((t) => t.tcId)).toEqual([]);
  });

  it("should make the structures of COSE's examples, and verify the good ones only", async () => {
    const posix = await buildPosixAgent({ sanitize: true });
    const names = await readdir(join(toolPath('shared-data'), 'crypto/cose'));
    const files = names.filter((name) => name.endsWith('.json')).sort();
    expect(files).toHaveLength(12);
    const examples = await Promise.all(files.map((name) => shared<CoseExample>(`cose/${name}`)));
    const answers = ask(
      program,
      [],
      examples.map((e) => `sign1 ${e.output.cbor.toLowerCase()}`),
    );
    const outcome: Record<string, string> = {};
    for (const [i, e] of examples.entries()) {
      const name = files[i]!.replace('.json', '');
      const [algorithm, structure, signature] = answers[i]!.split(' ');
      const { key } = e.input.sign0;
      const point = (text: string): string => Buffer.from(text, 'base64url').toString('hex');
      const raw = key.crv === 'P-256' ? `04${point(key.x!)}${point(key.y!)}` : key.x_hex!;
      const alg = algorithm === '-8' ? ED25519 : algorithm === '-7' ? P256 : 0;
      if (structure === undefined) outcome[name] = 'refused';
      else if (alg === 0) outcome[name] = 'unknown algorithm';
      else {
        const [good] = ask(posix, ['--verify', '-'], [`${alg} ${raw} ${signature} ${structure}`]);
        const same = structure === e.intermediates.ToBeSign_hex.toLowerCase();
        outcome[name] = `${same ? 'same structure' : 'other structure'}, ${good === '1' ? 'good' : 'bad'}`;
      }
      if (e.fail) expect([name, outcome[name]]).not.toEqual([name, expect.stringContaining('good')]);
    }
    expect(outcome).toMatchObject({
      'eddsa-sig-01': 'same structure, good',
      'eddsa-sig-02': 'refused', // Ed448: 114 bytes of signature
      'sign-fail-01': 'refused', // another tag
      'sign-fail-04': 'refused', // the algorithm is a text
      'sign-pass-01': 'refused', // the algorithm is not protected
      'sign-pass-03': 'refused', // no tag
      'sign-fail-03': 'unknown algorithm', // -999
      ...((await openSsl()) === undefined ? {} : { 'ecdsa-sig-01': 'same structure, good' }),
    });
  }, 300_000); // builds the port, on a busy machine

  // With the system's OpenSSL, and without it, by crypto/.
  it.each([true, false])(
    'should answer Wycheproof by the hook of the POSIX port, tls %s',
    async (tls) => {
      const posix = await buildPosixAgent({ sanitize: true, tls });
      const suites = [[ED25519, 'ed25519_test.json', 150]] as [number, string, number][];
      if (tls && (await openSsl()) !== undefined)
        suites.push([P256, 'ecdsa_secp256r1_sha256_p1363_test.json', 200]);
      for (const [alg, name, least] of suites) {
        const { testGroups } = await shared<Wycheproof>(name);
        const tests = testGroups.flatMap(({ publicKey, tests: group }) =>
          group.map((t) => ({ ...t, pk: publicKey!.pk ?? publicKey!.uncompressed! })),
        );
        expect(tests.length).toBeGreaterThanOrEqual(least);
        const lines = tests.map((t) => `${alg} ${t.pk} ${hex(t.sig!)} ${hex(t.msg)}`);
        const answers = ask(posix, ['--verify', '-'], lines);
        const wrong = tests.filter((t, i) => (answers[i] === '1') !== (t.result === 'valid'));
        expect([name, wrong.map((t) => [t.tcId, t.comment])]).toEqual([name, []]);
      }
    },
    300_000,
  );
});

describeWith(['gcc'], 'packed windows', () => {
  it('should be those that libs/wire reads, and libs/telemetry adds up', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tinyfleet-windows-'));
    try {
      const out = join(folder, 'windows');
      const units = ['vectors/windows.c', 'random_window.c'].map((name) => `agent/test/${name}`);
      units.push('agent/src/summary.c', 'agent/src/cbor.c');
      await buildProgram({ cc: toolPath('gcc'), flags: SANITIZERS, units, out });
      for (const [name, ...args] of [['window'], ['window-sum', 'sums']]) {
        const { stdout } = spawnSync(out, args, { encoding: 'utf8' });
        const golden = new URL(`../../../vectors/${name}.json`, import.meta.url);
        expect(stdout).toBe(await readFile(golden, 'utf8'));
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
