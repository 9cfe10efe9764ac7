/** Rollouts, their deployments and decisions; rules of single devices. */
import { z } from '../zod.js';
import { Name, ReleaseRef, Timestamp } from '../names.js';
import { Filter } from './devices.js';
import { GateFinding, GateVerdict } from './gates.js';
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
 * returning, returned: told to go back to the version before, and back on it. shadow: the release runs beside the active
 * model; compared: it did, and is kept in the inactive slot.
 */
export const DeploymentState = z
  .enum([
    'waiting',
    'offered',
    'fetching',
    'verified',
    'staged',
    'shadow',
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
    'compared',
  ])
  .meta({ id: 'DeploymentState' });
const counts = z.partialRecord(DeploymentState, z.int());

/** update: devices switch to the release. shadow: it runs beside the active model. ab: two versions are compared. */
export const RolloutKind = z.enum(['update', 'shadow', 'ab']).meta({ id: 'RolloutKind' });

export const Rollout = z
  .object({
    /** Counts from 1 in the project. */
    number: z.int(),
    kind: RolloutKind,
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
    /** What whoever answers for it should know, such as a release that is deprecated by now. */
    warnings: z.array(z.string()).default([]),
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
/** Whether devices can take a release, before a byte is sent. */
export const Compatibility = z
  .object({
    devices: z.int(),
    /** They said hello, and everything the release needs is there. */
    can: z.int(),
    /** Nothing that is known stands in the way; in the end they judge it themselves. */
    unknown: z.int(),
    cannot: z.array(Obstacle),
    /** Why it is not known. */
    doubts: z.array(Obstacle).default([]),
  })
  .meta({ id: 'Compatibility' });
/** Of all devices that a filter finds, whatever rules keep them from rollouts. */
export const ReleaseCompatibility = Compatibility.extend({
  release: ReleaseRef,
  filter: Filter,
  warnings: z.array(z.string()),
}).meta({ id: 'ReleaseCompatibility' });

/** What would happen, and to whom. Nothing is changed by asking. */
export const RolloutPlan = z
  .object({
    kind: RolloutKind,
    release: ReleaseRef,
    filter: Filter,
    /** Start with this seed to get these very canaries. */
    seed: z.string(),
    devices: z.int(),
    ...Compatibility.omit({ devices: true }).shape,
    warnings: z.array(z.string()).default([]),
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
    /** What the state speaks of: a release with firmware installs it before its model, and takes it back behind it. */
    component: z.enum(['model', 'firmware']).default('model'),
    step: z.int(),
    /** Bytes of it stored, of all. */
    offset: z.int(),
    bytes: z.int(),
    /** How often it was offered. */
    attempts: z.int(),
    /** It waits until then: jitter, back-off, or a rate for devices that joined later. */
    notBefore: Timestamp.nullable(),
    /** First offered. */
    offeredAt: Timestamp.nullable().default(null),
    /** The first word of the device about it. */
    heardAt: Timestamp.nullable().default(null),
    /** Ended, well or not. */
    finishedAt: Timestamp.nullable().default(null),
    errorCode: z.int().nullable(),
    errorTitle: z.string().nullable(),
    updatedAt: Timestamp,
  })
  .meta({ id: 'Deployment' });
export const DeploymentOfProject = Deployment.extend({
  rollout: z.int(),
  release: ReleaseRef,
  warnings: z.array(z.string()).default([]),
}).meta({
  id: 'DeploymentOfProject',
});

/** How often two models said the same, with devices as the unit: 95 % bounds that hold however often one looks. */
const Agreement = z.object({
  devices: z.int(),
  runs: z.int(),
  agreed: z.int(),
  /** Mean of the devices' shares; null: nobody has told anything yet. */
  share: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
});
export const ShadowReport = Agreement.extend({
  /** Still running, and done. */
  running: z.int(),
  compared: z.int(),
  /** Runs that time or battery did not allow. */
  skipped: z.int(),
  bySegment: z.array(Agreement.extend({ by: z.enum(['type', 'site']), value: z.string() })),
  /** The active model said one thing and the shadow another, commonest first. */
  disagreements: z.array(
    z.object({
      active: z.string(),
      shadow: z.string(),
      count: z.int(),
      /** Of what the active model called so and the two did not agree on. */
      share: z.number(),
    }),
  ),
  /** Disagreements of devices that had no room to count which. */
  unspecified: z.int(),
  /** Where they agree least. */
  least: z.array(z.object({ device: Name, runs: z.int(), share: z.number() })),
}).meta({ id: 'ShadowReport' });

/** B against A. open: it goes on. none: its time is over and it is not clear. */
export const AbOutcome = z
  .enum(['b-better', 'a-better', 'differs', 'same', 'open', 'none'])
  .meta({ id: 'AbOutcome' });
export const AbReport = z
  .object({
    outcome: AbOutcome,
    release: ReleaseRef,
    /** Null: what each device ran. */
    against: ReleaseRef.nullable(),
    percent: z.number(),
    /** Bounds hold however often one looks. Positive: B is better; for class-mix: B has more of the class. */
    effects: z.array(
      z.object({
        metric: z.string(),
        unit: GateFinding.shape.unit,
        effect: z.number().nullable(),
        low: z.number().nullable(),
        high: z.number().nullable(),
        margin: z.number(),
        devicesB: z.int(),
        devicesA: z.int(),
      }),
    ),
    judgedAt: Timestamp,
  })
  .meta({ id: 'AbReport' });
/** What a rollout has shown so far, in words and numbers. */
export const RolloutReport = z
  .object({
    number: z.int(),
    kind: RolloutKind,
    release: ReleaseRef,
    state: RolloutState,
    words: z.array(z.string()),
    shadow: ShadowReport.nullable(),
    ab: AbReport.nullable(),
  })
  .meta({ id: 'RolloutReport' });

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
      'warning',
      'approved',
      'next-step',
      'soak',
      'gate',
      'shadow',
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

/** Where its devices stood, over time: the last word of each of at most `points` equal parts of it. */
export const RolloutHistory = z
  .object({
    points: z.array(z.object({ at: Timestamp, state: RolloutState, step: z.int(), counts })),
  })
  .meta({ id: 'RolloutHistory' });

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
    /** Offered a release by all rollouts of the project together; null: no limit but their own. */
    devicesPerMinute: z.int().min(1).max(1_000_000).nullable().default(null),
    /** Devices of all rollouts of the project that fetch at the same time; null: no limit but their own. */
    concurrentTransfers: z.int().min(1).max(1_000_000).nullable().default(null),
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
