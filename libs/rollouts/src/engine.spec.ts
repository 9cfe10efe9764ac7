import { describe, expect, it } from '@jest/globals';
import type { DeploymentState } from './deployment.js';
import { decide, mayRetry, overdueOutcome, type RolloutStrategy, type Tally } from './engine.js';

const all: RolloutStrategy = { steps: [100], maxFailurePercent: 5, deviceTimeoutSeconds: 600 };
const stepped: RolloutStrategy = { ...all, steps: [10, 100] };
const tally = (step: number, counts: Partial<Record<DeploymentState, number>>): Tally[] =>
  Object.entries(counts).map(([state, count]) => ({ step, state: state as DeploymentState, count }));

describe('decide', () => {
  it('should admit the waiting devices of the present step only', () => {
    const tallies = [...tally(0, { waiting: 5 }), ...tally(1, { waiting: 45 })];
    expect(decide(stepped, 0, tallies)).toEqual({ kind: 'admit', waiting: 5 });
  });

  it('should wait while devices are under way', () => {
    expect(decide(all, 0, tally(0, { active: 49, soak: 1 }))).toEqual({ kind: 'wait' });
  });

  it('should go a step on when the cohort is active', () => {
    const tallies = [...tally(0, { active: 5 }), ...tally(1, { waiting: 45 })];
    expect(decide(stepped, 0, tallies)).toMatchObject({ kind: 'next-step', step: 1 });
  });

  it('should not go a step on while one device of the cohort still soaks', () => {
    const tallies = [...tally(0, { active: 4, soak: 1 }), ...tally(1, { waiting: 45 })];
    expect(decide(stepped, 0, tallies)).toEqual({ kind: 'wait' });
  });

  it('should succeed when every device of the last step has ended well', () => {
    expect(decide(all, 0, tally(0, { active: 50 }))).toEqual({
      kind: 'end',
      state: 'succeeded',
      reason: '50 of 50 devices verified active',
    });
  });

  it('should pause above the failure threshold and not at it', () => {
    expect(decide(all, 0, tally(0, { active: 90, failed: 5, fetching: 5 })).kind).toBe('wait');
    expect(decide(all, 0, tally(0, { active: 90, failed: 6, fetching: 4 }))).toEqual({
      kind: 'pause',
      reason: '6 of 100 devices failed: 6.0 % is above 5 %',
    });
  });

  it('should count silence as failure', () => {
    expect(decide(all, 0, tally(0, { active: 8, silent: 2 }))).toEqual({
      kind: 'pause',
      reason: '2 of 10 devices failed, 2 of them silent: 20.0 % is above 5 %',
    });
  });

  it('should not pause again for failures that an operator accepted', () => {
    const tallies = tally(0, { active: 8, failed: 2 });
    expect(decide({ ...all, toleratedFailures: 2 }, 0, tallies).kind).toBe('end');
    expect(decide({ ...all, toleratedFailures: 1 }, 0, tallies).kind).toBe('pause');
  });

  it('should leave incompatible devices out of the share', () => {
    expect(decide(all, 0, tally(0, { active: 1, incompatible: 99 }))).toMatchObject({ state: 'succeeded' });
    expect(decide(all, 0, tally(0, { incompatible: 3 }))).toEqual({
      kind: 'end',
      state: 'failed',
      reason: 'no device can take the release',
    });
  });
});

describe('overdueOutcome', () => {
  it('should call a device silent that was not heard of, and offer again to one that was', () => {
    expect(overdueOutcome({ state: 'fetching', attempts: 1, heard: false })).toBe('silent');
    expect(overdueOutcome({ state: 'fetching', attempts: 1, heard: true })).toBe('retry');
    expect(overdueOutcome({ state: 'fetching', attempts: 3, heard: true })).toBe('fail');
  });

  it('should retry transient failures twice', () => {
    expect([1, 2, 3].map((attempts) => mayRetry(true, attempts))).toEqual([true, true, false]);
    expect(mayRetry(false, 1)).toBe(false);
  });
});
