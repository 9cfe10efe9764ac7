/** Column map of the stage of the rollups for binary COPY: arrays as text would cost Postgres more than adding them. */
import type { DeviceDayRollup, HourRollup, SpanRollup, WindowSums } from '@tinyfleet/telemetry';
import {
  BinaryCopy,
  int2,
  nullable,
  text,
  timestamptz,
  uuid,
  type ColumnType,
  type Columns,
} from '../binary-copy.js';

const twoTo32 = 2 ** 32;
/** Sums are integers; beyond it they are no longer exact, and int8 ends at 2^63. */
const most = 2 ** 62;
const int8Oid = 20;

function writeInteger(sink: Buffer, at: number, value: number): number {
  const bounded = Math.max(-most, Math.min(most, value));
  const high = Math.floor(bounded / twoTo32);
  sink.writeInt32BE(8, at);
  sink.writeInt32BE(high, at + 4);
  sink.writeUInt32BE(bounded - high * twoTo32, at + 8);
  return at + 12;
}
const integer: ColumnType<number> = { bytes: () => 12, write: writeInteger };

/** int8[] of one dimension: dimensions, has nulls, element type, length, lower bound, elements. An empty one has no dimension. */
const integers: ColumnType<readonly number[]> = {
  bytes: (values) => 24 + 12 * values.length,
  write(sink, at, values) {
    let end = at + 4;
    end = sink.writeInt32BE(values.length === 0 ? 0 : 1, end);
    end = sink.writeInt32BE(0, end);
    end = sink.writeInt32BE(int8Oid, end);
    if (values.length > 0) {
      end = sink.writeInt32BE(values.length, end);
      end = sink.writeInt32BE(1, end);
    }
    for (const value of values) end = writeInteger(sink, end, value);
    sink.writeInt32BE(end - at - 4, at);
    return end;
  },
};

/** One row of rollup_hour, rollup_span (with a part) or rollup_device_day (with a device). */
export interface StagedRollup extends Omit<WindowSums, 'cyclesSum'> {
  readonly projectId: string;
  readonly deviceId: string | null;
  readonly part: string | null;
  readonly member: string | null;
  readonly spanHours: number | null;
  readonly atMs: number;
  readonly modelVersionId: string;
  readonly typeId: string | null;
  readonly site: string | null;
  readonly schemaCrc: number;
  readonly confidenceBins: number;
  /** numeric, as text. */
  readonly cyclesSum: string;
}

const columns: Columns<StagedRollup> = {
  projectId: { column: 'project_id', type: uuid },
  deviceId: { column: 'device_id', type: nullable(uuid) },
  part: { column: 'part', type: nullable(text) },
  member: { column: 'member', type: nullable(text) },
  spanHours: { column: 'span_h', type: nullable(int2) },
  atMs: { column: 'at', type: timestamptz },
  modelVersionId: { column: 'model_version_id', type: uuid },
  typeId: { column: 'type_id', type: nullable(uuid) },
  site: { column: 'site', type: nullable(text) },
  schemaCrc: { column: 'schema_crc', type: integer },
  confidenceBins: { column: 'confidence_bins', type: int2 },
  windows: { column: 'windows', type: integer },
  n: { column: 'n', type: integer },
  classes: { column: 'classes', type: integers },
  ood: { column: 'ood', type: nullable(integers) },
  featureCounts: { column: 'feature_counts', type: nullable(integers) },
  featureSums: { column: 'feature_sums', type: nullable(integers) },
  featureMin: { column: 'feature_min', type: nullable(integers) },
  featureMax: { column: 'feature_max', type: nullable(integers) },
  counters: { column: 'counters', type: integers },
  cyclesSum: { column: 'cycles_sum', type: text },
  cyclesMax: { column: 'cycles_max', type: integer },
};

export const rollupCopy = (): BinaryCopy<StagedRollup> => new BinaryCopy('rollup_stage', columns);

const none = { deviceId: null, part: null, member: null, spanHours: null, typeId: null, site: null };

export const stagedHour = ({ hourMs, sums, ...of }: HourRollup): StagedRollup => ({
  ...none,
  ...of,
  ...sums,
  atMs: hourMs,
  cyclesSum: String(sums.cyclesSum),
});

export const stagedSpan = ({ startMs, sums, ...of }: SpanRollup): StagedRollup => ({
  ...none,
  ...of,
  ...sums,
  atMs: startMs,
  cyclesSum: String(sums.cyclesSum),
});

/** By name and not by spreading: there is one for nearly every window of a fleet that sends one an hour. */
export const stagedDeviceDay = (one: DeviceDayRollup): StagedRollup => ({
  projectId: one.projectId,
  deviceId: one.deviceId,
  part: null,
  member: null,
  spanHours: null,
  atMs: one.dayMs,
  modelVersionId: one.modelVersionId,
  typeId: one.typeId,
  site: one.site,
  schemaCrc: one.schemaCrc,
  confidenceBins: one.confidenceBins,
  windows: one.sums.windows,
  n: one.sums.n,
  classes: one.sums.classes,
  ood: one.sums.ood,
  featureCounts: one.sums.featureCounts,
  featureSums: one.sums.featureSums,
  featureMin: one.sums.featureMin,
  featureMax: one.sums.featureMax,
  counters: one.sums.counters,
  cyclesSum: String(one.sums.cyclesSum),
  cyclesMax: one.sums.cyclesMax,
});
