/** Slowing down of guesses, at the limit and one beyond. */
import { describe, expect, it } from '@jest/globals';
import { LoginLimiter, loginLimits } from './login-limiter.js';

describe('LoginLimiter', () => {
  const setUp = (limits = loginLimits) => {
    let now = 1_000_000;
    const limiter = new LoginLimiter(limits, () => now);
    return { limiter, pass: (ms: number) => void (now += ms) };
  };
  const failTimes = (limiter: LoginLimiter, times: number, key = 'a') => {
    for (let i = 0; i < times; i++) limiter.fail([key]);
  };

  it('should let the free attempts pass and hold the next one', () => {
    const { limiter } = setUp();
    failTimes(limiter, loginLimits.freeAttempts - 1);
    expect(limiter.waitMs(['a'])).toBe(0);
    limiter.fail(['a']);
    expect(limiter.waitMs(['a'])).toBe(loginLimits.firstWaitMs);
    expect(limiter.waitMs(['b'])).toBe(0);
    expect(limiter.waitMs(['b', 'a'])).toBe(loginLimits.firstWaitMs);
  });

  it('should double the wait with each failure up to the longest', () => {
    const { limiter } = setUp();
    failTimes(limiter, loginLimits.freeAttempts + 2);
    expect(limiter.waitMs(['a'])).toBe(loginLimits.firstWaitMs * 4);
    failTimes(limiter, 100);
    expect(limiter.waitMs(['a'])).toBe(loginLimits.maxWaitMs);
  });

  it('should allow an attempt when the wait is over, and forget after a success or a long time', () => {
    const { limiter, pass } = setUp();
    failTimes(limiter, loginLimits.freeAttempts);
    pass(loginLimits.firstWaitMs);
    expect(limiter.waitMs(['a'])).toBe(0);
    failTimes(limiter, 3);
    limiter.succeed(['a']);
    expect(limiter.waitMs(['a'])).toBe(0);
    failTimes(limiter, loginLimits.freeAttempts + 20);
    pass(loginLimits.forgetMs);
    expect(limiter.waitMs(['a'])).toBe(0);
    limiter.fail(['a']);
    expect(limiter.waitMs(['a'])).toBe(0);
  });

  it('should remember no more keys than its limit, the newest', () => {
    const { limiter } = setUp({ ...loginLimits, freeAttempts: 1, maxKeys: 3 });
    for (const key of ['a', 'b', 'c', 'd']) limiter.fail([key]);
    expect(['a', 'b', 'c', 'd'].map((key) => limiter.waitMs([key]) > 0)).toEqual([false, true, true, true]);
  });
});
