import { describe, expect, it } from '@jest/globals';
import { defaultGateKinds } from '@tinyfleet/contracts';
import type { CohortWindow } from '@tinyfleet/quality';
import fc from 'fast-check';
import { CohortHours, classMetric } from './cohort-hours.js';
import type { GatePolicy } from './kinds.js';
import type { CohortMember } from './ledger.js';

const minute = 60_000;
const policy: GatePolicy = {
  gates: [...defaultGateKinds, 'class-mix' as const].map((kind) => ({ kind })),
  alpha: 0.05,
  power: 0.95,
  windowSeconds: 300,
  warmUpSeconds: 0,
};
const window = (given: Partial<CohortWindow>): CohortWindow => ({
  device: 'd',
  type: 'alpha',
  site: 'north',
  windowStartMs: 0,
  windowMs: 60 * minute,
  n: 10,
  confidenceBins: 4,
  classes: [0, 0, 0, 8, 2, 0, 0, 0],
  ood: [10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
  counters: [0, 0, 0, 0, 0, 0],
  cyclesMean: 1_000,
  batteryPercent: null,
  labelled: 0,
  correct: 0,
  ...given,
});
const members = (['step', 'control'] as const).map((arm): CohortMember => ({
  device: 'd',
  arm,
  type: 'alpha',
  site: 'north',
}));

/** The step's mean difference in one metric. */
function difference(step: CohortWindow[], control: CohortWindow[], metric: string): number {
  const hours = new CohortHours();
  hours.add('step', step);
  hours.add('control', control);
  const { residual, trials } = hours.ledger(members, policy).sums(metric)!;
  return residual[0]! / trials[0]!;
}

describe('CohortHours', () => {
  it('should take the middle of each confidence bin', () => {
    // Control: 8 x .875 + 2 x .125 of 10 = .725; step: all in bin 1 = .375.
    const step = window({ classes: [0, 10, 0, 0, 0, 0, 0, 0] });
    expect(difference([step], [window({})], 'confidence')).toBeCloseTo(0.375 - 0.725, 12);
  });

  it('should count classes, the last bin of the score, labels and latency in percent', () => {
    const step = window({
      classes: [0, 0, 0, 5, 5, 0, 0, 0],
      ood: [9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
      labelled: 4,
      correct: 3,
      cyclesMean: 1_100,
    });
    const control = window({ labelled: 10, correct: 9 });
    expect(difference([step], [control], classMetric(0))).toBeCloseTo(-0.3, 12);
    expect(difference([step], [control], 'ood')).toBeCloseTo(0.1, 12);
    expect(difference([step], [control], 'accuracy')).toBeCloseTo(-0.15, 12);
    expect(difference([step], [control], 'latency')).toBeCloseTo(0.1, 12);
  });

  it('should count the boots since the window before, one of a short window and no more than 24 a day', () => {
    const at = (minutes: number, boots: number, windowMs = 5 * minute): CohortWindow =>
      window({ windowStartMs: minutes * minute, windowMs, counters: [0, 0, 0, 0, 0, boots] });
    const resets = (...step: CohortWindow[]): number => difference(step, [at(0, 900), at(5, 900)], 'resets');
    expect(resets(at(0, 70), at(5, 70))).toBeCloseTo(0, 6);
    expect(resets(at(0, 70), at(5, 71))).toBeCloseTo(288, 6);
    expect(resets(at(0, 70), at(5, 120))).toBeCloseTo(288, 6);
    // Those between were lost with the resets.
    expect(resets(at(-180, 0), at(0, 50))).toBeCloseTo(24, 6);
    // Sixteen bits are full.
    expect(resets(at(0, 65_535), at(5, 0))).toBeCloseTo(288, 6);
  });

  it('should measure what a battery lost between windows, and nothing while it is charged', () => {
    const at = (hours: number, percent: number): CohortWindow =>
      window({ windowStartMs: hours * 60 * minute, batteryPercent: percent });
    const control = [at(0, 90), at(1, 89), at(2, 88), at(3, 87)];
    // 3 points in one hour, then charged, then 2 in one hour: 5 in two hours against 1 an hour.
    const step = [at(0, 50), at(1, 47), at(2, 90), at(3, 88)];
    expect(difference(step, control, 'energy')).toBeCloseTo((2.5 - 1) * 24, 6);
  });

  it('should come to the same sums in any order and in any parts', () => {
    const windows = Array.from({ length: 12 }, (_, i) =>
      window({ windowStartMs: i * 20 * minute, labelled: 3, correct: i % 4, cyclesMean: 1_000 + i }),
    );
    const wanted = difference(windows, [window({ windowStartMs: 0, labelled: 1, correct: 1 })], 'latency');
    fc.assert(
      fc.property(
        fc.shuffledSubarray(windows, { minLength: 12, maxLength: 12 }),
        fc.nat(12),
        (mixed, cut) => {
          const hours = new CohortHours();
          hours.add('control', [window({ labelled: 1, correct: 1 })]);
          hours.add('step', mixed.slice(cut));
          hours.add('step', mixed.slice(0, cut));
          const { residual, trials } = hours.ledger(members, policy).sums('latency')!;
          expect(residual[0]! / trials[0]!).toBeCloseTo(wanted, 10);
        },
      ),
      { numRuns: 30 },
    );
  });

  it('should follow the classes that the control predicts most, eight at most', () => {
    const hours = new CohortHours();
    const counts = Array.from({ length: 12 }, (_, i) => i);
    hours.add('control', [window({ confidenceBins: 1, classes: counts })]);
    expect(hours.commonClasses()).toEqual([11, 10, 9, 8, 7, 6, 5, 4]);
    expect(hours.ledger(members, policy).classCount).toBe(12);
  });
});
