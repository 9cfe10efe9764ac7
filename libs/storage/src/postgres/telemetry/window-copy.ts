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
  timestamptz,
  uuid,
} from '../binary-copy.js';

const signed = {
  bytes: int8.bytes,
  write: (sink: Buffer, at: number, value: bigint) => int8.write(sink, at, BigInt.asIntN(64, value)),
};

export const windowCopy = (): BinaryCopy<WindowRow> =>
  new BinaryCopy<WindowRow>('telemetry_stage', {
    projectId: { column: 'project_id', type: uuid },
    deviceId: { column: 'device_id', type: uuid },
    bootId: { column: 'boot_id', type: signed },
    sequence: { column: 'seq', type: int8 },
    windowStartMs: { column: 'window_start', type: timestamptz },
    windowMs: { column: 'window_ms', type: int4 },
    receivedAtMs: { column: 'received_at', type: timestamptz },
    component: { column: 'component', type: int2 },
    timeKnown: { column: 'time_known', type: bool },
    modelVersionId: { column: 'model_version_id', type: uuid },
    typeId: { column: 'type_id', type: uuid },
    site: { column: 'site', type: text },
    buildPrefix: { column: 'build_prefix', type: bytea },
    schemaCrc: { column: 'schema_crc', type: int8 },
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
    cyclesMean: { column: 'cycles_mean', type: nullable(int8) },
    cyclesMax: { column: 'cycles_max', type: nullable(int8) },
    arenaBytes: { column: 'arena_bytes', type: nullable(int8) },
    stackBytes: { column: 'stack_bytes', type: nullable(int8) },
    batteryPercent: { column: 'battery_percent', type: nullable(int2) },
    resets: { column: 'resets', type: nullable(int4) },
    firstIndex: { column: 'first_index', type: nullable(int8) },
  });
