/** A drawing that decides over a fleet is right to the point. */
import { describe, expect, it } from '@jest/globals';
import { intervalOf, percentAt } from './interval.js';

describe('intervalOf', () => {
  it('should put equal in the middle and every margin at the same place', () => {
    for (const margin of [0.2, 3, 10]) {
      const drawn = intervalOf({ margin, difference: -margin, low: -2 * margin, high: 0 });
      expect([drawn?.bar?.from, drawn?.dot, drawn?.bar?.to]).toEqual([
        expect.closeTo(0.1),
        expect.closeTo(0.3),
        0.5,
      ]);
      expect(drawn?.ends.map(({ way }) => way)).toEqual(['here', 'here']);
    }
    expect([-1, 0].map(percentAt)).toEqual(['30.00%', '50.00%']);
  });

  it('should point to bounds beyond the axis', () => {
    const drawn = intervalOf({ margin: 3, difference: -5, low: -40, high: 40 });
    expect(drawn?.bar).toEqual({ from: 0, to: 1 });
    expect(drawn?.ends).toEqual([
      { share: 0, way: 'left' },
      { share: 1, way: 'right' },
    ]);
    expect(drawn?.dot).toBeCloseTo(0.166, 2);
  });

  it('should point to the side where all of it lies', () => {
    const worse = intervalOf({ margin: 4, difference: -100, low: -102, high: -96 });
    expect(worse).toMatchObject({ dot: undefined, ends: [{ share: 0, way: 'left' }] });
    const better = intervalOf({ margin: 4, difference: 100, low: 96, high: 102 });
    expect(better).toMatchObject({ dot: undefined, ends: [{ share: 1, way: 'right' }] });
  });

  it('should draw nothing where nothing is known, and a dot without bounds', () => {
    expect(intervalOf({ margin: 3, difference: null, low: null, high: null })).toBeUndefined();
    expect(intervalOf({ margin: 3, difference: 0, low: null, high: null })).toEqual({
      dot: 0.5,
      bar: undefined,
      ends: [],
    });
  });
});
