import { describe, expect, it } from '@jest/globals';
import { cohortWords, differenceOf, labelledCohort, lentBetween, MOST_DEVICES } from './cohorts.js';
import { wilsonInterval } from './wilson.js';

const estimate = (value: number, variance: number, calibration = 0, shift = 0) => ({
  pooled: { value, variance, between: 0, devices: [] },
  calibration,
  shift,
});
const cohort = { devices: 4, abstains: null, labelled: null };
const silent = { devices: 4, labelled: null, abstains: { reason: 'x', words: 'too little is known' } };

describe('differenceOf', () => {
  it('should add variances of devices, validation data in squares and shifts as they are', () => {
    const { value, low, high } = differenceOf(
      estimate(0.9, 0.0009, 0.03, 0.01),
      estimate(0.8, 0.0016, 0.04, 0.02),
      2,
    );
    expect(value).toBeCloseTo(0.1);
    // 2 x 0.05 + 0.05 + 0.03
    expect(high - value).toBeCloseTo(0.18);
    expect(value - low).toBeCloseTo(0.18);
  });

  it('should stay within what accuracies can differ by', () => {
    expect(differenceOf(estimate(1, 1), estimate(0, 1), 2)).toMatchObject({ low: -1, high: 1 });
  });
});

describe('labelledCohort', () => {
  const z = 1.645;
  const devices = (...correct: number[]) => correct.map((one) => ({ n: 50, correct: one }));

  it('should be as sure as that many independent labels where devices are alike', () => {
    const set = { devices: 4, n: 200, correct: 180, value: 0.9 };
    expect(labelledCohort(devices(45, 45, 45, 45), z)).toEqual({ ...set, ...wilsonInterval(180, 200, z) });
  });

  it('should be less sure where devices differ by more than chance', () => {
    const { low, high } = labelledCohort(devices(50, 50, 50, 30), z)!;
    // Shares 1, 1, 1 and 0.6: a standard error of 0.1 instead of 0.02.
    expect(high - low).toBeGreaterThan(0.25);
  });

  it('should stand by chance alone for one device, and for no label at all say nothing', () => {
    expect(labelledCohort(devices(45), z)).toMatchObject({ value: 0.9, ...wilsonInterval(45, 50, z) });
    expect(labelledCohort(devices(50, 50), z)).toMatchObject({ value: 1, high: 1 });
    expect(labelledCohort([], z)).toBeNull();
  });
});

describe('lentBetween', () => {
  const of = (devices: number, between: number) => {
    const one = estimate(0.9, 0.0009);
    const some = new Array<{ value: number; variance: number }>(devices).fill({
      value: 0.9,
      variance: 0.001,
    });
    return { ...one, pooled: { ...one.pooled, between, devices: some } };
  };

  it('should make the mean of two devices as uncertain as those of the other set differ, over two', () => {
    expect(lentBetween(of(2, 0), of(3, 0.004))!.pooled.variance).toBeCloseTo(0.0029, 9);
    expect(lentBetween(of(1, 0), of(3, 0.004))!.pooled.variance).toBeCloseTo(0.0049, 9);
  });

  it('should leave three devices as they are, and know nothing where the other has few as well', () => {
    expect(lentBetween(of(3, 0.001), of(9, 0.004))!.pooled.variance).toBe(0.0009);
    expect(lentBetween(of(2, 0.001), of(2, 0.004))).toBeNull();
    expect(lentBetween(of(2, 0.001), null)).toBeNull();
  });
});

describe('cohortWords', () => {
  it('should say which is better only where the interval says so', () => {
    const of = (low: number, high: number) =>
      cohortWords([cohort, cohort], { value: (low + high) / 2, low, high }, [])[0];
    expect(of(0.01, 0.05)).toBe('The first is more accurate by 3.0 points (1.0 to 5.0, 90 %).');
    expect(of(-0.05, -0.01)).toBe('The first is less accurate by 3.0 points (1.0 to 5.0, 90 %).');
    expect(of(-0.02, 0.04)).toBe(
      'Accuracy cannot be told apart: the difference is at most 4.0 points (90 %).',
    );
  });

  it('should say of whom there is no answer, and why', () => {
    expect(cohortWords([cohort, silent], null, [])[0]).toBe(
      'No answer about accuracy: of the second, too little is known.',
    );
  });

  it('should say of an empty set only that it is', () => {
    const none = { ...cohort, devices: 0 };
    const of = (which: string) => [
      `No device of ${which} predicted on the last day that its release has predictions of, or the day before.`,
    ];
    expect(cohortWords([none, cohort], null, [])).toEqual(of('the first'));
    expect(cohortWords([silent, none], null, [])).toEqual(of('the second'));
    expect(cohortWords([none, none], null, [])).toEqual(of('either set'));
  });

  it('should say where only the busiest devices were looked at', () => {
    const full = { ...cohort, devices: MOST_DEVICES };
    const words = 'only the 1,000 devices that predicted most lately are looked at.';
    const level = { value: 0, low: -0.1, high: 0.1 };
    expect(cohortWords([full, cohort], level, [])[2]).toBe(`Of the first ${words}`);
    expect(cohortWords([full, full], level, [])[2]).toBe(`Of the first and the second ${words}`);
    expect(cohortWords([cohort, cohort], level, [])).toHaveLength(2);
  });

  it('should name the histograms that differ, the most first', () => {
    const feature = (name: string, share: number, isFar = true) => ({ feature: name, share, isFar });
    expect(
      cohortWords([cohort, cohort], null, [
        feature('a', 0.2),
        feature('b', 0.5),
        feature('c', 0.9, false),
      ])[1],
    ).toBe('Elsewhere: b (50 %), a (20 %) of the observations lie in other bins.');
    expect(cohortWords([cohort, cohort], null, [feature('a', 0.2, false)])[1]).toBe(
      'No histogram differs by more than chance and a little.',
    );
  });
});
