/** Who waits in line for an identity, who is sent away, and what guesses cost. */
import { describe, expect, it } from '@jest/globals';
import { EnrolmentAttempts } from './enrolment-attempts.js';

const wrong = new Error('wrong');
const isGuess = (error: unknown) => error === wrong;

describe('EnrolmentAttempts', () => {
  it('should take as many of one source at once as the limit, in order, and send one more away', async () => {
    const attempts = new EnrolmentAttempts({ freeAttempts: 1, atOnce: 20 }, undefined, () => 0.99);
    const started: number[] = [];
    const open: (() => void)[] = [];
    const work = (i: number) => async () => {
      started.push(i);
      await new Promise<void>((resolve) => open.push(resolve));
      return i;
    };
    const all = Array.from({ length: 20 }, async (_, i) => attempts.run('nat', work(i), isGuess));
    await expect(attempts.run('nat', work(20), isGuess)).rejects.toMatchObject({
      code: 'provisioning.too-many-at-once',
      status: 429,
      data: { limit: 20, seconds: 5 },
    });
    await Promise.resolve();
    expect(started).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    // Another source waits its turn behind them.
    const other = attempts.run('elsewhere', async () => 'served', isGuess);
    for (let turn = 0; turn < 20; turn++) {
      for (const resolve of open.splice(0)) resolve();
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await Promise.all(all)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(await other).toBe('served');
    expect(await attempts.run('nat', async () => 'again', isGuess)).toBe('again');
  });

  it('should spread a crowd over as many seconds as it may take, and a minute at most', async () => {
    let now = 0;
    const attempts = new EnrolmentAttempts(
      { freeAttempts: 1, atOnce: 1 },
      () => now,
      () => 0.999,
    );
    void attempts.run('nat', async () => new Promise(() => {}), isGuess);
    const told = async (count: number) => {
      let seconds: unknown;
      for (let i = 0; i < count; i++)
        await attempts
          .run('nat', async () => 0, isGuess)
          .catch((error: unknown) => {
            seconds = (error as { data: { seconds: number } }).data.seconds;
          });
      return seconds;
    };
    expect(await told(1)).toBe(5);
    expect(await told(299)).toBe(30);
    expect(await told(700)).toBe(60);
    now = 10_000;
    expect(await told(1)).toBe(5);
  });

  it('should make a source wait after as many guesses as the limit, and not for other failures', async () => {
    let now = 0;
    const attempts = new EnrolmentAttempts({ freeAttempts: 3, atOnce: 20 }, () => now);
    const fail = async (error: unknown) =>
      attempts.run('nat', async () => Promise.reject(error as Error), isGuess);
    for (let i = 0; i < 10; i++) await expect(fail(new Error('quota'))).rejects.toThrow('quota');
    for (let i = 0; i < 3; i++) await expect(fail(wrong)).rejects.toBe(wrong);
    await expect(fail(wrong)).rejects.toMatchObject({
      code: 'provisioning.too-many-attempts',
      data: { seconds: 1 },
    });
    expect(await attempts.run('elsewhere', async () => 'served', isGuess)).toBe('served');
    now = 1_000;
    await expect(fail(wrong)).rejects.toBe(wrong);
    await expect(fail(wrong)).rejects.toMatchObject({ data: { seconds: 2 } });
  });
});
