/**
 * What a rollout does next, as a pure function of its counts: admit, wait, go one step on, pause or end. The gates are
 * the share of failures; gates on model metrics will join them through quality's CohortMetrics.
 */
import type { Resource } from '@tinyfleet/contracts';
import { failureStates, movingStates, type DeploymentState } from './deployment.js';

export type RolloutState = Resource<'RolloutState'>;

export interface RolloutStrategy {
  /** Cumulative percents of the target that rise and end with 100. */
  readonly steps: readonly number[];
  /** Above this share of failed, reverted and silent devices the rollout pauses. */
  readonly maxFailurePercent: number;
  /** A device that says nothing for this long counts as silent. */
  readonly deviceTimeoutSeconds: number;
  /** Failures that an operator has seen and accepted by resuming. */
  readonly toleratedFailures?: number;
}

/** Devices per step and state. */
export interface Tally {
  readonly step: number;
  readonly state: DeploymentState;
  readonly count: number;
}

export type Decision =
  /** Devices of the present step are still under way. */
  | { readonly kind: 'wait' }
  /** Offer the release to the waiting devices of the present step and all before. */
  | { readonly kind: 'admit'; readonly waiting: number }
  | { readonly kind: 'next-step'; readonly step: number; readonly reason: string }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'end'; readonly state: 'succeeded' | 'failed'; readonly reason: string };

export interface CohortCounts {
  /** Devices that can take the release. */
  readonly eligible: number;
  readonly waiting: number;
  readonly moving: number;
  readonly active: number;
  readonly failures: number;
  readonly silent: number;
}

export function countCohort(tallies: readonly Tally[], step: number): CohortCounts {
  const sum = (states: readonly string[]): number =>
    tallies.reduce((n, one) => (one.step <= step && states.includes(one.state) ? n + one.count : n), 0);
  const all = tallies.reduce((n, one) => (one.step <= step ? n + one.count : n), 0);
  return {
    eligible: all - sum(['incompatible', 'aborted']),
    waiting: sum(['waiting']),
    moving: sum(movingStates),
    active: sum(['active']),
    failures: sum(failureStates),
    silent: sum(['silent']),
  };
}

export function decide(strategy: RolloutStrategy, step: number, tallies: readonly Tally[]): Decision {
  const cohort = countCohort(tallies, step);
  const pause = failureGate(strategy, cohort);
  if (pause !== undefined) return { kind: 'pause', reason: pause };
  if (cohort.waiting > 0) return { kind: 'admit', waiting: cohort.waiting };
  if (cohort.moving > 0) return { kind: 'wait' };
  const share = `${cohort.active} of ${cohort.eligible} devices verified active`;
  if (step + 1 < strategy.steps.length) return { kind: 'next-step', step: step + 1, reason: share };
  if (cohort.active === 0) {
    return {
      kind: 'end',
      state: 'failed',
      reason: cohort.eligible === 0 ? 'no device can take the release' : share,
    };
  }
  return { kind: 'end', state: 'succeeded', reason: share };
}

/** Why the failures are too many, or undefined. Counted over the whole admitted cohort, so one early failure of many
 * devices does not stop a rollout, and a wave of failures stops it before the step is over. */
function failureGate(strategy: RolloutStrategy, cohort: CohortCounts): string | undefined {
  const failures = cohort.failures - (strategy.toleratedFailures ?? 0);
  if (failures <= 0 || cohort.eligible === 0) return undefined;
  const percent = (100 * failures) / cohort.eligible;
  if (percent <= strategy.maxFailurePercent) return undefined;
  const silent = cohort.silent > 0 ? `, ${cohort.silent} of them silent` : '';
  return (
    `${cohort.failures} of ${cohort.eligible} devices failed${silent}: ` +
    `${percent.toFixed(1)} % is above ${strategy.maxFailurePercent} %`
  );
}

/** What becomes of a device that has not moved for the timeout. */
export type OverdueOutcome = 'silent' | 'retry' | 'fail';
const maxAttempts = 3;

export function overdueOutcome(device: {
  readonly state: DeploymentState;
  readonly attempts: number;
  /** Heard of since the deployment last moved, and within the timeout. */
  readonly heard: boolean;
}): OverdueOutcome {
  if (!device.heard) return 'silent';
  return device.attempts < maxAttempts ? 'retry' : 'fail';
}

/** A failed deployment is offered again when the failure may pass, e.g. a transfer that timed out. */
export function mayRetry(transient: boolean, attempts: number): boolean {
  return transient && attempts < maxAttempts;
}
