import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  afterHello,
  afterReport,
  isPayloadFailure,
  type DeploymentState,
  type ReportedUpdateState,
} from './deployment.js';

const run = (from: DeploymentState, reports: readonly ReportedUpdateState[]): DeploymentState =>
  reports.reduce<DeploymentState>((state, report) => afterReport(state, report) ?? state, from);

describe('afterReport', () => {
  it('should follow a device from offer to active', () => {
    expect(run('offered', ['fetching', 'verified', 'staged', 'trial', 'soak', 'active'])).toBe('active');
  });

  it('should follow a device to its shadow runs, and see that it cannot', () => {
    expect(run('offered', ['fetching', 'staged', 'shadow', 'staged'])).toBe('shadow');
    expect(run('shadow', ['failed'])).toBe('failed');
    expect(afterReport('staged', 'failed', 713)).toBe('incompatible');
    expect(run('compared', ['trial', 'failed', 'shadow'])).toBe('compared');
  });

  it('should not go back for a report that came late', () => {
    expect(run('offered', ['trial', 'fetching', 'verified'])).toBe('trial');
    expect(run('active', ['fetching', 'failed', 'trial'])).toBe('active');
  });

  it('should take a revert after it was active', () => {
    expect(run('active', ['reverted'])).toBe('reverted');
  });

  it('should let a silent device come back', () => {
    expect(run('silent', ['fetching'])).toBe('fetching');
  });

  it('should keep what the platform decided, unless the device runs it in truth', () => {
    expect(run('aborted', ['fetching', 'trial'])).toBe('aborted');
    expect(run('aborted', ['active'])).toBe('active');
  });

  it('should end at the same state in any order of the reports of one success', () => {
    const reports: ReportedUpdateState[] = ['fetching', 'verified', 'staged', 'trial', 'soak', 'active'];
    fc.assert(
      fc.property(fc.shuffledSubarray(reports, { minLength: 6, maxLength: 6 }), (shuffled) => {
        expect(run('offered', shuffled)).toBe('active');
      }),
    );
  });
});

describe('afterHello', () => {
  const digest = 'ab'.repeat(32);

  it('should believe an active slot', () => {
    expect(afterHello('fetching', digest, [{ digest, state: 'active' }])).toBe('active');
    expect(afterHello('failed', digest, [{ digest, state: 'active' }])).toBe('active');
  });

  it('should report a rejected slot as reverted', () => {
    expect(afterHello('trial', digest, [{ digest, state: 'rejected' }])).toBe('reverted');
  });

  it('should learn nothing from other digests or a retained slot', () => {
    expect(afterHello('fetching', digest, [{ digest: 'cd'.repeat(32), state: 'active' }])).toBeUndefined();
    expect(afterHello('fetching', digest, [{ digest, state: 'retained' }])).toBeUndefined();
  });
});

describe('isPayloadFailure', () => {
  it('should blame the payload for a method or base that the device does not have, before anything was fetched', () => {
    expect(isPayloadFailure(119, false)).toBe(true);
    expect(isPayloadFailure(120, false)).toBe(true);
  });

  it.each([
    [117, 'a chunk or block whose CRC differs'],
    [208, 'a result that is not the bundle'],
  ])('should blame a payload that was being fetched for error %i, %s, and the bundle otherwise', (error) => {
    expect(isPayloadFailure(error, true)).toBe(true);
    expect(isPayloadFailure(error, false)).toBe(false);
  });

  it.each([100, 200, 205, 217, 402, 502, 703, undefined])('should not blame it for error %p', (error) => {
    expect(isPayloadFailure(error, true)).toBe(false);
  });
});
