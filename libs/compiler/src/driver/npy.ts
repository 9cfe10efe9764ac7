// NPY arrays (NumPy format 1 to 3) of numbers in C order: validation and calibration data. Nothing else of the format.
import { fault } from '../ir/diagnostics.js';

/** NumPy's letters: signed and unsigned integers, floats, with their bytes. */
export type NpyType = 'i1' | 'u1' | 'i2' | 'u2' | 'i4' | 'u4' | 'f4' | 'f8';

export interface NpyArray {
  readonly shape: readonly number[];
  readonly type: NpyType;
  /** A view of the file, little-endian. */
  readonly data: Uint8Array;
}

const TYPES: Readonly<Record<NpyType, { bytes: number; get: (view: DataView, at: number) => number }>> = {
  i1: { bytes: 1, get: (view, at) => view.getInt8(at) },
  u1: { bytes: 1, get: (view, at) => view.getUint8(at) },
  i2: { bytes: 2, get: (view, at) => view.getInt16(at, true) },
  u2: { bytes: 2, get: (view, at) => view.getUint16(at, true) },
  i4: { bytes: 4, get: (view, at) => view.getInt32(at, true) },
  u4: { bytes: 4, get: (view, at) => view.getUint32(at, true) },
  f4: { bytes: 4, get: (view, at) => view.getFloat32(at, true) },
  f8: { bytes: 8, get: (view, at) => view.getFloat64(at, true) },
};

/** Throws compiler.validation-invalid; `what` names the file. */
export function readNpy(file: Uint8Array, what: string): NpyArray {
  const invalid = (reason: string) => fault('compiler.validation-invalid', { reason: `${what}: ${reason}` });
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (file.length < 12 || magic.some((byte, i) => file[i] !== byte)) throw invalid('it is not an NPY file');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const major = file[6]!;
  if (major < 1 || major > 3) throw invalid(`NPY version ${major} is not known`);
  const [start, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (start + length > file.length) throw invalid('its header is not complete');
  const header = new TextDecoder().decode(file.subarray(start, start + length));
  const [, order, letters] = /'descr':\s*'([|<>=]?)([a-zA-Z]\d+)'/.exec(header) ?? [];
  if (letters === undefined || !(letters in TYPES)) {
    throw invalid(`its elements are no integers of up to 4 bytes and no floats of 4 or 8`);
  }
  const type = letters as NpyType;
  if (order === '>' && TYPES[type].bytes > 1) throw invalid('it is big-endian');
  if (!/'fortran_order':\s*False/.test(header)) throw invalid('it is not in C order');
  const extents = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (extents === undefined) throw invalid('its shape cannot be read');
  const shape = extents.split(',').flatMap((text) => (text.trim() === '' ? [] : [Number(text)]));
  const data = file.subarray(start + length);
  const needed = shape.reduce((n, extent) => n * extent, TYPES[type].bytes);
  if (data.length !== needed)
    throw invalid(`it has ${data.length} bytes of data for shape (${shape.join(', ')})`);
  return { shape, type, data };
}

export function elementBytes({ type }: NpyArray): number {
  return TYPES[type].bytes;
}

/** Elements `from` to `from + count` as float32. */
export function npyFloats({ type, data }: NpyArray, from: number, count: number): Float32Array {
  const { bytes, get } = TYPES[type];
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  return Float32Array.from({ length: count }, (_, i) => get(view, (from + i) * bytes));
}
