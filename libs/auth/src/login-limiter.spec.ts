/** Slowing down of guesses, at the limit and one beyond. */
import { describe, expect, it } from '@jest/globals';
import { LoginLimiter, loginLimits, type LoginLimits } from './login-limiter.js';

describe('LoginLimiter', () => {
  const setUp = (limits: Partial<LoginLimits> = {}) => {
    let now = 1_000_000;
    const limiter = new LoginLimiter({ ...loginLimits, ...limits }, () => now);
    const tryIt = (source = 's', account: string | undefined = 'a') => limiter.begin(source, account);
    return {
      limiter,
      pass: (ms: number) => void (now += ms),
      /** Milliseconds to wait; 0 = it was counted. */
      fail: (source?: string, account?: string): number => {
        const attempt = tryIt(source, account);
        return 'waitMs' in attempt ? attempt.waitMs : 0;
      },
      succeed: (source?: string, account?: string): void => {
        const attempt = tryIt(source, account);
        if ('waitMs' in attempt) throw new Error('refused');
        limiter.succeed(attempt);
      },
    };
  };
  const free = loginLimits.freeAttempts;
  const times = (count: number, work: () => number): number[] => Array.from({ length: count }, () => work());

  it('should let the free attempts pass and hold the next one, even when they begin together', () => {
    const { fail } = setUp();
    expect(times(free, fail)).toEqual(times(free, () => 0));
    expect(fail()).toBe(loginLimits.firstWaitMs);
    expect(fail('s', 'b')).toBe(0);
  });

  it('should hold an account for every stranger, wherever he comes from', () => {
    const { fail } = setUp();
    for (let i = 0; i < free; i++) expect(fail(`source ${i}`)).toBe(0);
    expect(fail('another')).toBe(loginLimits.firstWaitMs);
  });

  it('should hold a source that tries many accounts, at its own limit', () => {
    const { fail } = setUp();
    for (let i = 0; i < loginLimits.freeAttemptsPerSource; i++) expect(fail('s', `account ${i}`)).toBe(0);
    expect(fail('s', 'one more')).toBe(loginLimits.firstWaitMs);
    expect(fail('t', 'one more')).toBe(0);
  });

  it('should not pay for guesses at others with logins to an own account', () => {
    const { fail, succeed } = setUp({ freeAttemptsPerSource: 4 });
    for (let i = 0; i < 3; i++) {
      expect(fail('s', `victim ${i}`)).toBe(0);
      succeed('s', 'own');
    }
    expect(fail('s', 'victim 3')).toBe(0);
    expect(fail('s', 'victim 4')).toBeGreaterThan(0);
  });

  it('should not lock an owner out of the source he has logged in from', () => {
    const { fail, succeed } = setUp();
    succeed('home');
    times(free + 3, () => fail('elsewhere'));
    expect(fail('elsewhere')).toBeGreaterThan(0);
    succeed('home');
    times(free, () => fail('home'));
    expect(fail('home')).toBeGreaterThan(0);
  });

  it('should double the wait with each attempt up to the longest', () => {
    const { fail, pass } = setUp();
    times(free, fail);
    const waits = times(12, () => {
      const wait = fail();
      pass(wait);
      fail();
      return wait;
    });
    expect(waits.slice(0, 4)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect(waits.at(-1)).toBe(loginLimits.maxWaitMs);
  });

  it('should allow an attempt when the wait is over, and forget after a success or a long time', () => {
    const { fail, pass, succeed } = setUp();
    times(free, fail);
    pass(loginLimits.firstWaitMs - 1);
    expect(fail()).toBe(1);
    pass(1);
    succeed();
    expect(times(free, fail)).toEqual(times(free, () => 0));
    expect(fail()).toBeGreaterThan(0);
    pass(loginLimits.forgetMs);
    expect(fail()).toBe(0);
  });

  it('should remember no more keys than its limit, the newest', () => {
    const { fail } = setUp({ freeAttempts: 1, maxKeys: 4 });
    for (const account of ['a', 'b', 'c']) fail(`from ${account}`, account);
    expect(fail('x', 'a')).toBe(0);
    expect(fail('y', 'c')).toBeGreaterThan(0);
  });
});
