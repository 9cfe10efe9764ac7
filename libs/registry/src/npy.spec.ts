/** NPY headers: what numpy writes, and what a stranger may send. */
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readNpyHeader } from './npy.js';

/** As numpy.save does: the data begins at a multiple of 64. */
function npy(header: string, dataBytes: number, major = 1): Buffer {
  const lengthBytes = major === 1 ? 2 : 4;
  const start = 8 + lengthBytes;
  const padded = header.padEnd(Math.ceil((start + header.length + 1) / 64) * 64 - start - 1) + '\n';
  const prefix = Buffer.alloc(start);
  prefix.write('\x93NUMPY', 'latin1');
  prefix[6] = major;
  if (major === 1) prefix.writeUInt16LE(padded.length, 8);
  else prefix.writeUInt32LE(padded.length, 8);
  return Buffer.concat([prefix, Buffer.from(padded, 'latin1'), Buffer.alloc(dataBytes)]);
}
const read = (file: Buffer) => readNpyHeader(file, file.length);

describe('readNpyHeader', () => {
  it('should read type, order and shape of versions 1 and 2', () => {
    for (const major of [1, 2]) {
      const file = npy("{'descr': '|i1', 'fortran_order': False, 'shape': (3, 4, 2), }", 24, major);
      expect(read(file)).toEqual({
        descr: '|i1',
        fortranOrder: false,
        shape: [3, 4, 2],
        dataOffset: file.length - 24,
        itemBytes: 1,
      });
    }
    expect(read(npy("{'descr': '<i8', 'fortran_order': True, 'shape': (5,), }", 40))).toMatchObject({
      shape: [5],
      fortranOrder: true,
      itemBytes: 8,
    });
  });

  it.each([
    ['another file', Buffer.from('PK\x03\x04 something else entirely'), /not an NPY/],
    ['a future version', npy("{'descr': '|i1', 'fortran_order': False, 'shape': (1,), }", 1, 9), /version 9/],
    ['a header without a shape', npy("{'descr': '|i1', 'fortran_order': False}", 1), /cannot be read/],
    ['an object array', npy("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", 1), /cannot be read/],
    ['one byte too few', npy("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }", 2), /needs/],
    ['one byte too many', npy("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }", 4), /needs/],
    [
      'a shape that overflows',
      npy("{'descr': '|i1', 'fortran_order': False, 'shape': (99999999999, 99999999999), }", 1),
      /needs/,
    ],
  ])('should refuse %s', (_name, file, reason) => {
    expect(() => read(file)).toThrow(reason);
  });

  it('should answer any bytes with a header or an Error', () => {
    const start = npy("{'descr': '|i1', 'fortran_order': False, 'shape': (3,), }", 3);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(start.length - 1), fc.nat(255)), { maxLength: 20 }), (changes) => {
        const file = Buffer.from(start);
        for (const [at, value] of changes) file[at] = value;
        try {
          return Array.isArray(read(file).shape);
        } catch (error) {
          return error instanceof Error && !(error instanceof RangeError);
        }
      }),
    );
  });
});
