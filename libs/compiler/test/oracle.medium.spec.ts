// Single operators against TensorFlow Lite Micro's reference kernels: tools/oracle made the models, inputs and outputs.
// A vector file arrives together with its op, so nothing is skipped.
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { DTYPES, Runtime } from '@tinyfleet/runtime';
import { openSource } from '../src/driver/frontends.js';
import { compile, writeTflite } from '../src/index.js';
import { readVectors, vectorFiles, type Sizes, type VectorCase } from './vectors.js';

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Faults shown per case; one wrong constant makes hundreds. */
const SHOWN = 3;

/** The frontend makes int8 of uint8 interfaces: q - 128. */
function asBundle(data: Uint8Array, [type]: Sizes[number], dtype: number): Uint8Array {
  return type === 'uint8' && dtype === DTYPES.int8.number ? data.map((byte) => byte ^ 0x80) : data;
}

type Form = 'as it is' | 'optimized' | 'written and read back';

async function faultsOf(one: VectorCase, form: Form): Promise<string[]> {
  const optimize = form === 'optimized';
  const source = { bytes: one.bytes, fileName: 'single-op.tflite' };
  if (form === 'written and read back') source.bytes = writeTflite(openSource(source).graph);
  const { bundle } = await compile(source, { deviceType, optimize });
  const loaded = (await Runtime.open()).load(bundle);
  const { inputs, outputs } = loaded.view;
  const faults: string[] = [];
  one.frames.forEach((frames, run) => {
    loaded.resetState();
    frames.forEach((frame, number) => {
      const given = frame.inputs.map((data, i) => asBundle(data, one.inputs[i]!, inputs[i]!.dtype));
      loaded.run(given).forEach((got, i) => {
        const wanted = asBundle(frame.outputs[i]!, one.outputs[i]!, outputs[i]!.dtype);
        const { tolerance = 0 } = one;
        // Bytes of int8 by then: their difference is a signed one.
        const off = (byte: number, k: number): boolean =>
          Math.abs(((byte - wanted[k]!) << 24) >> 24) > tolerance || (tolerance === 0 && byte !== wanted[k]);
        const first = got.findIndex(off);
        if (first < 0 && got.length === wanted.length) return;
        const wrong = got.filter(off).length;
        faults.push(
          `${one.name}, run ${run}, frame ${number}, output ${i}: ${wrong} of ${wanted.length} bytes differ, ` +
            `first at ${first}: ${got[first]} instead of ${wanted[first]}`,
        );
      });
    });
  });
  return faults.slice(0, SHOWN);
}

describe('oracle', () => {
  for (const file of vectorFiles()) {
    const [op, type] = file.split('.');
    for (const form of ['as it is', 'optimized', 'written and read back'] as const) {
      it(`should compute ${op} in ${type} as the reference does, ${form}`, async () => {
        const faults: string[] = [];
        for (const one of readVectors(file)) {
          try {
            faults.push(...(await faultsOf(one, form)));
          } catch (error) {
            const data = isFleetError(error) ? JSON.stringify(error.data) : '';
            faults.push(`${one.name}: ${error instanceof Error ? error.message : String(error)} ${data}`);
          }
        }
        expect(faults).toEqual([]);
      });
    }
  }
});
