// Every op under sanitizers: the oracle's models as bundles, run and then damaged by the C runtime built with AddressSanitizer and
// UndefinedBehaviorSanitizer. An op is in as soon as it has vectors.
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { compile } from '../src/index.js';
import { readVectors, vectorFiles } from './vectors.js';

const run = promisify(execFile);
const runtime = fileURLToPath(new URL('../../../firmware-stubs/runtime', import.meta.url));
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Per bundle; about 10 s in all. */
const MUTATIONS = 150;

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-sanitizers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sources(name: string): Promise<string[]> {
  const files = await readdir(join(runtime, name));
  return files.filter((file) => file.endsWith('.c')).map((file) => `${name}/${file}`);
}

/** All vectors' bundles, each behind its length. */
async function corpus(): Promise<{ file: string; bundles: number }> {
  const parts: Uint8Array[] = [];
  for (const file of vectorFiles()) {
    for (const { bytes } of readVectors(file)) {
      const source = { bytes, fileName: 'single-op.tflite' };
      const { bundle } = await compile(source, { deviceType, optimize: false, goldenVectors: 1 });
      parts.push(new Uint8Array(Uint32Array.of(bundle.length).buffer), bundle);
    }
  }
  const file = join(folder, 'corpus');
  await writeFile(file, Buffer.concat(parts));
  return { file, bundles: parts.length / 2 };
}

describeWith(['gcc'], 'every op under sanitizers', () => {
  it('should pass its self-test on the host, and refuse damage or stay inside its memory', async () => {
    const { file, bundles } = await corpus();
    const binary = join(folder, 'corpus-test');
    const tests = ['corpus', 'harness', 'assemble', 'kernels', 'load', 'run', 'reference'];
    const files = [
      ...(await sources('src')),
      ...(await sources('kernels')),
      ...(await sources('../dsp/src')),
      ...tests.map((name) => `test/${name}.c`),
    ];
    const flags = [
      '-std=c11',
      '-g',
      '-O1',
      '-fsanitize=address,undefined',
      '-fno-sanitize-recover=undefined',
    ];
    const includes = ['-Iinclude', '-Isrc', '-I../dsp/include', '-I../dsp/src'];
    await run(toolPath('gcc'), [...flags, ...includes, '-o', binary, ...files, '-lm'], { cwd: runtime });
    const { stdout } = await run(binary, [file, String(MUTATIONS)]);
    expect(stdout.trim()).toBe(`passed: ${bundles} bundles, ${MUTATIONS} mutations each`);
  });
});
