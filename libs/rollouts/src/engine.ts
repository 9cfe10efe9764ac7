/**
 * What a rollout does next, as a pure function of its counts, its clocks and the verdict of its gates: admit, wait, go a
 * step on, ask, pause, roll back or end.
 */
import type { Resource } from '@tinyfleet/contracts';
import { failureStates, movingStates, type DeploymentState } from './deployment.js';
import type { RolloutPolicy, StepPlan } from './plan.js';

export type RolloutState = Resource<'RolloutState'>;

/** Devices per step and state. */
export interface Tally {
  readonly step: number;
  readonly state: DeploymentState;
  readonly count: number;
}

/** Devices of one type or site; both undefined: all of them. */
export interface Segment {
  readonly deviceType?: string | undefined;
  readonly site?: string | undefined;
}

/** `site` of a device without one is ''. */
export const isIn = (
  segments: readonly Segment[],
  device: { readonly type: string; readonly site: string },
): boolean =>
  segments.some(
    ({ deviceType, site }) =>
      (deviceType === undefined || deviceType === device.type) &&
      (site === undefined || site === device.site),
  );

/** What the gates of the present step say together. */
export interface StepVerdict {
  readonly outcome: 'pass' | 'fail' | 'undecided';
  /** In words: what failed, or what is still needed. */
  readonly reason: string;
  /** The evidence against it is in one segment only. */
  readonly segment?: Segment | undefined;
}

export interface Situation {
  readonly policy: RolloutPolicy;
  readonly plan: readonly StepPlan[];
  readonly step: number;
  /** Failures that an operator has seen and accepted by resuming. */
  readonly toleratedFailures: number;
  /** Steps up to it may begin. */
  readonly approvedStep: number;
  /** Somebody let this step go on without waiting for it. */
  readonly skippedStep: number;
  readonly tallies: readonly Tally[];
  /** Since all devices of the step had ended, our own outages left out; undefined: not yet. */
  readonly soakedSeconds: number | undefined;
  /** Undefined: the step has no gates, or they were not asked yet. */
  readonly verdict: StepVerdict | undefined;
}

export type Decision =
  /** Nothing to do before something happens, or before so many seconds have passed. */
  | { readonly kind: 'wait'; readonly seconds?: number; readonly reason?: string }
  /** Offer the release to the waiting devices of the present step and all before. */
  | { readonly kind: 'admit'; readonly waiting: number }
  /** All devices of the step have ended: its soak begins. */
  | { readonly kind: 'soak'; readonly reason: string }
  | { readonly kind: 'next-step'; readonly step: number; readonly reason: string }
  | { readonly kind: 'ask'; readonly step: number; readonly reason: string }
  | { readonly kind: 'pause'; readonly reason: string }
  | { readonly kind: 'abort'; readonly reason: string }
  | { readonly kind: 'roll-back'; readonly reason: string }
  | { readonly kind: 'roll-back-segment'; readonly segment: Segment; readonly reason: string }
  | { readonly kind: 'end'; readonly state: 'succeeded' | 'failed'; readonly reason: string };

export interface CohortCounts {
  /** Devices that can take the release and have been, or can be, asked. */
  readonly eligible: number;
  readonly waiting: number;
  readonly moving: number;
  readonly active: number;
  readonly failures: number;
  readonly silent: number;
  readonly unreached: number;
  readonly held: number;
}

/** Not in the denominator: they cannot, were not asked, or did not hear it. */
const outside = ['incompatible', 'aborted', 'control', 'held', 'unreached', 'returning', 'returned'] as const;
/** It did what it was offered: a shadow only has to run. */
const done = ['active', 'shadow', 'compared'] as const;

export function countCohort(tallies: readonly Tally[], step: number): CohortCounts {
  const sum = (states: readonly string[]): number =>
    tallies.reduce((n, one) => (one.step <= step && states.includes(one.state) ? n + one.count : n), 0);
  const all = tallies.reduce((n, one) => (one.step <= step ? n + one.count : n), 0);
  return {
    eligible: all - sum(outside),
    waiting: sum(['waiting']),
    moving: sum(movingStates),
    active: sum(done),
    failures: sum(failureStates),
    silent: sum(['silent']),
    unreached: sum(['unreached']),
    held: sum(['held']),
  };
}

/** Failures so far, which a person accepts by letting the rollout go on. */
export function failuresIn(tallies: readonly Tally[]): number {
  return countCohort(tallies, Number.MAX_SAFE_INTEGER).failures;
}

export function decide(situation: Situation): Decision {
  const { policy, plan, step, tallies, verdict } = situation;
  const cohort = countCohort(tallies, step);
  const skipped = situation.skippedStep >= step;
  const failures = tooManyFailures(situation, cohort);
  if (failures !== undefined) return failed(policy, failures, undefined);
  if (verdict?.outcome === 'fail' && !skipped) return failed(policy, verdict.reason, verdict.segment);
  if (cohort.waiting > 0 && !(skipped && step + 1 < plan.length))
    return { kind: 'admit', waiting: cohort.waiting };
  if (skipped && step + 1 < plan.length) return nextStep(situation, 'skipped by an operator');
  if (cohort.moving > 0) return { kind: 'wait' };
  const share = shareText(cohort, policy);
  if (cohort.eligible === 0 && cohort.unreached + cohort.held > 0)
    return { kind: 'wait', reason: `step ${step + 1} has nobody yet: ${nobodyText(cohort)}` };
  if (cohort.eligible === 0) {
    const later = countCohort(tallies, plan.length).waiting;
    return later === 0
      ? { kind: 'end', state: 'failed', reason: nobodyText(cohort) }
      : { kind: 'pause', reason: `step ${step + 1} proves nothing: ${nobodyText(cohort)}` };
  }
  if (!skipped) {
    const open = unfinishedSoak(situation, share);
    if (open) return open;
  }
  if (step + 1 < plan.length) return nextStep(situation, share);
  // A comparison ends with what it has shown.
  const reason = policy.ab && verdict?.outcome === 'pass' && !skipped ? verdict.reason : share;
  return { kind: 'end', state: cohort.active === 0 ? 'failed' : 'succeeded', reason };
}

/** What keeps a step open whose devices have all ended: its least soak, and gates that are not decided. */
function unfinishedSoak(situation: Situation, share: string): Decision | undefined {
  const { policy, plan, step, verdict, soakedSeconds } = situation;
  const { soakSeconds = 0, maxSoakSeconds, gates } = plan[step] ?? {};
  if (soakSeconds === 0 && gates === undefined) return undefined;
  if (soakedSeconds === undefined) return { kind: 'soak', reason: share };
  if (soakedSeconds < soakSeconds) {
    const left = Math.ceil(soakSeconds - soakedSeconds);
    return { kind: 'wait', seconds: left, reason: `${share}; soaks for ${soakSeconds} s` };
  }
  if (gates === undefined || verdict?.outcome === 'pass') return undefined;
  const needs = verdict?.reason ?? 'the gates have not been judged yet';
  if (maxSoakSeconds === undefined || soakedSeconds < maxSoakSeconds)
    return { kind: 'wait', reason: `${share}; undecided: ${needs}` };
  // The last word of a comparison is that of its judge, who is asked again now that its time is over.
  if (policy.ab) return { kind: 'wait', reason: `${share}; ${needs}` };
  const reason = `undecided after ${maxSoakSeconds} s of soak: ${needs}`;
  switch (policy.onUndecided) {
    case 'pause':
      return { kind: 'pause', reason };
    case 'rollback':
      return { kind: 'roll-back', reason };
    case 'continue':
      return undefined;
  }
}

function nextStep({ plan, step, approvedStep }: Situation, reason: string): Decision {
  const next = step + 1;
  if (plan[next]?.approval === true && approvedStep < next)
    return {
      kind: 'ask',
      step: next,
      reason: `${reason}; step ${next + 1} needs the yes of a second person`,
    };
  return { kind: 'next-step', step: next, reason };
}

function failed({ onFailure }: RolloutPolicy, reason: string, segment: Segment | undefined): Decision {
  switch (onFailure) {
    case 'pause':
    case 'abort':
      return { kind: onFailure, reason };
    case 'rollback':
      return { kind: 'roll-back', reason };
    case 'rollback-segment':
      return segment ? { kind: 'roll-back-segment', segment, reason } : { kind: 'roll-back', reason };
  }
}

const shareText = ({ active, eligible, unreached }: CohortCounts, { shadow }: RolloutPolicy): string =>
  `${active} of ${eligible} devices ${shadow ? 'ran it as shadow' : 'verified active'}` +
  (unreached > 0 ? `, ${unreached} more were not reached` : '');

function nobodyText({ unreached, held }: CohortCounts): string {
  if (unreached > 0) return `none of ${unreached} devices could be reached`;
  return held > 0 ? `${held} devices are held by people` : 'no device can take the release';
}

/** Why the failures are too many, or undefined. Counted over the whole admitted cohort, so one early failure of many
 * devices does not stop a rollout, and a wave of failures stops it before the step is over. */
function tooManyFailures({ policy, toleratedFailures }: Situation, cohort: CohortCounts): string | undefined {
  const failures = cohort.failures - toleratedFailures;
  if (failures <= 0 || cohort.eligible === 0) return undefined;
  const percent = (100 * failures) / cohort.eligible;
  if (percent <= policy.maxFailurePercent) return undefined;
  const silent = cohort.silent > 0 ? `, ${cohort.silent} of them silent` : '';
  return (
    `${cohort.failures} of ${cohort.eligible} devices failed${silent}: ` +
    `${percent.toFixed(1)} % is above ${policy.maxFailurePercent} %`
  );
}

/** When a way back is over: nobody is under way, or only devices that are away. They go back when they come. */
export function decideReturn(tallies: readonly Tally[], away: number): Decision {
  const sum = (...states: DeploymentState[]): number =>
    tallies.reduce((n, { state, count }) => (states.includes(state) ? n + count : n), 0);
  const [returning, returned, stuck] = [sum('returning'), sum('returned'), sum('failed')];
  if (returning > away) return { kind: 'wait' };
  const rest = [
    ...(away > 0 ? [`${away} are away and go back when they come`] : []),
    ...(stuck > 0 ? [`${stuck} have failed`] : []),
  ];
  return {
    kind: 'end',
    state: 'succeeded',
    reason: [`${returned} devices are back on the version before`, ...rest].join(', '),
  };
}
