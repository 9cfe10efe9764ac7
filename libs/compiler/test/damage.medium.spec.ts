// Damaged single-op models of every op, from file to bundle: a registered error, or a bundle whose self-test passes. A bundle
// that the runtime refuses would be a hole in the checks of that op's importer.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { compile } from '../src/index.js';
import { mutate } from './mutate.js';
import { readVectors, vectorFiles } from './vectors.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Damaged models in all, shared evenly by the vector files; TINYFLEET_MUTATIONS for a long run. */
const MUTATIONS = Number(process.env['TINYFLEET_MUTATIONS'] ?? 5_000);

async function outcome(bytes: Uint8Array, what: string): Promise<string> {
  try {
    const options = { deviceType, goldenVectors: 1, limits: { work: 1_000_000 } };
    await compile({ bytes, fileName: 'hostile.tflite' }, options);
    return 'ok';
  } catch (error) {
    const registered = isFleetError(error) && error.code.startsWith('compiler.');
    if (registered && error.code !== 'compiler.self-test-failed') return error.code;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause.stack : '';
    const said = isFleetError(error) ? `${error.message} ${JSON.stringify(error.data)}` : '';
    throw new Error(`${what}: ${said} ${error instanceof Error ? error.stack : String(error)} ${cause}`);
  }
}

describe('a damaged model of one op', () => {
  const files = vectorFiles();
  const each = Math.ceil(MUTATIONS / files.length);
  for (const file of files) {
    it(`should give a registered error or a bundle that runs (${file.replace('.gz', '')})`, async () => {
      const cases = readVectors(file);
      const seen = new Set<string>();
      for (let seed = 1; seed <= each; seed++) {
        const { name, bytes } = cases[seed % cases.length]!;
        seen.add(await outcome(mutate(bytes, seed), `${name}, seed ${seed}`));
      }
      expect(seen.size).toBeGreaterThan(1);
    });
  }
});
