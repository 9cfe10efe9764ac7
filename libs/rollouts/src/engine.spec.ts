import { describe, expect, it } from '@jest/globals';
import { RolloutPolicy } from '@tinyfleet/contracts';
import type { DeploymentState } from './deployment.js';
import { decide, decideReturn, type Situation, type Tally } from './engine.js';
import { place } from './plan.js';

const tally = (step: number, counts: Partial<Record<DeploymentState, number>>): Tally[] =>
  Object.entries(counts).map(([state, count]) => ({ step, state: state as DeploymentState, count }));

type PolicyInput = Parameters<typeof RolloutPolicy.parse>[0];
const situation = (
  policy: PolicyInput,
  tallies: readonly Tally[],
  changes: Partial<Situation> = {},
): Situation => {
  const parsed = RolloutPolicy.parse(policy);
  const devices = Array.from({ length: 100 }, (_, i) => ({
    name: `d-${i}`,
    type: 't',
    site: '',
    firmware: '',
  }));
  return {
    policy: parsed,
    plan: place('s', devices, parsed).plan,
    step: 0,
    toleratedFailures: 0,
    approvedStep: 0,
    skippedStep: -1,
    tallies,
    soakedSeconds: undefined,
    verdict: undefined,
    ...changes,
  };
};
const stepped = { steps: [10, 100] };
const two = [...tally(0, { active: 5 }), ...tally(1, { waiting: 45 })];
const verdict = (outcome: 'pass' | 'fail' | 'undecided', reason = 'why') => ({ outcome, reason });

describe('decide', () => {
  it('should end a shadow when its time is over, and count those that run it', () => {
    const shadow = { shadow: { seconds: 60 } };
    const tallies = tally(0, { shadow: 8, compared: 1, incompatible: 3, failed: 0 });
    expect(decide(situation(shadow, tallies))).toMatchObject({ kind: 'soak' });
    expect(decide(situation(shadow, tallies, { soakedSeconds: 59 }))).toMatchObject({
      kind: 'wait',
      seconds: 1,
    });
    expect(decide(situation(shadow, tallies, { soakedSeconds: 60 }))).toEqual({
      kind: 'end',
      state: 'succeeded',
      reason: '9 of 9 devices ran it as shadow',
    });
  });

  it('should end a comparison with what it has shown as soon as that is clear', () => {
    const ab = { ab: { minSeconds: 60, maxSeconds: 600 } };
    const tallies = tally(0, { active: 10, control: 10 });
    const open = { soakedSeconds: 120, verdict: verdict('undecided', 'not clear yet') };
    expect(decide(situation(ab, tallies, open))).toMatchObject({ kind: 'wait' });
    expect(decide(situation(ab, tallies, { ...open, soakedSeconds: 700 }))).toMatchObject({ kind: 'wait' });
    const clear = { soakedSeconds: 120, verdict: verdict('pass', 'B is better') };
    expect(decide(situation(ab, tallies, clear))).toEqual({
      kind: 'end',
      state: 'succeeded',
      reason: 'B is better',
    });
  });

  it('should admit the waiting devices of the present step only', () => {
    const tallies = [...tally(0, { waiting: 5 }), ...tally(1, { waiting: 45 })];
    expect(decide(situation(stepped, tallies))).toEqual({ kind: 'admit', waiting: 5 });
  });

  it('should wait while devices are under way, also when one of the cohort still soaks', () => {
    expect(decide(situation({}, tally(0, { active: 49, soak: 1 })))).toEqual({ kind: 'wait' });
    const tallies = [...tally(0, { active: 4, soak: 1 }), ...tally(1, { waiting: 45 })];
    expect(decide(situation(stepped, tallies))).toEqual({ kind: 'wait' });
  });

  it('should go a step on when the cohort is active', () => {
    expect(decide(situation(stepped, two))).toMatchObject({ kind: 'next-step', step: 1 });
  });

  it('should succeed when every device of the last step has ended well', () => {
    expect(decide(situation({}, tally(0, { active: 50 })))).toEqual({
      kind: 'end',
      state: 'succeeded',
      reason: '50 of 50 devices verified active',
    });
  });

  it.each([
    ['pause', { kind: 'pause' }],
    ['abort', { kind: 'abort' }],
    ['rollback', { kind: 'roll-back' }],
    ['rollback-segment', { kind: 'roll-back' }],
  ] as const)('should %s above the failure threshold and not at it', (onFailure, expected) => {
    const policy = { onFailure };
    expect(decide(situation(policy, tally(0, { active: 90, failed: 5, fetching: 5 }))).kind).toBe('wait');
    expect(decide(situation(policy, tally(0, { active: 90, failed: 6, fetching: 4 })))).toMatchObject({
      ...expected,
      reason: '6 of 100 devices failed: 6.0 % is above 5 %',
    });
  });

  it('should count silence as failure, and a device that was never reached not at all', () => {
    expect(decide(situation({}, tally(0, { active: 8, silent: 2 })))).toEqual({
      kind: 'pause',
      reason: '2 of 10 devices failed, 2 of them silent: 20.0 % is above 5 %',
    });
    expect(decide(situation({}, tally(0, { active: 70, unreached: 30 })))).toEqual({
      kind: 'end',
      state: 'succeeded',
      reason: '70 of 70 devices verified active, 30 more were not reached',
    });
  });

  it('should not pause again for failures that an operator accepted', () => {
    const tallies = tally(0, { active: 8, failed: 2 });
    expect(decide(situation({}, tallies, { toleratedFailures: 2 })).kind).toBe('end');
    expect(decide(situation({}, tallies, { toleratedFailures: 1 })).kind).toBe('pause');
  });

  it('should leave devices out of the share that cannot, are held or are held back', () => {
    const tallies = tally(0, { active: 1, incompatible: 99, held: 5, control: 5 });
    expect(decide(situation({}, tallies))).toMatchObject({ state: 'succeeded' });
  });

  it('should never succeed or go on with a cohort that has nobody in it', () => {
    expect(decide(situation({}, tally(0, { incompatible: 3 })))).toEqual({
      kind: 'end',
      state: 'failed',
      reason: 'no device can take the release',
    });
    expect(decide(situation({}, []))).toMatchObject({ kind: 'end', state: 'failed' });
    expect(decide(situation({}, tally(0, { unreached: 3 })))).toEqual({
      kind: 'wait',
      reason: 'step 1 has nobody yet: none of 3 devices could be reached',
    });
    expect(decide(situation(stepped, [...tally(0, { held: 2 }), ...tally(1, { waiting: 45 })])).kind).toBe(
      'wait',
    );
    expect(decide(situation(stepped, tally(1, { waiting: 45 })))).toEqual({
      kind: 'pause',
      reason: 'step 1 proves nothing: no device can take the release',
    });
  });

  describe('with a soak', () => {
    const soaking = { steps: [{ percent: 10, soakSeconds: 600 }, 100] };

    it('should begin it when all devices have ended, and not go on before its end', () => {
      expect(decide(situation(soaking, two)).kind).toBe('soak');
      expect(decide(situation(soaking, two, { soakedSeconds: 599.5 }))).toMatchObject({
        kind: 'wait',
        seconds: 1,
      });
      expect(decide(situation(soaking, two, { soakedSeconds: 600 })).kind).toBe('next-step');
    });

    it('should not wait for it in a step that somebody skipped', () => {
      expect(decide(situation(soaking, two, { skippedStep: 0 }))).toMatchObject({
        kind: 'next-step',
        reason: 'skipped by an operator',
      });
    });
  });

  describe('with gates', () => {
    const gated = {
      steps: [{ percent: 10, soakSeconds: 60, maxSoakSeconds: 3_600 }, 100],
      gates: { gates: [{ kind: 'confidence' as const }] },
    };

    it('should go on when they pass, and not before', () => {
      const at = (outcome: 'pass' | 'undecided') =>
        decide(situation(gated, two, { soakedSeconds: 100, verdict: verdict(outcome) }));
      expect(at('undecided')).toMatchObject({
        kind: 'wait',
        reason: expect.stringContaining('undecided: why'),
      });
      expect(at('pass').kind).toBe('next-step');
      expect(decide(situation(gated, two, { soakedSeconds: 100 }))).toMatchObject({ kind: 'wait' });
    });

    it('should stop at once when they fail, also while devices are under way', () => {
      const tallies = tally(0, { active: 4, fetching: 1 });
      const failed = { verdict: verdict('fail', 'confidence fell') };
      expect(decide(situation(gated, tallies, failed))).toEqual({ kind: 'pause', reason: 'confidence fell' });
      const rolls = { ...gated, onFailure: 'rollback' as const };
      expect(decide(situation(rolls, tallies, failed)).kind).toBe('roll-back');
    });

    it('should roll back one segment when the evidence is in one segment only', () => {
      const policy = { ...gated, onFailure: 'rollback-segment' as const };
      const segment = { deviceType: 'm0' };
      const failed = { verdict: { ...verdict('fail'), segment } };
      expect(decide(situation(policy, two, failed))).toEqual({
        kind: 'roll-back-segment',
        segment,
        reason: 'why',
      });
      expect(decide(situation(policy, two, { verdict: verdict('fail') })).kind).toBe('roll-back');
    });

    it.each([
      ['pause', 'pause'],
      ['continue', 'next-step'],
      ['rollback', 'roll-back'],
    ] as const)('should %s when they are undecided at the end of the longest soak', (onUndecided, kind) => {
      const open = { verdict: verdict('undecided') };
      const policy = { ...gated, onUndecided };
      expect(decide(situation(policy, two, { ...open, soakedSeconds: 3_599 })).kind).toBe('wait');
      expect(decide(situation(policy, two, { ...open, soakedSeconds: 3_600 })).kind).toBe(kind);
    });
  });

  it('should ask a second person before a step that wants it, and go on once there was a yes', () => {
    const policy = { steps: [10, { percent: 100, approval: true }] };
    expect(decide(situation(policy, two))).toMatchObject({ kind: 'ask', step: 1 });
    expect(decide(situation(policy, two, { approvedStep: 1 })).kind).toBe('next-step');
    expect(decide(situation(policy, two, { skippedStep: 0 })).kind).toBe('ask');
  });
});

describe('decideReturn', () => {
  it('should end when nobody is under way but those that are away', () => {
    expect(decideReturn(tally(0, { returning: 2, returned: 8 }), 1).kind).toBe('wait');
    expect(decideReturn(tally(0, { returning: 2, returned: 8, failed: 1 }), 2)).toMatchObject({
      kind: 'end',
      reason:
        '8 devices are back on the version before, 2 are away and go back when they come, 1 have failed',
    });
  });
});
