// NPY arrays (NumPy format 1 to 3) of one-byte integers in C order: validation data. Nothing else of the format.
import { fault } from '../ir/diagnostics.js';

export interface ByteArray {
  readonly shape: readonly number[];
  readonly signed: boolean;
  /** A view of the file. */
  readonly data: Uint8Array;
}

/** Throws compiler.validation-invalid; `what` names the file. */
export function readNpy(file: Uint8Array, what: string): ByteArray {
  const invalid = (reason: string) => fault('compiler.validation-invalid', { reason: `${what}: ${reason}` });
  const magic = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
  if (file.length < 12 || magic.some((byte, i) => file[i] !== byte)) throw invalid('it is not an NPY file');
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const major = file[6]!;
  if (major < 1 || major > 3) throw invalid(`NPY version ${major} is not known`);
  const [start, length] = major === 1 ? [10, view.getUint16(8, true)] : [12, view.getUint32(8, true)];
  if (start + length > file.length) throw invalid('its header is not complete');
  const header = new TextDecoder().decode(file.subarray(start, start + length));
  const type = /'descr':\s*'[|<>=]?([iu])1'/.exec(header)?.[1];
  if (type === undefined) throw invalid('its elements are not one-byte integers');
  if (!/'fortran_order':\s*False/.test(header)) throw invalid('it is not in C order');
  const extents = /'shape':\s*\(([\d\s,]*)\)/.exec(header)?.[1];
  if (extents === undefined) throw invalid('its shape cannot be read');
  const shape = extents.split(',').flatMap((text) => (text.trim() === '' ? [] : [Number(text)]));
  const data = file.subarray(start + length);
  const needed = shape.reduce((n, extent) => n * extent, 1);
  if (data.length !== needed)
    throw invalid(`it has ${data.length} bytes of data for shape (${shape.join(', ')})`);
  return { shape, signed: type === 'i', data };
}
