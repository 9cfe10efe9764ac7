/** Drift detection as people set it up, the alerts it opens, and where these go. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';

/**
 * Something moved; devices stopped sending; devices stay on a revoked release; no device can reach the server.
 * The last two, and silence by the time of the next contact, need no healthy period.
 */
export const AlertKind = z.enum(['drift', 'silence', 'revoked', 'away']).meta({ id: 'AlertKind' });
/** Muted: known, and nobody is told of it until `mutedUntil`. */
export const AlertState = z.enum(['open', 'acknowledged', 'muted', 'resolved']).meta({ id: 'AlertState' });
export const AlertSeverity = z.enum(['warning', 'critical']).meta({ id: 'AlertSeverity' });
/** What most likely moved (docs/design/quality.md, Scope, cause, verdict). */
export const AlertVerdict = z
  .enum(['sensor', 'pre-processing', 'class mix', 'world', 'unknown'])
  .meta({ id: 'AlertVerdict' });
export const AlertScope = z.enum(['device', 'attribute', 'everyone']).meta({ id: 'AlertScope' });
export const AlertActionName = z
  .enum(['hold-rollout', 'roll-back', 'request-samples', 'labelling-task'])
  .meta({ id: 'AlertActionName' });

export const Alert = z
  .object({
    /** Counts from 1 in the project. */
    number: z.int(),
    kind: AlertKind,
    state: AlertState,
    severity: AlertSeverity,
    verdict: AlertVerdict.nullable(),
    scope: AlertScope,
    /** Who: `device=d-17`, `site=a`, `batch=b2 version=kws@1.1.0`, `everyone`. At most one alert of a kind is open for it. */
    subject: z.string(),
    title: z.string(),
    model: Name.nullable(),
    openedAt: Timestamp,
    lastSeenAt: Timestamp,
    /** Alarms behind it. */
    times: z.int(),
    /** How often it was calm and came back. */
    reopened: z.int(),
    owner: z.string().nullable(),
    acknowledgedAt: Timestamp.nullable(),
    acknowledgedBy: z.string().nullable(),
    escalatedAt: Timestamp.nullable(),
    mutedUntil: Timestamp.nullable(),
    resolvedAt: Timestamp.nullable(),
    /** `engine`: it was calm again. */
    resolvedBy: z.string().nullable(),
  })
  .meta({ id: 'Alert' });

export const AlertShift = z.object({
  stream: z.string(),
  /** In the stream's units: standard deviations of an observation, or a share. */
  shift: z.number(),
  windows: z.int(),
  /** Standard normal while nothing changes. */
  score: z.number(),
});
/** What spoke: each is a heading of docs/formulas.md. */
export const AlertFormula = z
  .enum([
    'cusum-of-a-share',
    'cusum-of-a-mean',
    'cusum-of-a-spread',
    'share-against-validation-data',
    'mean-against-validation-data',
    'spread-against-validation-data',
    'level-against-other-devices',
    'range-against-other-devices',
    'counter-against-other-devices',
    'missed-rounds',
    'late-contacts',
    'revoked-release',
    'no-edge',
  ])
  .meta({ id: 'AlertFormula' });
export const AlertEvidence = z
  .object({
    /** The verdict's reasons, in words. */
    statements: z.array(z.string()),
    /** The stream that alarmed, and what moves with it. */
    shifts: z.array(AlertShift),
    changedAt: Timestamp.nullable(),
    /** Length of a round. */
    roundSeconds: z.int().nullable(),
    /** Of those concerned, at most 50. */
    devices: z.array(z.string()),
    deviceCount: z.int(),
    /** What it was judged against, in words: a period, or the validation data of a build. */
    judgedAgainst: z.string().default(''),
    /** Missing: the alert is older than what names it. */
    formula: AlertFormula.optional(),
    /** The declared one; null: none was. */
    baseline: z.object({ number: z.int(), from: Timestamp, to: Timestamp }).nullable(),
    /** Rounds between false alarms of one stream. */
    arl0: z.number().nullable(),
    /** Least false discovery rate at which it would be shown (e-BH); it ranks, and pages nobody. */
    falseDiscoveryRate: z.number().nullable(),
  })
  .meta({ id: 'AlertEvidence' });
export const AlertDelivery = z
  .object({
    route: Name,
    event: z.enum(['opened', 'reopened', 'escalated', 'resolved', 'test']),
    state: z.enum(['waiting', 'delivered', 'failed']),
    attempts: z.int(),
    error: z.string().nullable(),
    at: Timestamp,
  })
  .meta({ id: 'AlertDelivery' });
export const AlertDetail = Alert.extend({
  evidence: AlertEvidence,
  /** Paths below the dashboard's address and the documentation's. */
  links: z.object({ evidence: z.string(), formula: z.string() }),
  log: z.array(z.object({ at: Timestamp, by: z.string(), what: z.string(), text: z.string() })),
  deliveries: z.array(AlertDelivery),
  actions: z.array(
    z.object({
      action: AlertActionName,
      state: z.enum(['due', 'done', 'failed']),
      text: z.string(),
    }),
  ),
}).meta({ id: 'AlertDetail' });
export const AlertQuery = z.object({
  state: AlertState.optional(),
  kind: AlertKind.optional(),
  severity: AlertSeverity.optional(),
  model: Name.optional(),
});
const note = z.string().max(2_000).default('');
export const AlertAcknowledge = z.object({
  /** Default: who acknowledges. */
  owner: z.string().min(1).max(200).optional(),
  note,
});
export const AlertResolve = z.object({
  /** What it moved to is healthy from now on. Otherwise it is judged against what it was before, and not told again for a day while it goes on. */
  accept: z.boolean().default(false),
  note,
});
export const AlertMute = z.object({ seconds: z.int().min(60).max(7_776_000), note });
export const AlertComment = z.object({ text: z.string().min(1).max(2_000) });

/** When an alert fits all that is named, these are done once. */
export const AlertRule = z.object({
  kind: AlertKind.optional(),
  verdict: AlertVerdict.optional(),
  scope: AlertScope.optional(),
  severity: AlertSeverity.default('warning'),
  actions: z.array(AlertActionName).min(1).max(4),
});
export const QualitySettings = z
  .object({
    /** In words: bounds the expected number of false pages of the whole project. */
    budget: z.string().max(100).default('at most one false page a week'),
    /** Length of a round; null: the project's window. */
    roundSeconds: z.int().min(10).max(86_400).nullable().default(null),
    /** Rounds that a window may be late. */
    watermarkRounds: z.int().min(0).max(100).default(6),
    /** After its end a round waits so long for its windows. */
    settleSeconds: z.int().min(0).max(3_600).default(120),
    season: z.enum(['day', 'week']).default('day'),
    /** First rounds that teach a watch what its devices do when no healthy period was declared; a day of them at least, or 2,000. */
    learnRounds: z.int().min(24).max(2_000).default(96),
    /** Devices are compared only with those that share this: `site`, or an attribute such as `temperature-band`. */
    conditionBy: z.string().max(63).nullable().default(null),
    /** Rounds without the shift after which an alert resolves itself. */
    calmRounds: z.int().min(1).max(1_000).default(6),
    /** An alert that nobody acknowledged by then is critical, and told again; null: never. */
    escalateAfterMinutes: z.int().min(1).max(43_200).nullable().default(60),
    /** Time that devices have to leave a revoked release before that is an alert; null: it never is. */
    revokedAfterMinutes: z.int().min(0).max(43_200).nullable().default(1_440),
    /** An alert that ended by itself and comes back within this time is opened again, not anew; null: never. */
    reopenMinutes: z.int().min(1).max(43_200).nullable().default(1_440),
    /** Of new alerts. */
    owner: z.string().min(1).max(200).nullable().default(null),
    rules: z.array(AlertRule).max(20).default([]),
  })
  .meta({ id: 'QualitySettings' });
export const QualityBaseline = z
  .object({
    number: z.int(),
    from: Timestamp,
    to: Timestamp,
    note: z.string(),
    declaredBy: z.string(),
    declaredAt: Timestamp,
    /** The newest one is. */
    inForce: z.boolean(),
  })
  .meta({ id: 'QualityBaseline' });
export const QualityBaselineCreate = z.object({
  from: Timestamp,
  to: Timestamp,
  note: z.string().max(500).default(''),
});
export const QualityWatch = z
  .object({
    model: Name,
    /** CRC-32 of the monitors; windows of different ones are never compared. */
    schema: z.int(),
    /** Value of what devices are conditioned by; empty without. */
    part: z.string(),
    /** Starting: the fleet and its versions are judged against validation data, devices when their first rounds are over. */
    state: z.enum(['starting', 'watching', 'unable']),
    reason: z.string(),
    /** The declared healthy period; null: none was declared. */
    baseline: z.int().nullable(),
    /** What it judges against, in words. */
    judgedAgainst: z.string(),
    devices: z.int(),
    streams: z.array(z.string()),
    /** Streams of devices, groups and the fleet that share the budget. */
    streamCount: z.int(),
    arl0: z.number(),
    /** Rounds before it have been judged. */
    judgedUntil: Timestamp,
    /** Windows that came behind the watermark. */
    tooLate: z.int(),
  })
  .meta({ id: 'QualityWatch' });

export const BudgetQuery = z.object({
  /** In words; default: the one in force. */
  budget: z.string().max(100).optional(),
});
export const BudgetCost = z
  .object({
    /** As it is understood. */
    budget: z.string(),
    inForce: z.boolean(),
    /** Of the whole project. */
    falsePagesPerWeek: z.number(),
    roundSeconds: z.int(),
    /** That share it; 0: nothing is watched. */
    streams: z.int(),
    /** Rounds between false alarms of one stream; null: nothing is watched. */
    arl0: z.number().nullable(),
    /** Rounds until a lasting shift is seen, in standard deviations of a stream from round to round. */
    delays: z.array(z.object({ shift: z.number(), rounds: z.number() })),
  })
  .meta({ id: 'BudgetCost' });

export const AlertRouteKind = z.enum(['webhook', 'slack', 'email']).meta({ id: 'AlertRouteKind' });
export const AlertRoute = z
  .object({
    name: Name,
    kind: AlertRouteKind,
    /** Where it goes, without what is secret of it. */
    target: z.string(),
    minSeverity: AlertSeverity,
    enabled: z.boolean(),
    /** Of the last delivery; empty: it went well, or there was none. */
    lastError: z.string(),
    createdBy: z.string(),
    createdAt: Timestamp,
  })
  .meta({ id: 'AlertRoute' });
const route = { name: Name, minSeverity: AlertSeverity.default('warning') };
const address = z.url().max(2_048);
export const AlertRouteCreate = z.discriminatedUnion('kind', [
  z.object({ ...route, kind: z.literal('webhook'), url: address }),
  /** An incoming webhook of Slack, Mattermost, Rocket.Chat or Discord's `/slack`. */
  z.object({ ...route, kind: z.literal('slack'), url: address }),
  z.object({
    ...route,
    kind: z.literal('email'),
    /** `smtps://user:password@host:465`, or `smtp://` with STARTTLS where the server has it. */
    server: z.string().min(1).max(2_048),
    from: z.email().max(254),
    to: z.array(z.email().max(254)).min(1).max(20),
  }),
]);
export const AlertRouteCreated = z
  .object({
    route: AlertRoute,
    /** Of webhooks, shown once: the key of their signatures. */
    secret: z.string().nullable(),
  })
  .meta({ id: 'AlertRouteCreated' });
