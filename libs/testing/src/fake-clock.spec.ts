// FakeClock: time moves only by `advance`.
import { describe, expect, it } from '@jest/globals';
import { FakeClock } from './fake-clock.js';

describe('FakeClock', () => {
  it('should show the same time until it is moved', async () => {
    const clock = new FakeClock(1_000);
    expect(clock.now()).toBe(1_000);
    await clock.advance(250);
    expect(clock.now()).toBe(1_250);
    expect(clock.monotonicUs()).toBe(250_000n);
    expect(clock.date().getTime()).toBe(1_250);
  });

  it('should wake sleepers in the order of their times and show each its own time', async () => {
    const clock = new FakeClock(0);
    const woken: string[] = [];
    void clock.sleep(200).then(() => woken.push(`late at ${clock.now()}`));
    void clock.sleep(100).then(() => woken.push(`early at ${clock.now()}`));
    await clock.advance(150);
    expect(woken).toEqual(['early at 100']);
    await clock.advance(100);
    expect(woken).toEqual(['early at 100', 'late at 200']);
  });

  it('should run a loop that sleeps again within one step', async () => {
    const clock = new FakeClock(0);
    const ticks: number[] = [];
    void (async () => {
      for (let i = 0; i < 3; i++) {
        await clock.sleep(10);
        ticks.push(clock.now());
      }
    })();
    await clock.advance(100);
    expect(ticks).toEqual([10, 20, 30]);
  });

  it('should refuse to move backwards', async () => {
    await expect(new FakeClock().advance(-1)).rejects.toThrow(RangeError);
  });
});
