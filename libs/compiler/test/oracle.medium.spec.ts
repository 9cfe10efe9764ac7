// Single operators against TensorFlow Lite Micro's reference kernels: tools/oracle made the models, inputs and outputs.
// A vector file arrives together with its op, so nothing is skipped.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { isFleetError } from '@tinyfleet/errors';
import { DTYPES, Runtime } from '@tinyfleet/runtime';
import { compile } from '../src/index.js';

const folder = fileURLToPath(new URL('../../../tools/oracle/vectors', import.meta.url));
const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Faults shown per case; one wrong constant makes hundreds. */
const SHOWN = 3;

type Sizes = [type: string, bytes: number][];
interface Entry {
  readonly name: string;
  readonly model: number;
  readonly inputs: Sizes;
  readonly outputs: Sizes;
  readonly runs: number[];
}
interface Frame {
  readonly inputs: Uint8Array[];
  readonly outputs: Uint8Array[];
}
interface VectorCase extends Entry {
  readonly bytes: Uint8Array;
  readonly frames: Frame[][];
}

/** The container is described in tools/oracle/generate.py. */
function read(file: string): VectorCase[] {
  const content = gunzipSync(readFileSync(join(folder, file)));
  let at = content.indexOf(0x0a) + 1;
  const head = JSON.parse(content.toString('utf8', 0, at)) as { cases: Entry[] };
  const take = (bytes: number): Uint8Array => content.subarray(at, (at += bytes));
  const all = (sizes: Sizes): Uint8Array[] => sizes.map(([, bytes]) => take(bytes));
  const cases = head.cases.map((entry) => ({
    ...entry,
    bytes: take(entry.model),
    frames: entry.runs.map((count) =>
      Array.from({ length: count }, () => ({ inputs: all(entry.inputs), outputs: all(entry.outputs) })),
    ),
  }));
  expect(at).toBe(content.length);
  return cases;
}

/** The frontend makes int8 of uint8 interfaces: q - 128. */
function asBundle(data: Uint8Array, [type]: Sizes[number], dtype: number): Uint8Array {
  return type === 'uint8' && dtype === DTYPES.int8.number ? data.map((byte) => byte ^ 0x80) : data;
}

async function faultsOf(one: VectorCase, optimize: boolean): Promise<string[]> {
  const source = { bytes: one.bytes, fileName: 'single-op.tflite' };
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
        if (Buffer.compare(got, wanted) === 0) return;
        const first = got.findIndex((byte, k) => byte !== wanted[k]);
        const wrong = got.filter((byte, k) => byte !== wanted[k]).length;
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
  for (const file of readdirSync(folder).filter((name) => name.endsWith('.gz'))) {
    const [op, type] = file.split('.');
    for (const optimize of [false, true]) {
      it(`should compute ${op} in ${type} as the reference does, ${optimize ? '' : 'not '}optimized`, async () => {
        const faults: string[] = [];
        for (const one of read(file)) {
          try {
            faults.push(...(await faultsOf(one, optimize)));
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
