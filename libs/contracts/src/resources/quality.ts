/** Telemetry windows, labels and what is drawn from them. */
import { z } from '../zod.js';
import { BootIdHex, Name, ReleaseRef, Timestamp } from '../names.js';

export const TelemetryWindow = z
  .object({
    bootId: BootIdHex,
    sequence: z.int(),
    startAt: Timestamp,
    lengthMs: z.int(),
    release: ReleaseRef.nullable(),
    n: z.int(),
    /** Predicted count per class. */
    classCounts: z.array(z.int()),
    /** Class-major counts per confidence bin. */
    confidence: z.array(z.array(z.int())),
    switches: z.int().nullable(),
    saturated: z.int().nullable(),
    cyclesMean: z.int().nullable(),
    cyclesMax: z.int().nullable(),
    arenaBytes: z.int().nullable(),
    batteryPercent: z.int().nullable(),
  })
  .meta({ id: 'TelemetryWindow' });
export const RangeQuery = z.object({
  from: Timestamp.optional(),
  to: Timestamp.optional(),
  /** Bucket length; default fits about 200 buckets into the range, 100 where each is estimated. */
  bucketSeconds: z.coerce.number().int().min(10).max(604_800).optional(),
});
export const AccuracyPoint = z.object({
  at: Timestamp,
  release: ReleaseRef,
  labels: z.int(),
  correct: z.int(),
  accuracy: z.number(),
  /** 95 % Wilson interval. */
  low: z.number(),
  high: z.number(),
});
export const AccuracySeries = z.object({
  bucketSeconds: z.int(),
  points: z.array(AccuracyPoint),
  /** Over the whole range, by version. */
  totals: z.array(AccuracyPoint.omit({ at: true })),
});
export const ClassMix = z.object({
  bucketSeconds: z.int(),
  labels: z.array(z.string()),
  points: z.array(z.object({ at: Timestamp, release: ReleaseRef, counts: z.array(z.int()) })),
});
export const VersionShare = z.object({
  bucketSeconds: z.int(),
  /** Devices that reported with this version in the bucket, which is a day at most. */
  points: z.array(z.object({ at: Timestamp, release: ReleaseRef.nullable(), devices: z.int() })),
});
export const LabelBatch = z.object({
  labels: z
    .array(
      z.object({
        device: Name,
        bootId: BootIdHex,
        inferenceIndex: z.int().min(0).max(4_294_967_295),
        /** Class index or the model's label text. */
        label: z.union([z.int().min(0).max(4_095), z.string().max(120)]),
      }),
    )
    .min(1)
    .max(5_000),
  source: z.string().max(63).default('api'),
});
export const LabelResult = z.object({ accepted: z.int(), duplicates: z.int() }).meta({ id: 'LabelResult' });

/** Why there is no estimate. */
export const Abstention = z.object({ reason: z.string(), words: z.string() });
export const AccuracyEstimatePoint = z.object({
  at: Timestamp,
  release: ReleaseRef,
  /** Predictions in it. */
  n: z.int(),
  /** Null: it abstains. */
  value: z.number().nullable(),
  /** 90 % interval. */
  low: z.number().nullable(),
  high: z.number().nullable(),
  /** What it rests on: predictions alone, or labels as well, of this bucket or of earlier ones. */
  basis: z.enum(['predictions', 'labels']),
  /** Labels that chance chose, in this bucket. */
  labels: z.int(),
  /** Half widths of the interval without labels; null where it has none. */
  parts: z.object({ sampling: z.number(), calibration: z.number(), shift: z.number() }).nullable(),
  /** Expected area under the ROC curve of a model of two classes. */
  auc: z.number().nullable(),
  abstains: Abstention.nullable(),
});
export const AccuracyEstimates = z.object({
  bucketSeconds: z.int(),
  points: z.array(AccuracyEstimatePoint),
  /** Over the whole range, by version. */
  totals: z.array(AccuracyEstimatePoint.omit({ at: true })),
});
export const DeviceEstimate = z.object({
  device: Name,
  n: z.int(),
  /** Its own predictions alone; null: it abstains. */
  own: z.number().nullable(),
  /** Moved towards its group by as much as its own error and the spread of devices say; with a 90 % interval. */
  value: z.number().nullable(),
  low: z.number().nullable(),
  high: z.number().nullable(),
  abstains: Abstention.nullable(),
});
export const DeviceEstimates = z.object({
  release: ReleaseRef,
  days: z.int(),
  /** Of the devices that have an estimate; `between` is the standard deviation of devices. Null: none has. */
  group: z
    .object({ value: z.number(), low: z.number(), high: z.number(), between: z.number(), devices: z.int() })
    .nullable(),
  /** The lowest first. */
  items: z.array(DeviceEstimate),
});
export const DeviceEstimateQuery = z.object({
  release: ReleaseRef,
  /** Days in UTC, today among them. */
  days: z.coerce.number().int().min(1).max(90).default(7),
  /** Of those that predicted most on its newest two days: each is estimated by itself. */
  limit: z.coerce.number().int().min(1).max(1_000).default(200),
});

const Share = z.object({
  n: z.int(),
  correct: z.int(),
  value: z.number(),
  low: z.number(),
  high: z.number(),
});
/** From labels whose predictions chance chose; 95 % Wilson intervals. */
export const LabelledQuality = z
  .object({
    release: ReleaseRef,
    /** Of a model of many classes those with the most labels. */
    classes: z.array(z.string()),
    /** How many are not among them: in the accuracy and the calibration they are. */
    otherClasses: z.int(),
    accuracy: Share,
    /** confusion[true][predicted] */
    confusion: z.array(z.array(z.int())),
    /** By true class. */
    recall: z.array(Share),
    /** By predicted class. */
    precision: z.array(Share),
    /** By bin of confidence; `confidence` is the mean in it, `value` how many were right. */
    calibration: z.array(Share.extend({ confidence: z.number() })),
    /** Mean distance of confidence and share of right ones, by labels. */
    calibrationError: z.number().nullable(),
    auc: z.number().nullable(),
    /** Labels that were asked for and not drawn: in none of the figures above. */
    asked: z.int(),
  })
  .meta({ id: 'LabelledQuality' });
export const LabelledQuery = z.object({
  release: ReleaseRef,
  from: Timestamp.optional(),
  to: Timestamp.optional(),
});

export const LabelReason = z.enum(['chance', 'unsure', 'asked']).meta({ id: 'LabelReason' });
const Inference = z.object({
  device: Name,
  bootId: BootIdHex,
  inferenceIndex: z.int().min(0).max(4_294_967_295),
});
/** A prediction to label, kept for one person until `claimedUntil`. */
export const LabelItem = Inference.extend({
  at: Timestamp,
  release: ReleaseRef.nullable(),
  classes: z.array(z.string()),
  predicted: z.int(),
  /** 0..1 */
  confidence: z.number(),
  reason: LabelReason,
  note: z.string(),
  /** What the device measured, where it was sent. */
  sample: z.uuid().nullable(),
  claimedUntil: Timestamp,
}).meta({ id: 'LabelItem' });
export const LabelClaim = z.object({
  count: z.int().min(1).max(100).default(10),
  release: ReleaseRef.optional(),
  device: Name.optional(),
  /** First what the caller holds already, for another 15 minutes: a page that was loaded again goes on where it was. */
  resume: z.boolean().default(false),
});
export const LabelItems = z.object({ items: z.array(LabelItem) });
export const LabelSkip = z.object({
  items: z.array(Inference).min(1).max(100),
  note: z.string().max(200).default(''),
});
export const LabelSkipResult = z.object({ skipped: z.int() });
export const LabelUndo = z.object({ items: z.array(Inference).min(1).max(100) });
export const LabelReturn = z.object({
  /** Default: all that the caller holds. */
  items: z.array(Inference).min(1).max(100).optional(),
});
export const LabelReturnResult = z.object({ returned: z.int() });
export const LabelTaskRequest = z.object({
  devices: z.array(Name).min(1).max(1_000),
  /** Predictions of each, the newest first. */
  perDevice: z.int().min(1).max(1_000).default(20),
  note: z.string().max(200).default(''),
});
export const LabelTaskResult = z.object({ opened: z.int() });
export const LabelQueue = z
  .object({
    /** Predictions that devices kept and nobody has labelled; counted up to 10,000. */
    unlabelled: z.int(),
    open: z.int(),
    claimed: z.int(),
    skipped: z.int(),
    labelled: z.int(),
  })
  .meta({ id: 'LabelQueue' });
export const LabelImportQuery = z.object({
  dryRun: z.enum(['true', 'false']).default('false'),
  source: z.string().max(63).default('csv'),
});
export const LabelImportResult = z
  .object({ rows: z.int(), accepted: z.int(), duplicates: z.int(), dryRun: z.boolean() })
  .meta({ id: 'LabelImportResult' });

export const SampleSettings = z
  .object({
    /** Devices may send what they measured. Off: it is thrown away when it comes. */
    enabled: z.boolean(),
    /** Days after which a sample is deleted. */
    retentionDays: z.int().min(1).max(365),
    /** Of samples, by device and day (UTC). */
    bytesPerDeviceDay: z.int().min(1_024).max(104_857_600),
  })
  .meta({ id: 'SampleSettings' });
export const Sample = z
  .object({
    id: z.uuid(),
    device: Name,
    bootId: BootIdHex,
    inferenceIndex: z.int(),
    release: ReleaseRef.nullable(),
    bytes: z.int(),
    encoding: z.enum(['int8', 'int16']),
    predicted: z.int().nullable(),
    /** 0..1 */
    confidence: z.number().nullable(),
    /** It answers a command; else the device sent it of its own accord. */
    asked: z.boolean(),
    complete: z.boolean(),
    receivedAt: Timestamp,
    /** When it is deleted. */
    deletedAfter: Timestamp,
  })
  .meta({ id: 'Sample' });
