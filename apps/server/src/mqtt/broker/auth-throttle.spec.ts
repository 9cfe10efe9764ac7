/** Whom failed logins hold up, and whom not. */
import { describe, expect, it } from '@jest/globals';
import { AuthThrottle, throttleDefaults } from './auth-throttle.js';

describe('AuthThrottle', () => {
  const stranger = '198.51.100.7';
  const home = '192.0.2.1';

  it('should hold up a client id where it failed, and not its device elsewhere', () => {
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

  it('should hold up an address that fails under many names, but nobody who has proven himself there', () => {
    const throttle = new AuthThrottle(throttleDefaults, () => 0);
    throttle.succeeded(stranger, 'p/good');
    for (let i = 0; i < throttleDefaults.addressFailures; i++) throttle.failed(stranger, `p/bad-${i}`);
    expect(throttle.isHeld(stranger, 'p/new')).toBe(true);
    expect(throttle.isHeld(stranger, 'p/good')).toBe(false);
    expect(throttle.isHeld(home, 'p/new')).toBe(false);
  });
});
