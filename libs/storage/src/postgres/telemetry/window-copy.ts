/** Column map of the telemetry stage for binary COPY. */
import type { WindowRow } from '@tinyfleet/telemetry';
import {
  BinaryCopy,
  bool,
  bytea,
  int2,
  int4,
  int8,
  nullable,
  text,
  type ColumnType,
} from '../binary-copy.js';

// Telemetry is the one table whose rows are counted by the million: its columns avoid BigInt and repeated parsing.
const twoTo32 = 2 ** 32;

function writeInteger(sink: Buffer, at: number, value: number): number {
  const high = Math.floor(value / twoTo32);
  sink.writeInt32BE(8, at);
  sink.writeInt32BE(high, at + 4);
  sink.writeUInt32BE(value - high * twoTo32, at + 8);
  return at + 12;
}
/** An int8 column whose values are safe integers. */
const integer: ColumnType<number> = { bytes: () => 12, write: writeInteger };

const epochOffsetMs = 946_684_800_000;
/** Unix ms as microseconds since 2000; exact, because both stay below 2^53. */
const instant: ColumnType<number> = {
  bytes: () => 12,
  write: (sink, at, value) => writeInteger(sink, at, (Math.trunc(value) - epochOffsetMs) * 1_000),
};

/** uint64 as two's complement. */
const signed: ColumnType<bigint> = {
  bytes: () => 12,
  write: (sink, at, value) => int8.write(sink, at, BigInt.asIntN(64, value)),
};

/** Keys repeat: the same devices, types and versions in every batch. */
const parsed = new Map<string, Buffer>();
const maxParsed = 100_000;
const uuid: ColumnType<string> = {
  bytes: () => 20,
  write(sink, at, value) {
    let bytes = parsed.get(value);
    if (!bytes) {
      bytes = Buffer.from(value.replaceAll('-', ''), 'hex');
      if (parsed.size >= maxParsed) parsed.clear();
      parsed.set(value, bytes);
    }
    sink.writeInt32BE(16, at);
    sink.set(bytes, at + 4);
    return at + 20;
  },
};

/** 31 columns of at most 20 bytes each, and those whose length is their value's. */
const rowBytes = (row: WindowRow): number =>
  2 +
  31 * 20 +
  3 * row.site.length +
  row.classes.length +
  (row.features?.length ?? 0) +
  (row.ood?.length ?? 0);

export const windowCopy = (): BinaryCopy<WindowRow> =>
  new BinaryCopy<WindowRow>(
    'telemetry_stage',
    {
      projectId: { column: 'project_id', type: uuid },
      deviceId: { column: 'device_id', type: uuid },
      bootId: { column: 'boot_id', type: signed },
      sequence: { column: 'seq', type: integer },
      windowStartMs: { column: 'window_start', type: instant },
      windowMs: { column: 'window_ms', type: int4 },
      receivedAtMs: { column: 'received_at', type: instant },
      component: { column: 'component', type: int2 },
      timeKnown: { column: 'time_known', type: bool },
      modelVersionId: { column: 'model_version_id', type: uuid },
      typeId: { column: 'type_id', type: uuid },
      site: { column: 'site', type: text },
      buildPrefix: { column: 'build_prefix', type: bytea },
      schemaCrc: { column: 'schema_crc', type: integer },
      n: { column: 'n', type: int4 },
      confidenceBins: { column: 'confidence_bins', type: int2 },
      classes: { column: 'classes', type: bytea },
      features: { column: 'features', type: nullable(bytea) },
      ood: { column: 'ood', type: nullable(bytea) },
      switches: { column: 'switches', type: nullable(int4) },
      saturated: { column: 'saturated', type: nullable(int4) },
      stuck: { column: 'stuck', type: nullable(int4) },
      droppedFrames: { column: 'dropped_frames', type: nullable(int4) },
      invalid: { column: 'invalid', type: nullable(int4) },
      cyclesMean: { column: 'cycles_mean', type: nullable(integer) },
      cyclesMax: { column: 'cycles_max', type: nullable(integer) },
      arenaBytes: { column: 'arena_bytes', type: nullable(integer) },
      stackBytes: { column: 'stack_bytes', type: nullable(integer) },
      batteryPercent: { column: 'battery_percent', type: nullable(int2) },
      resets: { column: 'resets', type: nullable(int4) },
      firstIndex: { column: 'first_index', type: nullable(integer) },
    },
    rowBytes,
  );
