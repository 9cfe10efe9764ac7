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
import {
  behindLengths,
  distanceBundles,
  frontEndBundles,
  streamBundles,
  treeBundles,
  vectorBundles,
} from './bundle-corpus.js';

const run = promisify(execFile);
const runtime = fileURLToPath(new URL('../../../firmware-stubs/runtime', import.meta.url));
/** Damaged bundles in all, shared evenly; TINYFLEET_MUTATIONS for a long run. */
const MUTATIONS = Number(process.env['TINYFLEET_MUTATIONS'] ?? 6_000);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-sanitizers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function sources(name: string): Promise<string[]> {
  const files = await readdir(join(runtime, name));
  return files.filter((file) => file.endsWith('.c')).map((file) => `${name}/${file}`);
}

async function corpusTest(): Promise<string> {
  const binary = join(folder, 'corpus-test');
  const tests = ['corpus', 'harness', 'assemble', 'kernels', 'load', 'run', 'reference'];
  const files = [
    ...(await sources('src')),
    ...(await sources('kernels')),
    ...(await sources('../dsp/src')),
    ...tests.map((name) => `test/${name}.c`),
  ];
  const flags = ['-std=c11', '-g', '-O1', '-fsanitize=address,undefined', '-fno-sanitize-recover=undefined'];
  const includes = ['-Iinclude', '-Isrc', '-I../dsp/include', '-I../dsp/src'];
  await run(toolPath('gcc'), [...flags, ...includes, '-o', binary, ...files, '-lm'], { cwd: runtime });
  return binary;
}

describeWith(['gcc'], 'sanitizers', () => {
  let binary = '';
  beforeAll(async () => {
    binary = await corpusTest();
  });

  it.each([
    ['op', vectorBundles],
    ['shifted window', streamBundles],
    ['front end', frontEndBundles],
    ['tree ensemble', treeBundles],
    ['distance model', distanceBundles],
  ] as const)(
    'should find no %s that fails its self-test or leaves its memory when damaged',
    async (what, make) => {
      const bundles = await make();
      const file = join(folder, `corpus of ${what}`);
      await writeFile(file, behindLengths(bundles));
      const each = Math.min(500, Math.max(1, Math.round(MUTATIONS / bundles.length)));
      const { stdout } = await run(binary, [file, String(each)]);
      expect(stdout.trim()).toBe(`passed: ${bundles.length} bundles, ${each} mutations each`);
    },
  );
});
