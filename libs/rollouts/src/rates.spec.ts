import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { allowance, rateWindowMs, type OfferBatch } from './rates.js';

/** Offers as many as allowed, each time when told, late by so many ms; a new leader at every turn. */
function simulate(
  perMinute: number,
  minutes: number,
  late: (turn: number) => number,
  aheadMs = 0,
): OfferBatch[] {
  const batches: OfferBatch[] = [];
  let now = 1_000_000;
  const end = now + minutes * 60_000;
  for (let turn = 0; now < end; turn++) {
    const recent = batches.slice(-3_000).filter(({ atMs }) => atMs > now - rateWindowMs);
    const { devices, moreInMs } = allowance(perMinute, recent, now, aheadMs);
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
      const batches = simulate(rate, 3, (turn) => (turn * 7) % 23);
      expect(worstMinute(batches)).toBeLessThanOrEqual(rate);
      const total = batches.reduce((sum, { devices }) => sum + devices, 0);
      expect(total).toBeGreaterThanOrEqual(Math.floor(2.9 * rate));
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

  it('should allow the last one of a minute, and not one more', () => {
    const after = (made: number) => allowance(100, [{ atMs: 0, devices: made }], rateWindowMs / 10);
    expect(after(99).devices).toBe(1);
    expect(after(100)).toEqual({ devices: 0, moreInMs: 0.9 * rateWindowMs });
    // What has gathered in the bucket meanwhile is bounded as well: a turn that comes late makes no burst.
    expect(after(90).devices).toBe(10);
    expect(allowance(100, [{ atMs: 0, devices: 1 }], 59_000).devices).toBe(10);
  });

  it('should spread offers over the minute', () => {
    expect(allowance(1_000, [], 0).devices).toBe(2);
    const steady = simulate(1_000, 3, () => 0);
    expect(Math.max(...steady.map(({ devices }) => devices))).toBeLessThanOrEqual(4);
  });

  it('should make up for turns that come late by up to six seconds', () => {
    const batches = simulate(900, 5, (turn) => (turn % 40 === 39 ? 5_000 : 50));
    const total = batches.reduce((sum, { devices }) => sum + devices, 0);
    expect(total).toBeGreaterThanOrEqual((4.95 * 900 * 60_000) / rateWindowMs);
  });

  it('should offer ahead what the wire is to have in hand, and no more', () => {
    expect(allowance(900, [], 0, 2_000).devices).toBe(29 + 2);
    const batches = simulate(900, 5, () => 0, 2_000);
    expect(worstMinute(batches)).toBeLessThanOrEqual(929);
    const total = batches.reduce((sum, { devices }) => sum + devices, 0);
    expect(total).toBeGreaterThanOrEqual(5 * 897 + 20);
    expect(total).toBeLessThanOrEqual(5 * 897 + 29 + 4);
  });

  it('should count offers of a clock that went back as made now', () => {
    const future = [{ atMs: 90_000_000, devices: 100 }];
    expect(allowance(100, future, 1_000).devices).toBe(0);
    expect(allowance(100, future, 1_000).moreInMs).toBeLessThanOrEqual(rateWindowMs);
  });
});
