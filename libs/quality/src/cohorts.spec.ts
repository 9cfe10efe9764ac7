import { describe, expect, it } from '@jest/globals';
import { cohortWords, differenceOf } from './cohorts.js';

const estimate = (value: number, variance: number, calibration = 0, shift = 0) => ({
  pooled: { value, variance, between: 0, devices: [] },
  calibration,
  shift,
});
const cohort = { devices: 4, abstains: null };
const silent = { devices: 4, abstains: { reason: 'x', words: 'too little is known' } };

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
    expect(cohortWords([{ ...silent, devices: 0 }, cohort], null, [])[0]).toBe(
      'No device of the first predicted in these days.',
    );
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
