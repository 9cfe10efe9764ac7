// The layout rules of docs/spec/bundle.yaml: alignment is refused, never silently padded.
import { describe, expect, it } from '@jest/globals';
import { layoutRecord } from '../bundle.mjs';

describe('layoutRecord', () => {
  it('should place fields in order and round the record up to 4 bytes', () => {
    const { fields, bytes } = layoutRecord('r', ['a u8', 'b i8 meaning of b', 'c u16[3] many', 'd u8']);
    expect(fields.map((f) => [f.name, f.offset, f.count])).toEqual([
      ['a', 0, 1],
      ['b', 1, 1],
      ['c', 2, 3],
      ['d', 8, 1],
    ]);
    expect(fields[1]).toMatchObject({ type: 'i8', doc: 'meaning of b' });
    expect(bytes).toBe(12);
  });

  it('should read the one-line form', () => {
    expect(layoutRecord('r', 'outer u32 product, inner i16[2]').fields).toMatchObject([
      { name: 'outer', offset: 0, doc: 'product' },
      { name: 'inner', offset: 4, count: 2 },
    ]);
  });

  it.each([
    ['a misaligned field', ['a u8', 'b u16'], /b: offset 1 is misaligned/],
    ['a name used twice', ['a u8', 'a u8'], /named twice/],
    ['an unknown type', ['a f64'], /cannot read field/],
    ['a field without type', ['a'], /cannot read field/],
  ])('should refuse %s', (_, lines, message) => {
    expect(() => layoutRecord('r', lines)).toThrow(message);
  });
});
