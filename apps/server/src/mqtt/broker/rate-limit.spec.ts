import { describe, expect, it } from '@jest/globals';
import { RateLimit } from './rate-limit.js';

describe('RateLimit', () => {
  it('should let a burst pass at the limit and refuse one more', () => {
    const limit = new RateLimit(10, 5, 0);
    expect(Array.from({ length: 6 }, () => limit.take(0))).toEqual([true, true, true, true, true, false]);
  });

  it('should refill at its rate and never beyond the burst', () => {
    const limit = new RateLimit(10, 2, 0);
    limit.take(0);
    limit.take(0);
    expect(limit.take(99)).toBe(false);
    expect(limit.take(200)).toBe(true);
    expect([limit.take(100_000), limit.take(100_000), limit.take(100_000)]).toEqual([true, true, false]);
  });
});
