// The committed vectors of tools/oracle: single-op models, what they are run on, and what TensorFlow Lite Micro's reference
// kernels answer; and whether what we compile of them answers the same.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { isFleetError } from '@tinyfleet/errors';
import { DTYPES, Runtime } from '@tinyfleet/runtime';
import { encodeBundle } from '../src/backends/bundle/encode.js';
import { bundleContents } from '../src/driver/contents.js';
import { openSource } from '../src/driver/frontends.js';
import { runPasses } from '../src/passes/pass.js';
import { NO_PASSES, PASSES } from '../src/passes/table.js';
import { makePlan } from '../src/plan/make-plan.js';

const folder = fileURLToPath(new URL('../../../tools/oracle/vectors', import.meta.url));

export type Sizes = [type: string, bytes: number][];
interface Entry {
  readonly name: string;
  readonly model: number;
  readonly inputs: Sizes;
  readonly outputs: Sizes;
  readonly runs: number[];
  /** Most that an 8-bit output may be off; none when left out. */
  readonly tolerance?: number;
}
export interface Frame {
  readonly inputs: Uint8Array[];
  readonly outputs: Uint8Array[];
}
export interface VectorCase extends Entry {
  readonly bytes: Uint8Array;
  readonly frames: Frame[][];
}

/** Files as `<OP>.<type>.gz`. */
export function vectorFiles(): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.gz'));
}

/** The container is described in tools/oracle/generate.py. */
export function readVectors(file: string): VectorCase[] {
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
  if (at !== content.length) throw new Error(`${file}: ${content.length - at} bytes are left`);
  return cases;
}

const deviceType = { name: 'any', core: 'wasm', clockHz: 1, slotBytes: 1 << 20, arenaBytes: 1 << 20 };
/** Faults shown per case; one wrong constant makes hundreds. */
const SHOWN = 3;

/** The frontend makes int8 of uint8 interfaces: q - 128. */
function asBundle(data: Uint8Array, [type]: Sizes[number], dtype: number): Uint8Array {
  return type === 'uint8' && dtype === DTYPES.int8.number ? data.map((byte) => byte ^ 0x80) : data;
}

/** The stages of `compile` without its self-test, which costs far more than the few vectors here. */
function bundleOf(model: Uint8Array, optimize: boolean): Uint8Array {
  const imported = openSource({ bytes: model, fileName: 'single-op.tflite' }).graph;
  const { graph } = runPasses(imported, optimize ? PASSES : NO_PASSES, { diagnostics: [] });
  const plan = makePlan(graph, { sourceOrder: !optimize });
  return encodeBundle(bundleContents(graph, plan, model, { deviceType, optimize }, [])).bytes;
}

/** What of a case's outputs differs when `model`, or its own, is compiled and run. */
export async function faultsOf(
  one: VectorCase,
  { optimize, model = one.bytes }: { readonly optimize: boolean; readonly model?: Uint8Array },
): Promise<string[]> {
  const bundle = bundleOf(model, optimize);
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

/** Faults of all cases of a vector file, refusals among them. */
export async function faultsOfFile(
  file: string,
  faults: (one: VectorCase) => Promise<string[]>,
): Promise<string[]> {
  const all: string[] = [];
  for (const one of readVectors(file)) {
    try {
      all.push(...(await faults(one)));
    } catch (error) {
      const data = isFleetError(error) ? JSON.stringify(error.data) : '';
      all.push(`${one.name}: ${error instanceof Error ? error.message : String(error)} ${data}`);
    }
  }
  return all;
}
