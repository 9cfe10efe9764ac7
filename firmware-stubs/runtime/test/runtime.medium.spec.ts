// Builds the runtime's C tests with sanitizers and runs them; fuzzes loading; proves that the sources compile cleanly
// for a bare-metal Cortex-M and that the committed WebAssembly module is what they give.
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { SANITIZERS, buildProgram, unitsOf } from '../../objects.mjs';

const run = promisify(execFile);
const runtime = fileURLToPath(new URL('..', import.meta.url));
const STRICT = [
  '-Wall',
  '-Wextra',
  '-Wconversion',
  '-Wshadow',
  '-Wcast-qual',
  '-Wstrict-prototypes',
  '-Werror',
];
const TESTS = ['harness', 'assemble', 'elements', 'kernels', 'load', 'run', 'moves', 'reference'].map(
  (name) => `runtime/test/${name}.c`,
);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-runtime-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sources(): Promise<string[]> {
  const inside = async (name: string): Promise<string[]> =>
    (await readdir(join(runtime, name)))
      .filter((file) => file.endsWith('.c'))
      .map((file) => `${name}/${file}`);
  return [...(await inside('src')), ...(await inside('kernels')), ...(await inside('../dsp/src'))].sort();
}

/** A program of the runtime, its tests and `main`. */
async function build(
  cc: string,
  main: string,
  fuzzer: { flags: string[]; link: string[] } | null,
): Promise<string> {
  const units = [...(await unitsOf('runtime/src', 'runtime/kernels', 'dsp/src')), ...TESTS, main];
  const flags = [...SANITIZERS, ...(fuzzer?.flags ?? [])];
  return buildProgram({
    cc,
    flags,
    units,
    link: fuzzer?.link ?? [],
    out: join(folder, basename(main, '.c')),
  });
}

describeWith(['gcc'], 'inference runtime on the host', () => {
  it('should compile as C99 without a warning', async () => {
    for (const file of await sources())
      await run(
        toolPath('gcc'),
        ['-std=c99', '-O2', ...STRICT, '-Iinclude', '-Isrc', '-c', file, '-o', join(folder, 'x.o')],
        {
          cwd: runtime,
        },
      );
  });

  it.each([
    'void *f(void) { return malloc(1); }',
    'int f(void) { return printf("x"); }',
    'double f(void) { return 1; }',
  ])('should not compile %s', async (violation) => {
    const file = join(folder, 'violation.c');
    await writeFile(file, `#include "internal.h"\n${violation}\n`);
    const compile = run(
      toolPath('gcc'),
      ['-std=c99', '-Iinclude', '-Isrc', '-c', file, '-o', join(folder, 'x.o')],
      {
        cwd: runtime,
      },
    );
    await expect(compile).rejects.toThrow(/poisoned/);
  });

  it('should not compile for a big-endian machine', async () => {
    const order = ['-U__BYTE_ORDER__', '-D__BYTE_ORDER__=__ORDER_BIG_ENDIAN__'];
    const args = ['-std=c99', ...order, '-Iinclude', '-Isrc', '-fsyntax-only', 'src/check.c'];
    await expect(run(toolPath('gcc'), args, { cwd: runtime })).rejects.toThrow(/little-endian/);
  });

  it('should equal slow definitions, refuse damage by code and stay inside its memory under ASan and UBSan', async () => {
    const binary = await build(toolPath('gcc'), 'runtime/test/main.c', null);
    for (const seed of ['1', '2']) {
      const { stdout } = await run(binary, [seed, '500', '60000']);
      expect(stdout.trim()).toBe(`passed: seed ${seed}, 500 kernel rounds, 60000 mutations`);
    }
  }, 300_000);
});

describe('inference runtime sources', () => {
  it('should include nothing above the runtime: no agent, no port', async () => {
    const allowed =
      /^(<(stddef|stdint|string|wasm_simd128)\.h>|"(fleet_(kernel|runtime|bundle|error|const)|internal|crc_tables|poison|dot|dsp)\.h")$/;
    const headers = [
      'include/fleet_runtime.h',
      'include/fleet_bundle.h',
      'include/fleet_kernel.h',
      'src/internal.h',
      'src/crc_tables.h',
      'src/poison.h',
      'kernels/dot.h',
      '../dsp/src/dsp.h',
    ];
    for (const file of [...(await sources()), ...headers])
      for (const [, what] of (await readFile(join(runtime, file), 'utf8')).matchAll(
        /^\s*#\s*include\s+(\S+)/gm,
      ))
        expect([file, what]).toEqual([file, expect.stringMatching(allowed)]);
  });
});

describeWith(['clang', 'gcc'], 'inference runtime under libFuzzer', () => {
  it('should survive any bytes as a bundle', async () => {
    const clang = toolPath('clang');
    const seeds = join(folder, 'seeds');
    await mkdir(seeds);
    const writer = await build(toolPath('gcc'), 'runtime/test/main.c', null);
    await run(writer, ['--seeds', seeds]);
    // What the compiler makes, each behind its length: libs/compiler/test/fuzz-seeds.medium.spec.ts.
    const content = gunzipSync(await readFile(join(runtime, 'test/seeds.gz')));
    for (let at = 0; at < content.length;) {
      const end = at + 4 + content.readUInt32LE(at);
      await writeFile(join(seeds, `compiled-${at}`), content.subarray(at + 4, end));
      at = end;
    }
    const fuzzer = await build(clang, 'runtime/test/fuzz_load.c', {
      flags: ['-fsanitize=fuzzer-no-link'],
      link: ['-fsanitize=fuzzer'],
    });
    await run(fuzzer, [
      '-seed=1',
      '-runs=60000',
      '-max_len=4096',
      '-verbosity=0',
      '-artifact_prefix=' + `${folder}/`,
      seeds,
    ]);
  }, 300_000); // two builds with sanitizers, on a busy machine
});

describeWith(['arm-none-eabi-gcc'], 'inference runtime for Cortex-M', () => {
  it('should compile without a warning, without floating point and with bounded stack', async () => {
    const core = ['-mcpu=cortex-m4', '-mthumb', '-mfloat-abi=soft', '-ffreestanding', '-fstack-usage'];
    for (const file of await sources()) {
      const object = join(folder, 'm4.o');
      const level = /^(kernels|\.\.\/dsp)\//.test(file) ? '-O2' : '-Os';
      await run(
        toolPath('arm-none-eabi-gcc'),
        [
          ...core,
          level,
          '-std=c99',
          ...STRICT,
          '-Wvla',
          '-Wstack-usage=768', // bytes of a frame, conv_2d's patch of 256 among them; nothing recurses
          '-Wdouble-promotion',
          '-Iinclude',
          '-Isrc',
          '-c',
          file,
          '-o',
          object,
        ],
        { cwd: runtime },
      );
      const { stdout } = await run('arm-none-eabi-nm', ['-u', object]);
      // What the compiler may call besides the runtime itself: mem* and 64-bit division; never soft float.
      const foreign = stdout.split('\n').map((line) => line.replace(/^\s*U\s+/, '').trim());
      expect(
        foreign.filter(
          (name) => name !== '' && !/^(fleet_|mem|__aeabi_(mem|u?ldivmod|lmul|llsl|lasr|llsr))/.test(name),
        ),
      ).toEqual([]);
    }
  });
});

describeWith(['yowasp-clang'], 'inference runtime on WebAssembly', () => {
  it('should equal the same slow definitions with SIMD kernels', async () => {
    const args = ['--no-warnings', join(runtime, 'test/run-wasi.mjs'), '3', '500', '30000'];
    const { stdout } = await run(process.execPath, args);
    expect(stdout).toContain('passed: seed 3, 500 kernel rounds, 30000 mutations');
  }, 300_000);

  it('should be reproduced byte for byte from its sources by the pinned compiler', async () => {
    const { stdout } = await run(process.execPath, [join(runtime, '../ports/wasm/build.mjs'), '--check']);
    expect(stdout).toMatch(/reproduced/);
  }, 300_000);
});
