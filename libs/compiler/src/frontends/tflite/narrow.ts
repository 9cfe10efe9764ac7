// Types that no kernel has and int8 says exactly: uint8 (values and zero points 128 less) and int4 (two elements per byte).
import type { FileTensor } from './context.js';

/** The same reals in int8. Tensors without quantization are numbers, not reals, and stay. */
export function withoutUint8(found: FileTensor): FileTensor {
  const { tensor } = found;
  if (tensor?.dtype !== 'uint8' || tensor.quantization === null) return found;
  const { name, shape, data, quantization: q } = tensor;
  const quantization = { ...q, zeroPoints: q.zeroPoints.map((z) => z - 128) };
  const shifted = data?.map((byte) => byte ^ 0x80) ?? null;
  const dtype = 'int8';
  return {
    name,
    shape,
    type: dtype,
    legacy: true,
    tensor: { ...tensor, dtype, quantization, data: shifted },
  };
}

export function packedBytes(elements: number): number {
  return Math.ceil(elements / 2);
}

/** The low half of a byte comes first; an odd last element has a byte of its own. */
export function unpackInt4(packed: Uint8Array, elements: number): Uint8Array {
  return Uint8Array.from({ length: elements }, (_, i) => {
    const half = (packed[i >> 1]! >> (i % 2 === 0 ? 0 : 4)) & 15;
    return half < 8 ? half : half | 0xf0;
  });
}
