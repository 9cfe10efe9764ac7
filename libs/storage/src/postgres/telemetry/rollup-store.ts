/** Folds committed batches into the rollups, each once: the sums and the mark on the batch share a transaction. */
import {
  foldWindows,
  type DeviceDayRollup,
  type HourRollup,
  type RollupStore,
  type TelemetryMaintenance,
  type WindowRow,
  type WindowSums,
} from '@tinyfleet/telemetry';
import type { Database, Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { BundleNames } from './bundle-names.js';
import type { RecentBatches } from './recent-batches.js';

interface OpenBatch {
  readonly id: string;
  readonly windowMin: Date;
  readonly windowMax: Date;
}
type StoredWindow = Omit<WindowRow, 'windowStartMs'> & { readonly windowStart: Date };

export class PgRollupStore implements RollupStore, TelemetryMaintenance {
  private readonly bundles = new BundleNames();

  constructor(
    private readonly database: Database,
    private readonly recent?: RecentBatches,
  ) {}

  async fold(maxBatches: number): Promise<number> {
    const folded = await this.database.transaction(async (tx) => {
      const batches = await tx.query<OpenBatch>(namedQuery('telemetry/open-batches'), [maxBatches]);
      if (batches.length === 0) return [];
      const rows = await this.rowsOf(tx, batches);
      await this.bundles.load(
        tx,
        rows.map(({ projectId, buildPrefix }) => ({ projectId, prefix: buildPrefix })),
      );
      const { hours, deviceDays } = foldWindows(
        rows,
        (prefix, projectId) => this.bundles.get(projectId, prefix)?.classes,
      );
      await add(tx, 'telemetry/upsert-hours', hours.map(hourDocument));
      await add(tx, 'telemetry/upsert-device-days', deviceDays.map(deviceDayDocument));
      const ids = batches.map(({ id }) => id);
      await tx.query('update telemetry_batch set folded_at = now() where id = any($1::bigint[])', [ids]);
      return ids;
    });
    this.recent?.drop(folded);
    return folded.length;
  }

  private async rowsOf(tx: Tx, batches: readonly OpenBatch[]): Promise<WindowRow[]> {
    const rows: WindowRow[] = [];
    const unknown: OpenBatch[] = [];
    for (const batch of batches) {
      const held = this.recent?.get(batch.id);
      if (held) for (const row of held) rows.push(row);
      else unknown.push(batch);
    }
    if (unknown.length === 0) return rows;
    const stored = await tx.query<StoredWindow>(namedQuery('telemetry/batch-windows'), [
      unknown.map(({ id }) => id),
      new Date(Math.min(...unknown.map(({ windowMin }) => windowMin.getTime()))),
      new Date(Math.max(...unknown.map(({ windowMax }) => windowMax.getTime()))),
    ]);
    for (const row of stored) rows.push({ ...row, windowStartMs: row.windowStart.getTime() });
    return rows;
  }

  async lagSeconds(): Promise<number> {
    const [row] = await this.database.query<{ lag: number | null }>(
      `select extract(epoch from now() - created_at)::float8 as lag from telemetry_batch where folded_at is null order by id limit 1`,
    );
    return Math.max(0, row?.lag ?? 0);
  }

  async maintain(policy: Parameters<TelemetryMaintenance['maintain']>[0]): Promise<void> {
    const { database } = this;
    for (const ahead of [0, 1]) {
      await database.query(`select ensure_telemetry_day((now() at time zone 'UTC')::date + $1::int)`, [
        ahead,
      ]);
    }
    const old = await database.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
       where i.inhparent = 'telemetry_window'::regclass
         and c.relname between 'telemetry_window_19710101' and
           'telemetry_window_' || to_char((now() at time zone 'UTC')::date - $1::int - 1, 'YYYYMMDD')`,
      [policy.rawDays],
    );
    for (const { name } of old) await database.query(`drop table if exists "${name}"`);
    await database.query(`delete from event where at < now() - make_interval(days => $1)`, [
      policy.eventDays,
    ]);
    await database.query(`delete from telemetry_batch where folded_at < now() - make_interval(days => $1)`, [
      policy.eventDays,
    ]);
    // Predictions whose label never came, and those that are counted in accuracy_hour.
    await database.query(`delete from prediction where at < now() - make_interval(days => $1)`, [
      policy.predictionDays,
    ]);
  }
}

async function add(tx: Tx, query: string, documents: readonly object[]): Promise<void> {
  if (documents.length > 0) await tx.query(namedQuery(query), [JSON.stringify(documents)]);
}

const dimensions = (one: HourRollup | DeviceDayRollup) => ({
  project_id: one.projectId,
  model_version_id: one.modelVersionId,
  type_id: one.typeId,
  site: one.site,
  schema_crc: one.schemaCrc,
  confidence_bins: one.confidenceBins,
  ...sums(one.sums),
});
const sums = (of: WindowSums) => ({
  windows: of.windows,
  n: of.n,
  classes: of.classes,
  ood: of.ood,
  feature_counts: of.featureCounts,
  feature_sums: of.featureSums,
  feature_min: of.featureMin,
  feature_max: of.featureMax,
  counters: of.counters,
  cycles_sum: of.cyclesSum,
  cycles_max: of.cyclesMax,
});
const hourDocument = (one: HourRollup) => ({ ...dimensions(one), hour: new Date(one.hourMs).toISOString() });
const deviceDayDocument = (one: DeviceDayRollup) => ({
  ...dimensions(one),
  device_id: one.deviceId,
  day: new Date(one.dayMs).toISOString().slice(0, 10),
});
