import { describe, expect, it } from '@jest/globals';
import { attributeLimits, changeAttributes, checkAttribute } from './attributes.js';

const { maxCount, maxKeyLength, maxValueBytes } = attributeLimits;
const filled = (n: number) => Object.fromEntries(Array.from({ length: n }, (_, i) => [`k${i}`, i]));

describe('attributes', () => {
  it('should take values at each limit and refuse one more', () => {
    expect(() => checkAttribute('k'.repeat(maxKeyLength), 'é'.repeat(maxValueBytes / 2))).not.toThrow();
    for (const [key, value] of [
      ['k'.repeat(maxKeyLength + 1), 1],
      ['k', `${'é'.repeat(maxValueBytes / 2)}x`],
    ] as const)
      expect(() => checkAttribute(key, value)).toThrow(
        expect.objectContaining({ code: 'registry.attribute-invalid' }),
      );
    expect(Object.keys(changeAttributes({}, filled(maxCount)))).toHaveLength(maxCount);
    expect(() => changeAttributes({}, filled(maxCount + 1))).toThrow(
      expect.objectContaining({ code: 'registry.attributes-too-many' }),
    );
  });

  it.each([
    ['', 1],
    ['9lives', 1],
    ['a.b', 1],
    ['a b', 1],
    ['é', 1],
    ['a', Number.NaN],
    ['a', Infinity],
    ['a', 'nul\0'],
    ['a', 'half \ud800'],
  ])('should refuse %j = %j', (key, value) => {
    expect(() => checkAttribute(key, value)).toThrow(
      expect.objectContaining({ code: 'registry.attribute-invalid' }),
    );
  });

  it('should set, keep and remove, also below a limit that was lowered', () => {
    expect(changeAttributes({ a: 1, b: 'x' }, { a: null, c: true })).toEqual({ b: 'x', c: true });
    expect(changeAttributes({ a: 1, b: 2 }, { a: 3 }, { ...attributeLimits, maxCount: 1 })).toEqual({
      a: 3,
      b: 2,
    });
    expect(
      Object.getPrototypeOf(changeAttributes({}, JSON.parse('{"constructor": 1}') as Record<string, number>)),
    ).toBe(Object.prototype);
  });
});
