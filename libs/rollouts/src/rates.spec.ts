import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allowance, rateWindowMs, type OfferBatch } from './rates.js';

/** Offers as many as allowed, each time when told, late by so many ms; a new leader at every turn. */
function simulate(perMinute: number, minutes: number, late: (turn: number) => number): OfferBatch[] {
  const batches: OfferBatch[] = [];
  let now = 1_000_000;
  const end = now + minutes * rateWindowMs;
  for (let turn = 0; now < end; turn++) {
    const recent = batches.slice(-3_000).filter(({ atMs }) => atMs > now - rateWindowMs);
    const { devices, moreInMs } = allowance(perMinute, recent, now);
    if (devices > 0) batches.push({ atMs: now, devices });
    now += moreInMs + late(turn);
  }
  return batches;
}

/** Most offers in any minute, wherever it begins. */
function worstMinute(batches: readonly OfferBatch[]): number {
  let [worst, sum, first] = [0, 0, 0];
  for (const { atMs, devices } of batches) {
    sum += devices;
    while (batches[first]!.atMs <= atMs - rateWindowMs) sum -= batches[first++]!.devices;
    worst = Math.max(worst, sum);
  }
  return worst;
}

describe('allowance', () => {
  it.each([1, 7, 100, 1_000, 10_000])(
    'should keep %d devices per minute in every minute, and reach it',
    (rate) => {
      const batches = simulate(rate, 5, (turn) => (turn * 7) % 23);
      expect(worstMinute(batches)).toBeLessThanOrEqual(rate);
      const total = batches.reduce((sum, { devices }) => sum + devices, 0);
      expect(total).toBeGreaterThanOrEqual(Math.floor(4.9 * rate));
    },
  );

  it('should never pass the rate, however late its turns come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 2_000 }),
        fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 20 }),
        (rate, delays) => {
          const batches = simulate(rate, 3, (turn) => delays[turn % delays.length]!);
          expect(worstMinute(batches)).toBeLessThanOrEqual(rate);
        },
      ),
      { numRuns: 50 },
    );
  });

  it('should spread offers over the minute', () => {
    expect(allowance(1_000, [], 0).devices).toBe(20);
  });

  it('should count offers of a clock that went back as made now', () => {
    const future = [{ atMs: 90_000_000, devices: 100 }];
    expect(allowance(100, future, 1_000).devices).toBe(0);
    expect(allowance(100, future, 1_000).moreInMs).toBeLessThanOrEqual(rateWindowMs);
  });
});
