/** The header of an NPY file (NEP 1, versions 1 to 3): type and shape, checked against the file's length. No data. */

export interface NpyHeader {
  /** e.g. `|i1`, `|u1`, `<i8` */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
  readonly dataOffset: number;
  readonly itemBytes: number;
}

const MAGIC = Buffer.from('\x93NUMPY', 'latin1');
/** numpy writes 128 bytes; more than this is no header. */
const MAX_HEADER_BYTES = 4_096;

/** @throws Error with a reason for the reader. `totalBytes` = the whole file's. */
export function readNpyHeader(start: Buffer, totalBytes: number): NpyHeader {
  if (start.length < 12 || !start.subarray(0, 6).equals(MAGIC)) throw new Error('it is not an NPY file');
  const major = start[6] ?? 0;
  if (major < 1 || major > 3) throw new Error(`NPY version ${major} is not known`);
  const lengthBytes = major === 1 ? 2 : 4;
  const headerBytes = major === 1 ? start.readUInt16LE(8) : start.readUInt32LE(8);
  const dataOffset = 8 + lengthBytes + headerBytes;
  if (headerBytes > MAX_HEADER_BYTES || dataOffset > start.length)
    throw new Error('its header is not complete');
  const header = start.toString('latin1', 8 + lengthBytes, dataOffset);
  const descr = /'descr':\s*'([<>|=]?[a-z]\d+)'/.exec(header)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shapeText = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined || fortran === undefined || shapeText === undefined) {
    throw new Error('its header cannot be read');
  }
  const shape = shapeText
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(Number);
  const itemBytes = Number(/\d+$/.exec(descr)?.[0] ?? 0);
  const dataBytes = shape.reduce((product, n) => product * n, itemBytes);
  if (dataOffset + dataBytes !== totalBytes) {
    throw new Error(
      `its shape (${shape.join(', ')}) needs ${dataOffset + dataBytes} bytes, the file has ${totalBytes}`,
    );
  }
  return { descr, fortranOrder: fortran === 'True', shape, dataOffset, itemBytes };
}
