// Writes NPY version 1.0 (numpy.lib.format), C order: the form of the committed validation data.
export function writeNpy(values: Int8Array | Uint8Array, shape: readonly number[]): Uint8Array {
  const descr = values instanceof Int8Array ? '|i1' : '|u1';
  const extents = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  let header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${extents}), }`;
  header = header.padEnd(Math.ceil((10 + header.length + 1) / 64) * 64 - 11) + '\n'; // data starts 64-byte aligned
  const out = new Uint8Array(10 + header.length + values.length);
  out.set([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length & 255, header.length >> 8]);
  out.set(new TextEncoder().encode(header), 10);
  out.set(new Uint8Array(values.buffer, values.byteOffset, values.length), 10 + header.length);
  return out;
}
