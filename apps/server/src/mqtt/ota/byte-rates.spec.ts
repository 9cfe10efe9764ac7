import { describe, expect, it } from '@jest/globals';
import { ByteRates } from './byte-rates.js';

describe('ByteRates', () => {
  it('should let no second have more than the rate and its burst, over all devices of a project', () => {
    const rates = new ByteRates();
    const sent = Array.from({ length: 100 }, () => rates.take('p', 10_000, 1_000, 0));
    expect(sent[0]).toBe(0);
    expect(sent.filter((waitMs) => waitMs <= 1_000).length).toBe(11);
    expect(sent.at(-1)).toBe(9_900);
  });

  it('should not let one project wait for another', () => {
    const rates = new ByteRates();
    for (let i = 0; i < 100; i++) rates.take('p', 10_000, 1_000, 0);
    expect(rates.take('q', 10_000, 1_000, 0)).toBe(0);
  });

  it('should take back bytes that nobody waits for', () => {
    const rates = new ByteRates();
    for (let i = 0; i < 11; i++) rates.take('p', 10_000, 1_000, 0);
    for (let i = 0; i < 10; i++) rates.giveBack('p', 1_000);
    expect(rates.take('p', 10_000, 1_000, 0)).toBe(100);
  });

  it('should send at the rate in the long run', () => {
    const rates = new ByteRates();
    let now = 0;
    for (let i = 0; i < 1_000; i++) now += rates.take('p', 10_000, 1_000, now);
    expect(now).toBeGreaterThan(99_000);
    expect(now).toBeLessThan(101_000);
  });
});
