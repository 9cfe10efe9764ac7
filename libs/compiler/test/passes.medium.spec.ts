// Passes keep values: what a model computes with them is, byte for byte, what it computes without, on the runtime itself.
import { describe, expect, it } from '@jest/globals';
import { Runtime } from '@tinyfleet/runtime';
import { compile } from '../src/index.js';
import { writeTflite } from '../src/backends/tflite/write.js';
import { MODELS } from './models.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
const INFERENCES = 20;

describe('passes', () => {
  for (const [name, make] of Object.entries(MODELS)) {
    it(`should keep what ${name} computes`, async () => {
      const source = { bytes: writeTflite(make()), fileName: `${name}.tflite` };
      const runtime = await Runtime.open();
      const [plain, optimized] = await Promise.all(
        [false, true].map(async (optimize) =>
          runtime.load((await compile(source, { deviceType, optimize })).bundle),
        ),
      );
      const bytes = plain!.view.inputs.reduce((n, input) => n + input.bytes, 0);
      for (let seed = 1; seed <= INFERENCES; seed++) {
        const { data } = runtime.randomBytes(seed * 0x9e3779b1, bytes);
        expect(plain!.view.inputs).toHaveLength(1);
        const wanted = plain!.run([data]).map((output) => Uint8Array.from(output));
        expect(optimized!.run([data])).toEqual(wanted);
      }
    });
  }
});
