// The committed vectors of tools/oracle: single-op models, what they are run on, and what TensorFlow Lite Micro's reference
// kernels answer.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

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
