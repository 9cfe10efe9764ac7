/**
 * The life of one deployment as the platform sees it: which reports of the device move it where. Reports arrive at
 * least once and out of order, so a move is accepted by rank and never because it came last.
 */
import type { Resource } from '@tinyfleet/contracts';
import { errors } from '@tinyfleet/errors';

export type DeploymentState = Resource<'DeploymentState'>;

/** Names of `update-state` in docs/spec/wire.cddl. */
export type ReportedUpdateState =
  | 'idle'
  | 'fetching'
  | 'verified'
  | 'staged'
  | 'trial'
  | 'soak'
  | 'active'
  | 'shadow'
  | 'reverted'
  | 'failed'
  | 'offline'
  | 'queued'
  | 'aborted';

/** How far a device has come; only these are compared. */
const rank: Partial<Record<DeploymentState, number>> = {
  waiting: 0,
  offered: 1,
  silent: 1,
  unreached: 1,
  fetching: 2,
  verified: 3,
  staged: 4,
  shadow: 4.5,
  trial: 5,
  soak: 6,
  active: 7,
};

/** The device works on it. */
export const movingStates = ['offered', 'fetching', 'verified', 'staged', 'trial', 'soak'] as const;
/** Nothing more will happen of itself. */
export const endStates = [
  'active',
  'reverted',
  'failed',
  'incompatible',
  'silent',
  'unreached',
  'aborted',
  'control',
  'held',
  'returned',
  'compared',
] as const;
export const isEndState = (state: DeploymentState): boolean =>
  (endStates as readonly string[]).includes(state);
/** What counts against a rollout: errors, and silence, which is how a device reports that it died. */
export const failureStates = ['failed', 'reverted', 'silent'] as const;

const reported: Record<ReportedUpdateState, DeploymentState | undefined> = {
  idle: undefined,
  offline: undefined,
  fetching: 'fetching',
  verified: 'verified',
  staged: 'staged',
  shadow: 'shadow',
  trial: 'trial',
  soak: 'soak',
  active: 'active',
  reverted: 'reverted',
  failed: 'failed',
  queued: 'offered',
  aborted: 'aborted',
};

/** `agent.shadow-unavailable`: no fault of the release. */
const noShadow: number = errors['agent.shadow-unavailable'].number;

/** The state after a report of this very deployment, or undefined when the report changes nothing. */
export function afterReport(
  current: DeploymentState,
  report: ReportedUpdateState,
  error?: number,
): DeploymentState | undefined {
  const next = report === 'failed' && error === noShadow ? 'incompatible' : reported[report];
  if (next === undefined || next === current) return undefined;
  // On the way back only the end of it counts: the trial of the version before is quick and may be left out.
  if (current === 'returning') {
    if (next === 'active') return 'returned';
    return next === 'failed' || next === 'reverted' ? 'failed' : undefined;
  }
  if (current === 'returned' || current === 'compared') return undefined;
  // Decided by the platform; only what the device runs in truth is still worth knowing.
  if (current === 'aborted' || current === 'incompatible' || current === 'held' || current === 'control')
    return next === 'active' ? 'active' : undefined;
  // `active` is reported after the self-test passed; a revert may still follow while it soaks or when the slot rots.
  if (next === 'reverted') return next;
  if (current === 'active') return undefined;
  if (next === 'failed' || next === 'aborted' || next === 'incompatible') return next;
  // A device that failed or reverted starts over when it is offered the release again.
  if (current === 'failed' || current === 'reverted') return undefined;
  return (rank[next] ?? 0) > (rank[current] ?? 0) ? next : undefined;
}

export interface ReportedSlot {
  /** Lower-case hex. */
  readonly digest: string;
  /** Names of `slot-state` in docs/spec/wire.cddl. */
  readonly state: string;
}

/**
 * What a hello says about a deployment: a slot that is active holds a bundle whose signature and self-test passed on
 * this device, so it proves success even when the state message that said so was lost.
 */
export function afterHello(
  current: DeploymentState,
  digest: string,
  slots: readonly ReportedSlot[],
): DeploymentState | undefined {
  const slot = slots.find((one) => one.digest === digest);
  if (slot?.state === 'active') return afterReport(current, 'active') ?? fromFailure(current);
  if (slot?.state === 'trial') return afterReport(current, 'trial');
  if (slot?.state === 'rejected' && current !== 'failed') return afterReport(current, 'reverted');
  return undefined;
}

/** A device that was called active runs something else: it lied, its slot rotted, or somebody flashed it. */
export function deniesActive(digest: string, slots: readonly ReportedSlot[]): boolean {
  return slots.some((slot) => slot.state === 'active' && slot.digest !== digest);
}

/** It failed or was given up, yet the device runs it now. */
function fromFailure(current: DeploymentState): DeploymentState | undefined {
  return current === 'failed' || current === 'reverted' ? 'active' : undefined;
}

/** `wire.method-unsupported`, `wire.base-missing`: said before anything was fetched. */
const unusable: readonly number[] = [
  errors['wire.method-unsupported'].number,
  errors['wire.base-missing'].number,
];
/** `manifest.digest-mismatch`: what came out is not the bundle. */
const wrongResult: number = errors['manifest.digest-mismatch'].number;

/**
 * Whether a failure is the payload's and not the bundle's, so that the bundle as it is should be tried before the
 * deployment counts as failed: a base or method that the device does not have, or a payload that does not decode (errors
 * of area `wire`, 1xx) or decodes to something else.
 */
export function isPayloadFailure(error: number | undefined, payloadBegun: boolean): boolean {
  if (error === undefined) return false;
  if (unusable.includes(error)) return true;
  return payloadBegun && (error === wrongResult || (error > 100 && error < 200));
}
