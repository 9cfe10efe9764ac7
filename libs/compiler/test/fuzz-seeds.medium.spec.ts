// The bundles that fuzzing of loading starts from, firmware-stubs/runtime/test/seeds.gz: the smallest of each op and input type, and
// the front ends; each behind its length (uint32, little-endian). TINYFLEET_UPDATE=1 writes them anew.
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { OPS, readBundle, Runtime, type OpName } from '@tinyfleet/runtime';
import { behindLengths, frontEndBundles, singleBundles } from './bundle-corpus.js';

const file = fileURLToPath(new URL('../../../firmware-stubs/runtime/test/seeds.gz', import.meta.url));
/** -max_len of the fuzzer: what is longer would be cut. */
const MOST_BYTES = 4096;

async function chooseSeeds(): Promise<Set<Uint8Array>> {
  const smallest = new Map<string, Uint8Array>();
  for (const bundle of await singleBundles())
    for (const { op, inputs } of readBundle(bundle).steps) {
      const key = `${op} ${inputs[0]!.dtype}`;
      if (bundle.length < (smallest.get(key)?.length ?? MOST_BYTES + 1)) smallest.set(key, bundle);
    }
  return new Set([...smallest.values(), ...(await frontEndBundles())]);
}

function* bundlesOf(content: Buffer): Generator<Uint8Array> {
  for (let at = 0; at < content.length;) {
    const end = at + 4 + content.readUInt32LE(at);
    yield content.subarray(at + 4, end);
    at = end;
  }
}

describe('seeds of the bundle fuzzer', () => {
  it('should hold a bundle of every op of this build and of front ends, all of which load', async () => {
    if (process.env['TINYFLEET_UPDATE'] === '1')
      await writeFile(file, gzipSync(behindLengths([...(await chooseSeeds())]), { level: 9 }));
    const runtime = await Runtime.open();
    const covered = new Set<string>();
    let frontEnds = 0;
    for (const bundle of bundlesOf(gunzipSync(await readFile(file)))) {
      expect(bundle.length).toBeLessThanOrEqual(MOST_BYTES);
      const { view } = runtime.load(bundle);
      for (const step of view.steps) covered.add(step.op!);
      if (view.sections.front_end !== undefined) frontEnds++;
    }
    const here = Object.keys(OPS).filter((op) => runtime.opVersion(op as OpName) > 0);
    expect(here.filter((op) => !covered.has(op))).toEqual([]);
    expect(frontEnds).toBeGreaterThan(0);
  });
});
