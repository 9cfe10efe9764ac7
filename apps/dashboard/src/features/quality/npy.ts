/** Samples as the server gives them (NPY 1.0 of int8 or int16, low byte first): shape and values. */

export interface Npy {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** Undefined: not one of these. */
export function readNpy(bytes: Uint8Array): Npy | undefined {
  if (bytes.length < 10 || bytes[0] !== 0x93 || String.fromCharCode(...bytes.subarray(1, 6)) !== 'NUMPY')
    return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = 10 + view.getUint16(8, true);
  if (start > bytes.length) return undefined;
  const header = String.fromCharCode(...bytes.subarray(10, start));
  const type = /'descr': '([<|]i[12])'/.exec(header)?.[1];
  const shape = /'shape': \(([\d, ]*)\)/
    .exec(header)?.[1]
    ?.split(',')
    .filter((part) => part.trim() !== '');
  if (type === undefined || shape === undefined) return undefined;
  const size = type.endsWith('2') ? 2 : 1;
  const count = Math.floor((bytes.length - start) / size);
  const values = Array.from({ length: count }, (_, i) =>
    size === 2 ? view.getInt16(start + 2 * i, true) : view.getInt8(start + i),
  );
  return { shape: shape.map(Number), values };
}
