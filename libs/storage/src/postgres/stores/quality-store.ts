/** Quality queries and labels on Postgres. Sums come from the rollups; short buckets read single windows. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  spanColumns,
  type ClassCount,
  type DeviceCount,
  type Label,
  type LabelledCount,
  type LabelStore,
  type QualityQuery,
  type QualityStore,
  type TimeRange,
} from '@tinyfleet/quality';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { numbersOf, releaseClasses } from './sums.js';

const HOUR_S = 3_600;
const DAY_S = 86_400;

export class PgQualityStore implements QualityStore, LabelStore {
  constructor(private readonly db: Db) {}

  async labelledCounts(scope: ProjectScope, query: QualityQuery): Promise<LabelledCount[]> {
    const isRaw = query.bucketSeconds < HOUR_S;
    const rows = await this.db.query<{ at_ms: number; release: string; labels: number; correct: number }>(
      namedQuery(isRaw ? 'quality/labelled-raw' : 'quality/labelled-by-span'),
      [...(isRaw ? rangeValues(scope, query) : spanValues(scope, query)), query.model ?? null],
    );
    return rows.map(({ at_ms: atMs, ...rest }) => ({ atMs, ...rest }));
  }

  async classCounts(scope: ProjectScope, query: QualityQuery): Promise<ClassCount[]> {
    const model = query.model ?? null;
    if (query.bucketSeconds >= HOUR_S) {
      const rows = await this.db.query<{ atMs: number; release: string; counts: string }>(
        namedQuery('quality/classes-by-span'),
        [...spanValues(scope, query), model],
      );
      return addSpans(rows, await releaseClasses(this.db, scope, rows));
    }
    return addWindows(
      await this.db.query<WindowRow>(namedQuery('quality/class-windows'), [
        ...rangeValues(scope, query),
        model,
      ]),
    );
  }

  async deviceCounts(scope: ProjectScope, query: TimeRange): Promise<DeviceCount[]> {
    const isRaw = query.bucketSeconds < DAY_S;
    const rows = await this.db.query<{ at_ms: number; release: string | null; devices: number }>(
      namedQuery(isRaw ? 'quality/devices-raw' : 'quality/devices-by-day'),
      rangeValues(scope, query).slice(0, isRaw ? 4 : 3),
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

  async add(
    scope: ProjectScope,
    labels: readonly Label[],
    { source, by }: { readonly source: string; readonly by: string },
  ): Promise<{ accepted: number }> {
    const resolved = await this.resolve(scope, labels);
    const [wrong] = problemsOf(labels, resolved);
    if (wrong) throw wrong.error;
    const [row] = await this.db.query<{ accepted: number }>(namedQuery('quality/add-labels'), [
      scope.id,
      resolved.map((one) => one.device_id),
      ...keysOf(labels),
      resolved.map((one) => one.class),
      source,
      by,
    ]);
    return { accepted: row?.accepted ?? 0 };
  }

  async check(scope: ProjectScope, labels: readonly Label[]): Promise<Problem[]> {
    return problemsOf(labels, await this.resolve(scope, labels));
  }

  private async resolve(scope: ProjectScope, labels: readonly Label[]): Promise<ResolvedRow[]> {
    return await this.db.query<ResolvedRow>(namedQuery('quality/resolve-labels'), [
      scope.id,
      labels.map((one) => one.device),
      ...keysOf(labels),
      labels.map((one) => (typeof one.label === 'number' ? one.label : null)),
      labels.map((one) => (typeof one.label === 'string' ? one.label : null)),
    ]);
  }
}

interface Problem {
  position: number;
  error: FleetError;
}
interface ResolvedRow {
  position: number;
  device_id: string | null;
  class: number | null;
  classes: number | null;
}

const keysOf = (labels: readonly Label[]): [string[], number[]] => [
  labels.map((one) => BigInt.asIntN(64, one.bootId).toString()),
  labels.map((one) => one.inferenceIndex),
];

/** In the order of the labels, as the query answers. */
function problemsOf(labels: readonly Label[], resolved: readonly ResolvedRow[]): Problem[] {
  return resolved.flatMap(({ position, device_id: id, class: index, classes }): Problem[] => {
    const given = labels[position];
    if (id === null) {
      const error = new FleetError('registry.device-not-found', { device: given?.device ?? '' });
      return [{ position, error }];
    }
    if (index !== null && (classes === null || classes === 0 || index < classes)) return [];
    return [{ position, error: new FleetError('telemetry.label-unknown', { label: String(given?.label) }) }];
  });
}

interface WindowRow {
  at_ms: number;
  release: string;
  labels: string[];
  classes: number;
  confidence_bins: number;
  histogram: Uint8Array;
}

/** Rows come in the order of time and version, so a bucket is complete when the next begins. */
function addSpans(
  rows: readonly { readonly atMs: number; readonly release: string; readonly counts: string }[],
  labels: ReadonlyMap<string, readonly string[]>,
): ClassCount[] {
  const buckets: (ClassCount & { readonly counts: number[] })[] = [];
  for (const { atMs, release, counts } of rows) {
    const bucket = buckets.at(-1);
    const own = numbersOf(counts);
    if (bucket?.atMs === atMs && bucket.release === release)
      own.forEach((count, i) => (bucket.counts[i] = (bucket.counts[i] ?? 0) + count));
    else buckets.push({ atMs, release, labels: labels.get(release) ?? [], counts: own });
  }
  return buckets;
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

function spanValues(scope: ProjectScope, range: TimeRange): unknown[] {
  return [scope.id, range.bucketSeconds, ...spanColumns(range)];
}
