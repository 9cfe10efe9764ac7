/** Whose failures are held up, and for how long. */
import { describe, expect, it, jest } from '@jest/globals';
import { AuthThrottle, throttleDefaults } from './auth-throttle.js';

describe('AuthThrottle', () => {
  const stranger = '198.51.100.7';
  const home = '192.0.2.1';

  it('should hold up a client id at its limit where it failed, and not elsewhere', () => {
    const throttle = new AuthThrottle(throttleDefaults, () => 0);
    for (let i = 0; i < throttleDefaults.clientFailures; i++) {
      expect(throttle.isHeld(stranger, 'p/pump')).toBe(false);
      throttle.failed(stranger, 'p/pump');
    }
    expect(throttle.isHeld(stranger, 'p/pump')).toBe(true);
    expect(throttle.isHeld(stranger, 'p/other')).toBe(false);
    // It never connected from here before: a mobile network gave it a new address.
    expect(throttle.isHeld(home, 'p/pump')).toBe(false);
  });

  it('should hold up an address at its limit, under whatever names it fails', () => {
    let now = 0;
    const throttle = new AuthThrottle(throttleDefaults, () => now);
    for (let i = 0; i < throttleDefaults.addressFailures; i++) {
      expect(throttle.isHeld(stranger, 'p/new')).toBe(false);
      throttle.failed(stranger, `p/bad-${i}`);
    }
    expect(throttle.isHeld(stranger, 'p/new')).toBe(true);
    expect(throttle.isHeld(home, 'p/new')).toBe(false);
    now = 60_000 / throttleDefaults.addressFailuresPerMinute;
    expect(throttle.isHeld(stranger, 'p/new')).toBe(false);
  });

  it('should let as many answers wait as the limit, and give one more at once', () => {
    jest.useFakeTimers();
    try {
      const throttle = new AuthThrottle({ ...throttleDefaults, maxWaiting: 2 });
      const given: number[] = [];
      for (const i of [1, 2, 3]) throttle.answer(() => given.push(i));
      expect(given).toEqual([3]);
      jest.advanceTimersByTime(throttleDefaults.answerAfterMs);
      expect(given).toEqual([3, 1, 2]);
      throttle.answer(() => given.push(4));
      expect(given).toEqual([3, 1, 2]);
    } finally {
      jest.useRealTimers();
    }
  });

  it('should remember as many sources as the limit and forget the oldest', () => {
    const throttle = new AuthThrottle({ ...throttleDefaults, addressFailures: 1, maxTracked: 2 }, () => 0);
    for (const address of [stranger, home, '203.0.113.1']) throttle.failed(address, 'p/x');
    expect(throttle.tracked).toBe(2);
    expect(throttle.isHeld(stranger, 'p/y')).toBe(false);
    expect(throttle.isHeld(home, 'p/y')).toBe(true);
  });
});
