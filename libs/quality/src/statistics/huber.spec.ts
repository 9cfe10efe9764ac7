import { describe, expect, it } from '@jest/globals';
import { huberLocationScale } from './huber.js';
import { Random } from './random.js';

describe('location and scale by proposal 2', () => {
  const random = new Random(11);
  const values = Array.from({ length: 4_000 }, () => 3 + 2 * random.normal());

  it('should be mean and standard deviation where values are normal', () => {
    const { location, scale } = huberLocationScale(values, 0);
    expect(Math.abs(location - 3)).toBeLessThan(0.1);
    expect(Math.abs(scale - 2)).toBeLessThan(0.1);
  });

  it('should hardly move for a tenth that is far away', () => {
    const { location, scale } = huberLocationScale(
      values.map((x, i) => (i % 10 === 0 ? 1_000 : x)),
      0,
    );
    expect(Math.abs(location - 3)).toBeLessThan(0.6);
    expect(scale).toBeLessThan(3);
  });

  it('should have the least scale where nothing varies', () => {
    expect(huberLocationScale([5, 5, 5, 5], 0.5)).toEqual({ location: 5, scale: 0.5 });
  });
});
