/** Rates by key, at the limit and one beyond, in bounded memory. */
import { describe, expect, it } from '@jest/globals';
import { Throttle, sourceOf } from './throttle.js';

describe('Throttle', () => {
  it('should let the burst pass, hold the next one and say for how long', () => {
    let now = 0;
    const throttle = new Throttle({ perSecond: 10, burst: 3, maxKeys: 10 }, () => now);
    expect([1, 2, 3].map(() => throttle.take('a'))).toEqual([0, 0, 0]);
    expect(throttle.take('a')).toBe(100);
    expect(throttle.take('b')).toBe(0);
    now = 99;
    expect(throttle.take('a')).toBe(1);
    now = 100;
    expect(throttle.take('a')).toBe(0);
    expect(throttle.take('a')).toBe(100);
    now = 60_000;
    expect([1, 2, 3].map(() => throttle.take('a'))).toEqual([0, 0, 0]);
    expect(throttle.take('a')).toBe(100);
  });

  it('should keep no more keys than its limit, those used last', () => {
    const throttle = new Throttle({ perSecond: 1, burst: 1, maxKeys: 3 }, () => 0);
    for (const key of ['a', 'b', 'c', 'a', 'd']) throttle.take(key);
    expect(throttle.size).toBe(3);
    expect(['a', 'd', 'c'].map((key) => throttle.take(key) > 0)).toEqual([true, true, true]);
    expect(throttle.take('b')).toBe(0);
  });
});

describe('sourceOf', () => {
  it('should take an IPv4 address as it is, also inside IPv6, and the /64 of an IPv6 address', () => {
    expect(sourceOf('192.0.2.7')).toBe('192.0.2.7');
    expect(sourceOf('::ffff:192.0.2.7')).toBe('192.0.2.7');
    expect(sourceOf('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
    expect(sourceOf('2001:0db8:1:2::9')).toBe('2001:db8:1:2::/64');
    expect(sourceOf('2001:db8::1')).toBe('2001:db8:0:0::/64');
    expect(sourceOf('::1')).toBe('0:0:0:0::/64');
    expect(sourceOf('fe80::1%eth0')).toBe('fe80:0:0:0::/64');
  });
});
