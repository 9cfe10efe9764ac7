// Every op under sanitizers: the oracle's models as bundles, run and then damaged by the C runtime built with AddressSanitizer and
// UndefinedBehaviorSanitizer. An op is in as soon as it has vectors.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { SANITIZERS, buildProgram, unitsOf } from '@tinyfleet/firmware';
import {
  behindLengths,
  distanceBundles,
  frontEndBundles,
  streamBundles,
  treeBundles,
  vectorBundles,
} from './bundle-corpus.js';

const run = promisify(execFile);
/** Damaged bundles in all, shared evenly; TINYFLEET_MUTATIONS for a long run. */
const MUTATIONS = Number(process.env['TINYFLEET_MUTATIONS'] ?? 6_000);

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tinyfleet-sanitizers-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function corpusTest(): Promise<string> {
  const tests = ['corpus', 'harness', 'assemble', 'kernels', 'load', 'run', 'reference'];
  const units = [
    ...(await unitsOf('runtime/src', 'runtime/kernels', 'dsp/src')),
    ...tests.map((name) => `runtime/test/${name}.c`),
  ];
  return buildProgram({ cc: toolPath('gcc'), flags: SANITIZERS, units, out: join(folder, 'corpus-test') });
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
