// Tables against the same float32 operations done with glibc's expf, entry by entry.
import { describe, expect, it } from '@jest/globals';
import { crc32 } from './crc32.js';
import { int16Table } from './lookup-tables.js';

const bytes = (values: readonly number[]): Uint8Array => new Uint8Array(Int16Array.from(values).buffer);
const output = { scale: 2 / 65_535, zeroPoint: 0 };

describe('int16Table', () => {
  it('should make the exponentials of the int16 softmax', () => {
    const table = int16Table({ scale: 10 / 65_535, zeroPoint: 32_767 }, output, Math.exp);
    expect(table).toHaveLength(513);
    expect(table.slice(-3)).toEqual([31_512, 32_133, 32_767]);
    expect(crc32(bytes(table))).toBe(2_893_938_602);
  });

  it('should make the reciprocals of the int16 softmax', () => {
    const table = int16Table(
      { scale: 1 / 65_535, zeroPoint: -32_768 },
      output,
      (x) => 1 / Math.fround(1 + x),
    );
    expect(table.slice(0, 3)).toEqual([32_767, 32_704, 32_640]);
    expect(crc32(bytes(table))).toBe(972_789_333);
  });

  it('should clamp what the output cannot hold', () => {
    const table = int16Table({ scale: 1, zeroPoint: 0 }, output, (x) => x);
    expect([table[0], table[512]]).toEqual([-32_768, 32_767]);
  });
});
