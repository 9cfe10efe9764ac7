/** How a rollout goes about it: whom, how many at a time, how fast, when, and what happens when it goes wrong. */
import { z } from '../zod.js';
import { Name, ReleaseRef } from '../names.js';
import { Filter } from './devices.js';
import { Gate, GateKind, GatePolicy } from './gates.js';

const seconds = (most: number) => z.int().min(0).max(most);
const day = 86_400;

/** One of percent, count and group says who joins; percents and counts are cumulative. */
export const RolloutStep = z
  .object({
    /** Of the target that is not held back. */
    percent: z.number().min(0.01).max(100).optional(),
    /** Devices, with those of the steps before. */
    count: z.int().min(1).max(10_000_000).optional(),
    /** Members of this group that are in the target and in no step before. */
    group: Name.optional(),
    /** At least so long after its devices are active, before the next step. */
    soakSeconds: seconds(30 * day).default(0),
    /** A gate that is still undecided by then pauses the rollout, or what `onUndecided` says. Default: 14 days, or twice the least soak. */
    maxSoakSeconds: seconds(90 * day)
      .min(1)
      .optional(),
    /** Somebody else than who started the rollout says yes before this step begins. */
    approval: z.boolean().default(false),
    /** What its devices have to prove before the next step; instead of the rollout's. Empty: nothing. */
    gates: z.array(Gate).max(12).optional(),
  })
  .refine(
    ({ percent, count, group }) => [percent, count, group].filter((one) => one !== undefined).length === 1,
    {
      message: 'give one of percent, count and group',
    },
  )
  .meta({ id: 'RolloutStep' });

/** `22:00` to `04:00` ends on the next day, which is the day after one of `days`. */
export const MaintenanceWindow = z
  .object({
    days: z
      .array(z.enum(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']))
      .min(1)
      .max(7)
      .default(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun']),
    from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'use HH:MM'),
    to: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'use HH:MM'),
  })
  .meta({ id: 'MaintenanceWindow' });

const retry = (max: number, backoffSeconds: number) =>
  z
    .object({
      max: z.int().min(0).max(20).default(max),
      /** Before the first retry; doubles with each. */
      backoffSeconds: seconds(day).default(backoffSeconds),
      maxBackoffSeconds: seconds(7 * day).default(3_600),
    })
    .prefault({});

/** How often a device is offered the release again, by what went wrong. */
export const RetryPolicy = z
  .object({
    /** The bytes did not arrive whole. */
    transfer: retry(2, 5),
    /** Something of the device's that may pass by itself, such as a low battery. */
    device: retry(2, 60),
    /** Heard of, and no progress within a timeout. */
    stuck: retry(2, 0),
    /** It judged the release or its self-test and said no. */
    rejected: retry(0, 0),
  })
  .prefault({})
  .meta({ id: 'RetryPolicy' });

const timeout = seconds(30 * day)
  .min(1)
  .optional();
/** Longest time in a state without a word of progress; the default of each is `deviceTimeoutSeconds`. */
export const StateTimeouts = z
  .object({
    offered: timeout,
    fetching: timeout,
    verified: timeout,
    staged: timeout,
    trial: timeout,
    /** On top of the release's soak time. */
    soak: timeout,
    /** Without a word at all. */
    shadow: timeout,
    returning: timeout,
  })
  .prefault({})
  .meta({ id: 'StateTimeouts' });

export const FailureAction = z
  .enum(['pause', 'abort', 'rollback', 'rollback-segment'])
  .meta({ id: 'FailureAction' });

/** The release runs from the inactive slot beside the active model, on the same inputs; nothing acts on what it says. */
export const ShadowPolicy = z
  .object({
    /** On every n-th inference. */
    every: z.int().min(1).max(65_535).default(1),
    /** So long after the devices of the last step have begun; those that join later have less. */
    seconds: z
      .int()
      .min(1)
      .max(30 * day)
      .default(day),
  })
  .meta({ id: 'ShadowPolicy' });

export const AbMetric = GateKind.extract([
  'confidence',
  'class-mix',
  'ood',
  'latency',
  'energy',
  'resets',
  'accuracy',
]).meta({ id: 'AbMetric' });

/** The release (B) on a share of the devices, something else (A) on the others, until it is clear which is better. */
export const AbPolicy = z
  .object({
    /** Release A. Default: what each device runs. */
    against: ReleaseRef.optional(),
    /** Share of B. */
    percent: z.number().min(1).max(99).default(50),
    metric: AbMetric.default('confidence'),
    /** A smaller difference is none, in the unit of the metric. Default: its gate's. */
    margin: z.number().positive().max(100).optional(),
    /** Chance that a difference is found where there is none, whenever one looks. */
    alpha: z.number().min(0.0001).max(0.2).default(0.05),
    minSeconds: seconds(30 * day).default(3_600),
    /** It ends then, clear or not. */
    maxSeconds: seconds(90 * day)
      .min(1)
      .default(14 * day),
    /** Telemetry window asked of both sides. */
    windowSeconds: z.int().min(10).max(3_600).default(300),
    /** Windows of a device count from so long after its switch. */
    warmUpSeconds: z.int().min(0).max(day).default(0),
  })
  .meta({ id: 'AbPolicy' });

const fields = z.object({
  /** Who takes part. Give `filter` or `group`. */
  filter: Filter.optional(),
  group: Name.optional(),
  /** Devices that match later join the step that runs then, so many per minute. */
  dynamic: z.boolean().default(false),
  joinersPerMinute: z.int().min(1).max(100_000).default(10),
  /** A number is a percent. They rise, and the last one is 100 percent. */
  steps: z
    .array(z.union([z.number().min(0.01).max(100), RolloutStep]))
    .min(1)
    .max(50)
    .default([100]),
  /** Share of the target that stays on the old version to the end, for comparison. */
  holdBackPercent: z.number().min(0).max(50).default(0),
  /** With gates and no hold-back: share that waits until the last step has passed. */
  lastControlPercent: z.number().min(0).max(50).default(5),
  /** Chooses canaries; the same seed chooses the same. Default: the rollout's own. */
  seed: z.string().min(1).max(64).optional(),
  devicesPerMinute: z.int().min(1).max(1_000_000).optional(),
  concurrentTransfers: z.int().min(1).max(1_000_000).optional(),
  /** The devices of a step begin spread over this time. */
  jitterSeconds: seconds(7 * day).default(0),
  /** Offers are made, and good, inside these only. None: at any time. */
  windows: z.array(MaintenanceWindow).max(20).default([]),
  /** Of devices without an attribute `timeZone`; a name of the IANA database. */
  timeZone: z.string().min(1).max(64).default('UTC'),
  /** A device with less waits; one that never told its battery does not. */
  batteryFloorPercent: z.int().min(1).max(100).optional(),
  /** Values of the attribute `connection` that may fetch; a device without that attribute waits. */
  connections: z.array(z.string().min(1).max(63)).min(1).max(16).optional(),
  timeouts: StateTimeouts,
  retries: RetryPolicy,
  /** Of two rollouts that want a device the higher one has it. */
  priority: z.int().min(0).max(100).default(50),
  /** Share of a step's devices that may fail before `onFailure`, percent. */
  maxFailurePercent: z.number().min(0).max(100).default(5),
  /** A device that says nothing for this long counts as silent. */
  deviceTimeoutSeconds: z.int().min(1).max(2_592_000).default(600),
  /** What every step has to prove, and how sure that has to be. */
  gates: GatePolicy.optional(),
  onFailure: FailureAction.default('pause'),
  onUndecided: z.enum(['pause', 'continue', 'rollback']).default('pause'),
  /** Somebody else than who starts it says yes before the first device is offered anything. */
  approval: z.boolean().default(false),
  shadow: ShadowPolicy.optional(),
  ab: AbPolicy.optional(),
});

type Fields = z.infer<typeof fields>;
const isWhole = (step: Fields['steps'][number] | undefined): boolean =>
  step === 100 || (typeof step === 'object' && step.percent === 100);
const rises = (numbers: readonly number[]): boolean =>
  numbers.every((one, i) => i === 0 || one > (numbers[i - 1] ?? 0));
const risingSteps = ({ steps }: Pick<Fields, 'steps'>): boolean =>
  isWhole(steps.at(-1)) &&
  rises(steps.flatMap((step) => (typeof step === 'number' ? step : (step.percent ?? [])))) &&
  rises(steps.flatMap((step) => (typeof step === 'number' ? [] : (step.count ?? []))));
const stepsMessage = { message: 'steps rise and end with 100', path: ['steps'] };
const knownZone = ({ timeZone }: Pick<Fields, 'timeZone'>): boolean => {
  try {
    new Intl.DateTimeFormat('en', { timeZone });
    return true;
  } catch {
    return false;
  }
};
const zoneMessage = { message: 'use a time zone such as Europe/Berlin', path: ['timeZone'] };

/** Why a shadow or a comparison cannot have what was asked for, or undefined. */
function conflict({ shadow, ab, ...policy }: Fields): { message: string; path: string[] } | undefined {
  const { gates, steps, holdBackPercent, onFailure } = policy;
  const hasGates =
    gates !== undefined || steps.some((step) => typeof step === 'object' && (step.gates?.length ?? 0) > 0);
  if (shadow && ab) return { message: 'a rollout is a shadow or a comparison, not both', path: ['ab'] };
  if (!shadow && !ab) return undefined;
  if (hasGates) return { message: 'shadows and comparisons have no gates', path: ['gates'] };
  if (holdBackPercent > 0)
    return { message: 'shadows and comparisons hold nobody back', path: ['holdBackPercent'] };
  if (shadow && onFailure.startsWith('rollback'))
    return { message: 'a shadow has nothing to take back: use pause or abort', path: ['onFailure'] };
  if (ab && steps.length > 1) return { message: 'a comparison has one step', path: ['steps'] };
  if (ab && ab.minSeconds > ab.maxSeconds)
    return { message: 'it may take at least as long as it has to', path: ['ab', 'maxSeconds'] };
  return undefined;
}
const agrees = (policy: Fields, context: z.RefinementCtx<Fields>): void => {
  const found = conflict(policy);
  if (found) context.addIssue({ code: 'custom', ...found });
};

/** As stored and shown, with every default. */
export const RolloutPolicy = fields
  .omit({ filter: true, group: true })
  .refine(risingSteps, stepsMessage)
  .meta({ id: 'RolloutPolicy' });

/** The release is named beside it. */
export const RolloutRequest = fields
  .refine(risingSteps, stepsMessage)
  .refine(knownZone, zoneMessage)
  .superRefine(agrees)
  .refine(({ filter, group }) => (filter === undefined) !== (group === undefined), {
    message: 'give filter or group',
    path: ['filter'],
  });
