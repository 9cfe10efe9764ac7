// The committed vectors of tools/oracle/formats: small ONNX and Keras models with what ONNX Runtime and Keras compute.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';

export interface Numbers {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

export interface FormatCase {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly inputs: readonly Numbers[];
  readonly outputs: readonly Numbers[];
}

interface Stored {
  readonly name: string;
  readonly model?: string;
  /** Extension -> file */
  readonly files?: Readonly<Record<string, string>>;
  readonly inputs: readonly { shape: number[]; data: string }[];
  readonly outputs: readonly { shape: number[]; data: string }[];
}

export interface Hdf5Case {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Path -> shape, values */
  readonly datasets: Readonly<Record<string, readonly [number[], number[]]>>;
  /** Path -> attribute -> text or texts */
  readonly texts: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>;
}

export function hdf5Vectors(): Hdf5Case[] {
  const cases = stored('hdf5.gz') as (Omit<Hdf5Case, 'bytes'> & { file: string })[];
  return cases.map(({ file, ...rest }) => ({ ...rest, bytes: decoded(file) }));
}

function stored(file: string): unknown {
  const path = fileURLToPath(new URL(`../../../tools/oracle/formats/${file}`, import.meta.url));
  return JSON.parse(gunzipSync(readFileSync(path)).toString('utf8'));
}

/** Keras's cases come once as .keras and once as .h5. */
export function formatVectors(file: 'onnx.gz' | 'onnx-trees.gz' | 'keras.gz'): FormatCase[] {
  const cases = stored(file) as Stored[];
  const numbers = ({ shape, data }: { shape: number[]; data: string }): Numbers => ({
    shape,
    values: new Float32Array(decoded(data).buffer),
  });
  return cases.flatMap(({ name, model, files, inputs, outputs }) => {
    const common = { inputs: inputs.map(numbers), outputs: outputs.map(numbers) };
    if (model !== undefined) return [{ name, bytes: decoded(model), ...common }];
    return Object.entries(files ?? {}).map(([kind, content]) => ({
      name: `${name} (.${kind})`,
      bytes: decoded(content),
      ...common,
    }));
  });
}

function decoded(base64: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64, 'base64'));
}
