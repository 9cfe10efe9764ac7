/** Quality queries and labels on Postgres. Sums come from the rollups; short ranges read single windows. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type {
  ClassCount,
  DeviceCount,
  Label,
  LabelledCount,
  LabelStore,
  QualityQuery,
  QualityStore,
  TimeRange,
} from '@tinyfleet/quality';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

const HOUR_S = 3_600;
const DAY_S = 86_400;

export class PgQualityStore implements QualityStore, LabelStore {
  constructor(private readonly db: Db) {}

  async labelledCounts(scope: ProjectScope, query: QualityQuery): Promise<LabelledCount[]> {
    const name = query.bucketSeconds < HOUR_S ? 'quality/labelled-raw' : 'quality/labelled-by-hour';
    const rows = await this.db.query<{ at_ms: number; release: string; labels: number; correct: number }>(
      namedQuery(name),
      [...rangeValues(scope, query), query.model ?? null],
    );
    return rows.map(({ at_ms: atMs, ...rest }) => ({ atMs, ...rest }));
  }

  async classCounts(scope: ProjectScope, query: QualityQuery): Promise<ClassCount[]> {
    const values = [...rangeValues(scope, query), query.model ?? null];
    if (query.bucketSeconds >= HOUR_S) {
      const rows = await this.db.query<{
        at_ms: number;
        release: string;
        labels: string[];
        counts: number[];
      }>(namedQuery('quality/classes-by-hour'), values);
      return rows.map(({ at_ms: atMs, ...rest }) => ({ atMs, ...rest }));
    }
    return addWindows(await this.db.query<WindowRow>(namedQuery('quality/class-windows'), values));
  }

  async deviceCounts(scope: ProjectScope, query: TimeRange): Promise<DeviceCount[]> {
    const name = query.bucketSeconds < DAY_S ? 'quality/devices-raw' : 'quality/devices-by-day';
    const rows = await this.db.query<{ at_ms: number; release: string | null; devices: number }>(
      namedQuery(name),
      rangeValues(scope, query),
    );
    return rows.map(({ at_ms: atMs, ...rest }) => ({ atMs, ...rest }));
  }

  async hasMoreWindows(scope: ProjectScope, range: TimeRange, limit: number): Promise<boolean> {
    const [row] = await this.db.query<{ more: boolean }>(namedQuery('quality/has-more-windows'), [
      ...rangeValues(scope, range).slice(0, 3),
      limit,
    ]);
    return row?.more === true;
  }

  async add(scope: ProjectScope, labels: readonly Label[], source: string): Promise<{ accepted: number }> {
    const keys = [
      labels.map((one) => BigInt.asIntN(64, one.bootId).toString()),
      labels.map((one) => one.inferenceIndex),
    ];
    const resolved = await this.db.query<{
      position: number;
      device_id: string | null;
      class: number | null;
      classes: number | null;
    }>(namedQuery('quality/resolve-labels'), [
      scope.id,
      labels.map((one) => one.device),
      ...keys,
      labels.map((one) => (typeof one.label === 'number' ? one.label : null)),
      labels.map((one) => (typeof one.label === 'string' ? one.label : null)),
    ]);
    for (const row of resolved) {
      const given = labels[row.position];
      if (row.device_id === null) {
        throw new FleetError('registry.device-not-found', { device: given?.device ?? '' });
      }
      if (row.class === null || (row.classes !== null && row.classes > 0 && row.class >= row.classes)) {
        throw new FleetError('telemetry.label-unknown', { label: String(given?.label) });
      }
    }
    const [row] = await this.db.query<{ accepted: number }>(namedQuery('quality/add-labels'), [
      scope.id,
      resolved.map((one) => one.device_id),
      ...keys,
      resolved.map((one) => one.class),
      source,
    ]);
    return { accepted: row?.accepted ?? 0 };
  }
}

interface WindowRow {
  at_ms: number;
  release: string;
  labels: string[];
  classes: number;
  confidence_bins: number;
  histogram: Uint8Array;
}

/** Rows come in the order of time and version, so a group is complete when the next begins. */
function addWindows(rows: readonly WindowRow[]): ClassCount[] {
  const groups: { atMs: number; release: string; labels: string[]; counts: number[] }[] = [];
  for (const row of rows) {
    let group = groups.at(-1);
    if (group === undefined || group.atMs !== row.at_ms || group.release !== row.release) {
      group = { atMs: row.at_ms, release: row.release, labels: row.labels, counts: [] };
      groups.push(group);
    }
    if (row.classes === 0) continue;
    const cells = unpackHistogram(row.histogram, row.classes * row.confidence_bins, 'classes');
    for (let i = 0; i < cells.length; i += 1) {
      const index = Math.floor(i / row.confidence_bins);
      group.counts[index] = (group.counts[index] ?? 0) + (cells[i] ?? 0);
    }
  }
  return groups;
}

function rangeValues(scope: ProjectScope, range: TimeRange): unknown[] {
  return [scope.id, new Date(range.fromMs), new Date(range.toMs), range.bucketSeconds];
}
