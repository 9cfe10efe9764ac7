import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { assignSteps, bucketOf, stableHash } from './plan.js';

const fleet = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ name: `demo-${String(i).padStart(3, '0')}` }));

describe('assignSteps', () => {
  it('should admit exactly the asked share, at least one device', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.integer({ min: 1, max: 99 }), (n, percent) => {
        const first = assignSteps('r', fleet(n), [percent, 100]).filter(({ step }) => step === 0);
        expect(first.length).toBe(Math.ceil((percent * n) / 100));
      }),
    );
  });

  it('should give every device a step and the same one again', () => {
    const once = assignSteps('r', fleet(50), [10, 50, 100]);
    expect(once.filter(({ step }) => step < 0)).toEqual([]);
    expect(assignSteps('r', fleet(50).reverse(), [10, 50, 100])).toEqual(once);
  });

  it('should choose other canaries for another rollout', () => {
    const canaries = (id: string) =>
      assignSteps(id, fleet(50), [10, 100])
        .filter(({ step }) => step === 0)
        .map(({ device }) => device.name);
    expect(canaries('a')).not.toEqual(canaries('b'));
  });
});

describe('stableHash', () => {
  it('should never change: rollouts in progress depend on it', () => {
    expect([stableHash('demo-001'), stableHash('demo-002')]).toEqual([60705749, 648394792]);
  });

  it('should spread names that differ in their last character', () => {
    const buckets = fleet(1_000).map(({ name }) => Math.floor(bucketOf('r', name) / 1_000));
    for (let i = 0; i < 10; i++)
      expect(Math.abs(buckets.filter((b) => b === i).length - 100)).toBeLessThan(40);
  });
});
