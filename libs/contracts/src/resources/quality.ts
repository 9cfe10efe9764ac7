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
  /** Bucket length; default fits about 200 buckets into the range. */
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
  /** Devices that reported with this version in the bucket. */
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
