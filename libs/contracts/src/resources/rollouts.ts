/** Rollouts, their deployments and decisions; rules of single devices. */
import { z } from '../zod.js';
import { Name, ReleaseRef, Timestamp } from '../names.js';
import { Filter } from './devices.js';
import { GateVerdict } from './gates.js';
import { RolloutPolicy, RolloutRequest } from './rollout-policy.js';

/** awaiting-approval: before its start or a step. rolling-back: devices are on their way to the version before. */
export const RolloutState = z
  .enum([
    'awaiting-approval',
    'running',
    'paused',
    'rolling-back',
    'succeeded',
    'failed',
    'aborted',
    'rolled-back',
  ])
  .meta({ id: 'RolloutState' });
/**
 * control: held back for comparison. held: a person keeps it as it is. unreached: away since before the offer, which stands.
 * returning, returned: told to go back to the version before, and back on it.
 */
export const DeploymentState = z
  .enum([
    'waiting',
    'offered',
    'fetching',
    'verified',
    'staged',
    'trial',
    'soak',
    'active',
    'reverted',
    'failed',
    'incompatible',
    'silent',
    'aborted',
    'control',
    'held',
    'unreached',
    'returning',
    'returned',
  ])
  .meta({ id: 'DeploymentState' });
const counts = z.partialRecord(DeploymentState, z.int());

export const Rollout = z
  .object({
    /** Counts from 1 in the project. */
    number: z.int(),
    release: ReleaseRef,
    filter: Filter,
    state: RolloutState,
    /** Why it is in this state, in words. */
    reason: z.string(),
    /** Cumulative percent of the target, e.g. [10, 50, 100]. */
    steps: z.array(z.number()),
    step: z.int(),
    /** When all devices of the present step had ended; its soak counts from then. */
    stepEndedAt: Timestamp.nullable(),
    policy: RolloutPolicy,
    createdAt: Timestamp,
    createdBy: z.string(),
    finishedAt: Timestamp.nullable(),
    /** Of the present step, as last judged; null: it has none, or they were not judged yet. */
    gates: GateVerdict.nullable(),
    deviceCount: z.int(),
    counts,
  })
  .meta({ id: 'Rollout' });
export const RolloutCreate = RolloutRequest.safeExtend({ release: ReleaseRef });
/** As people write it: what has a default may be left out. */
export type RolloutCreateInput = z.input<typeof RolloutCreate>;

const Obstacle = z.object({
  reason: z.string(),
  errorCode: z.int().nullable(),
  devices: z.int(),
  /** The first by name. */
  sample: z.array(Name),
});
/** What would happen, and to whom. Nothing is changed by asking. */
export const RolloutPlan = z
  .object({
    release: ReleaseRef,
    filter: Filter,
    /** Start with this seed to get these very canaries. */
    seed: z.string(),
    devices: z.int(),
    /** They said hello, and everything the release needs is there. */
    can: z.int(),
    /** They never said hello: judged by their type, and in the end by themselves. */
    unknown: z.int(),
    cannot: z.array(Obstacle),
    /** A rule or another rollout keeps them from it. */
    kept: z.array(Obstacle),
    holdBack: z.int(),
    steps: z.array(
      z.object({
        /** Of the target. */
        percent: z.number(),
        devices: z.int(),
        byType: z.record(z.string(), z.int()),
        bySite: z.record(z.string(), z.int()),
        sample: z.array(Name),
        /** Least time it takes by rates, jitter and soak. */
        leastSeconds: z.int(),
        approval: z.boolean(),
      }),
    ),
    leastSeconds: z.int(),
  })
  .meta({ id: 'RolloutPlan' });

export const Deployment = z
  .object({
    /** Counts from 1 in the project; a way back has a number of its own. */
    number: z.int(),
    device: Name,
    state: DeploymentState,
    step: z.int(),
    /** Bytes of the bundle stored, of all. */
    offset: z.int(),
    bytes: z.int(),
    /** How often it was offered. */
    attempts: z.int(),
    /** It waits until then: jitter, back-off, or a rate for devices that joined later. */
    notBefore: Timestamp.nullable(),
    errorCode: z.int().nullable(),
    errorTitle: z.string().nullable(),
    updatedAt: Timestamp,
  })
  .meta({ id: 'Deployment' });
export const DeploymentOfProject = Deployment.extend({ rollout: z.int(), release: ReleaseRef }).meta({
  id: 'DeploymentOfProject',
});

/** One line of what was decided and why, by the engine or a person. */
export const RolloutDecision = z
  .object({
    /** Counts from 1 in the rollout. */
    number: z.int(),
    at: Timestamp,
    /** `engine` or a person. */
    by: z.string(),
    kind: z.enum([
      'started',
      'approved',
      'next-step',
      'soak',
      'gate',
      'pause',
      'resume',
      'skip',
      'retry',
      'abort',
      'roll-back',
      'roll-back-segment',
      'joined',
      'superseded',
      'withdrawn',
      'end',
    ]),
    step: z.int(),
    /** In words. */
    text: z.string(),
    /** What it rests on: counts, rates, verdicts of gates. */
    evidence: z.record(z.string(), z.unknown()),
  })
  .meta({ id: 'RolloutDecision' });

export const RolloutReason = z.object({ reason: z.string().max(500).default('') });
/** Devices of one type or site, or all of them. */
export const RolloutRollback = RolloutReason.extend({
  deviceType: Name.optional(),
  site: z.string().max(63).optional(),
});

/** What holds for every rollout of the project. */
export const RolloutSettings = z
  .object({
    /** Every rollout needs the yes of somebody else before it starts. */
    approval: z.boolean(),
    /** Of bundle bytes sent to all devices of the project together; null: no limit. */
    bytesPerSecond: z.int().min(1_024).max(1_000_000_000_000).nullable(),
  })
  .meta({ id: 'RolloutSettings' });

/**
 * pin: it takes this release and no other. hold: it stays as it is until the time, or until the rule goes. exclude: no
 * rollout counts it.
 */
export const UpdateRuleKind = z.enum(['pin', 'hold', 'exclude']).meta({ id: 'UpdateRuleKind' });
export const UpdateRuleSet = z
  .object({
    kind: UpdateRuleKind,
    /** Of a pin. */
    release: ReleaseRef.nullable().default(null),
    /** Of a hold; null: until it is removed. */
    until: Timestamp.nullable().default(null),
    reason: z.string().max(500).default(''),
  })
  .refine(({ kind, release }) => (kind === 'pin') === (release !== null), {
    message: 'a pin names a release, and nothing else does',
    path: ['release'],
  })
  .refine(({ kind, until }) => kind === 'hold' || until === null, {
    message: 'only a hold has an end',
    path: ['until'],
  });
export const UpdateRule = z
  .object({
    device: Name,
    kind: UpdateRuleKind,
    release: ReleaseRef.nullable(),
    until: Timestamp.nullable(),
    reason: z.string(),
    createdBy: z.string(),
    createdAt: Timestamp,
  })
  .meta({ id: 'UpdateRule' });
