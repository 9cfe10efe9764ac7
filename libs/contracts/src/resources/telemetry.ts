/** What telemetry lost: payloads that were refused, messages that never came. */
import { z } from '../zod.js';
import { BootIdHex, Name, ReleaseRef, Timestamp } from '../names.js';

export const TelemetryRefusal = z
  .object({
    /** UTC. */
    day: z.iso.date(),
    /** Null: it is gone. */
    device: Name.nullable(),
    /** Registered error. */
    code: z.string(),
    count: z.int(),
    lastAt: Timestamp,
    /** First bytes of the last such payload, hexadecimal, at most 512. */
    sample: z.string(),
  })
  .meta({ id: 'TelemetryRefusal' });

/** A registered error of one device and day: reported by it, or for which the server refused what it sent. */
export const DeviceLogEntry = z
  .object({
    /** UTC. */
    day: z.iso.date(),
    by: z.enum(['device', 'server']),
    /** Registered error; `unknown`: of a newer firmware. */
    code: z.string(),
    /** As the device reported it. */
    number: z.int().nullable(),
    title: z.string(),
    count: z.int(),
    /** Null: not on record. */
    firstAt: Timestamp.nullable(),
    lastAt: Timestamp,
    /** That it was last about; null: about none. */
    deployment: z.object({ rollout: z.int(), release: ReleaseRef }).nullable(),
  })
  .meta({ id: 'DeviceLogEntry' });

export const TelemetryGap = z
  .object({
    device: Name,
    /** Of the present boot. */
    bootId: BootIdHex,
    /** Highest number that came. */
    lastSequence: z.int(),
    /** Numbers below it that never came. */
    missing: z.int(),
    /** Of its last hello. */
    helloAt: Timestamp.nullable(),
  })
  .meta({ id: 'TelemetryGap' });

export const DeviceConnectionQuery = z.object({
  /** To now; connections are kept for 14 days. */
  days: z.coerce.number().int().min(1).max(14).default(7),
});
const Between = z.object({ from: Timestamp, to: Timestamp });
/** When a device was connected. */
export const DeviceConnections = z
  .object({
    device: Name,
    from: Timestamp,
    to: Timestamp,
    isConnected: z.boolean(),
    /** The oldest first; of more than 2,000 the newest. Cut to the range; the last one goes on where the device is connected. */
    connections: z.array(Between),
    /** Nothing is on record before: it was never connected until then, or that is no longer known. Null: no connection is. */
    recordedFrom: Timestamp.nullable(),
    /** When no device could connect, because this server did not run. */
    outages: z.array(Between),
  })
  .meta({ id: 'DeviceConnections' });

export const RetentionKind = z.enum([
  'windows',
  'hours',
  'deviceDays',
  'accuracyHours',
  'predictions',
  'labelTasks',
  'samples',
  'refusals',
  'alerts',
  'boots',
]);
/** Days after which something is removed. Nothing of them is kept longer by accident: removing is looked after once an hour. */
export const RetentionSettings = z
  .object({
    /** Windows as they came. Null: as long as the instance keeps them, which is also the most. */
    windowDays: z.int().min(1).max(3_650).nullable(),
    /** Sums by hour, of telemetry and of labels; at least as long as windows. Null: for good. */
    hourDays: z.int().min(1).max(3_650).nullable(),
    /** Sums by device and day; at least as long as windows. Null: for good. */
    deviceDayDays: z.int().min(1).max(3_650).nullable(),
    /** Messages that were refused, with their first bytes. */
    refusalDays: z.int().min(1).max(365),
    /** Predictions that wait for a label, and tasks of the labelling queue. */
    predictionDays: z.int().min(1).max(365),
    /** Alerts, from their end; open ones stay. */
    alertDays: z.int().min(1).max(3_650),
  })
  .meta({ id: 'RetentionSettings' });
export const Retention = z
  .object({
    settings: RetentionSettings,
    /** What holds for windows: the setting, at most the instance's. */
    windowDays: z.int(),
    /** Windows that began before it are gone; one that comes again is refused. */
    windowsFrom: Timestamp.nullable(),
    /** When something was removed last, and how many rows of what. */
    removedAt: Timestamp.nullable(),
    removed: z.partialRecord(RetentionKind, z.int()),
  })
  .meta({ id: 'Retention' });

/** Lines of windows: of the device with this name, of windows that began in [from, to). */
export const TelemetryExportQuery = z.object({
  device: Name.optional(),
  from: Timestamp.optional(),
  to: Timestamp.optional(),
});
export const BackfillResult = z
  .object({
    /** That are not empty. */
    lines: z.int(),
    stored: z.int(),
    /** Known already: they change nothing. */
    duplicates: z.int(),
    refused: z.int(),
    /** The first 100 of them. */
    errors: z.array(
      z.object({ line: z.int(), device: Name.nullable(), code: z.string(), message: z.string() }),
    ),
  })
  .meta({ id: 'BackfillResult' });
export const RollupRebuildRequest = z.object({
  /** UTC. */
  day: z.iso.date(),
});
export const RollupRebuild = z
  .object({
    day: z.iso.date(),
    windows: z.int(),
    /** Windows whose bundle was not known when they came, and is now. */
    named: z.int(),
    /** Rows of sums by hour, and by device and day. */
    hours: z.int(),
    deviceDays: z.int(),
    /** Labels that sums of accuracy lacked, and have now. */
    labels: z.int(),
  })
  .meta({ id: 'RollupRebuild' });
