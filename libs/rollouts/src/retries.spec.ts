import { describe, expect, it } from '@jest/globals';
import { RetryPolicy } from '@tinyfleet/contracts';
import { backoffSeconds, failureClassOf } from './retries.js';

describe('failureClassOf', () => {
  it.each([
    [703, 'transfer'],
    [117, 'transfer'],
    [720, 'device'],
    [502, 'rejected'],
    [205, 'rejected'],
    [null, 'rejected'],
    [710, undefined],
    [711, undefined],
  ])('should call error %p %p', (error, expected) => {
    expect(failureClassOf(error)).toBe(expected);
  });
});

describe('backoffSeconds', () => {
  it('should double up to its limit', () => {
    const policy = { max: 20, backoffSeconds: 60, maxBackoffSeconds: 300 };
    expect([1, 2, 3, 4, 20].map((n) => backoffSeconds(policy, n))).toEqual([60, 120, 240, 300, 300]);
  });

  it('should try a transfer twice more by default, and a bundle that was refused never', () => {
    const { transfer, rejected } = RetryPolicy.parse({});
    expect([transfer.max, rejected.max]).toEqual([2, 0]);
  });
});
