// Fuzzes everything that a stranger can send to a device, or leave in its flash, from the committed seeds: 6 s per target, or
// TINYFLEET_FUZZ_SECONDS (600 before a release, see CONTRIBUTING.md).
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import { buildTargets, fuzz, unpackSeeds } from './run.mjs';

const seconds = Number(process.env.TINYFLEET_FUZZ_SECONDS ?? 6);
const TARGETS = ['agent', 'cbor', 'flash', 'manifest', 'payload', 'window'];

describeWith(['clang'], 'agent under libFuzzer', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tinyfleet-fuzz-'));
    await buildTargets(toolPath('clang'), folder, TARGETS);
  }, 300_000);
  afterAll(() => rm(folder, { recursive: true }));

  it.each(TARGETS)(
    'should hold what it promises for any input of %s',
    async (name) => {
      const corpus = join(folder, `${name}-corpus`);
      expect(await unpackSeeds(name, corpus)).toBeGreaterThan(10);
      const { executions } = await fuzz(folder, name, { corpus, seconds });
      expect(executions).toBeGreaterThan(200);
    },
    (seconds + 120) * 1000,
  );
});
