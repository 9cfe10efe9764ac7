import { describe, expect, it } from '@jest/globals';
import { verdictFor, withinShares } from './evidence.js';
import type { Found } from './incidents.js';
import { streamsOf, type RoundSums, type WatchReference } from './reference.js';

const reference: WatchReference = {
  ...{ bins: 1, labels: ['normal', 'imbalance', 'bearing'], classes: [0.75, 0.15, 0.1] },
  ...{ confidence: null, ood: null, features: [], counters: [0, 0, 0, 0], n: 10_000, presence: 1 },
};
const still = { windows: 0, shift: 0, score: 0 };
/** What scores say of the first windows goes beyond what can be. */
const found: Found = {
  ...{
    scope: { kind: 'device', device: 0 },
    subject: 'device=d1',
    stream: 1,
    shift: 1.04,
    windows: 3,
    devices: [0],
  },
  standings: streamsOf(reference).map((_, s) => {
    if (s > 1) return still;
    return { windows: 3, shift: s === 0 ? -1.02 : 0.99, score: s === 0 ? -30 : 31 };
  }),
};
const sumsOf = (...classes: number[]): RoundSums => ({
  ...{ n: 100, classes, ood: null, features: null, counters: [0, 0, 0, 0] },
});
const statement = (given: { readonly rests: readonly (number | undefined)[] }) =>
  verdictFor(found, reference, {
    ...{ sums: [sumsOf(4, 94, 2), sumsOf(2, 96, 2)], newest: [sumsOf(2, 96, 2)], sinceActivation: undefined },
    ...{ name: () => 'd1', ...given },
  }).evidence.find((one) => one.startsWith('other classes'));

describe('the evidence of other classes', () => {
  it('should be the shares that were counted, and those of the device before', () => {
    expect(statement({ rests: [-0.84, 0.85, 0] })).toBe(
      'other classes: normal 3.0 %, before 86 %; imbalance 95 %, before 11 %; bearing 2.0 %, before 2.0 %',
    );
  });

  it('should never be more than all nor less than none', () => {
    expect(statement({ rests: [] })).toBe(
      'other classes: normal 3.0 %, before 100 %; imbalance 95 %, before 0.0 %; bearing 2.0 %, before 2.0 %',
    );
    const { shift, standings } = withinShares(found, reference);
    expect([shift, standings[0]!.shift, standings[1]!.shift]).toEqual([1, -1, 0.99]);
  });
});
