import { describe, expect, it } from '@jest/globals';
import { readNpy } from './npy.js';

function npy(descr: string, shape: string, data: readonly number[]): Uint8Array {
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const length = Math.ceil((10 + header.length + 1) / 64) * 64 - 10;
  const text = `${header.padEnd(length - 1)}\n`;
  return Uint8Array.from([
    ...[0x93, ...Buffer.from('NUMPY'), 1, 0, length & 255, length >> 8],
    ...Buffer.from(text),
    ...data,
  ]);
}

describe('readNpy', () => {
  it('should read both encodings with their signs', () => {
    expect(readNpy(npy('|i1', '3,', [1, 255, 128]))).toEqual({ shape: [3], values: [1, -1, -128] });
    expect(readNpy(npy('<i2', '2, 1', [0, 1, 255, 255]))).toEqual({ shape: [2, 1], values: [256, -1] });
  });

  it('should refuse what it is not, and a file that was cut', () => {
    expect(readNpy(npy('<f4', '1,', [0, 0, 0, 0]))).toBeUndefined();
    expect(readNpy(new TextEncoder().encode('not an array'))).toBeUndefined();
    expect(readNpy(npy('|i1', '1,', [1]).subarray(0, 40))).toBeUndefined();
  });
});
