/** Folds committed batches into the rollups, each once: the sums and the mark on the batch share a transaction. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  WindowFold,
  defaultMaxBins,
  foldSpans,
  unknownModel,
  type RebuiltDay,
  type RollupStore,
  type Rollups,
  type TelemetryMaintenance,
  type WindowRow,
} from '@tinyfleet/telemetry';
import { readHistogram } from '@tinyfleet/wire';
import type pg from 'pg';
import type { Database, Tx } from '../database.js';
import { LOCK_SPACE } from '../migrate.js';
import { namedQuery } from '../queries/index.js';
import { BundleNames } from './bundle-names.js';
import type { RecentBatches } from './recent-batches.js';
import { rollupCopy, stagedDeviceDay, stagedHour, stagedSpan } from './rollup-copy.js';
import { readWindows } from './window-copy.js';
import { hasDay, queryOfDay } from './window-days.js';

interface OpenBatch {
  readonly id: string;
  readonly rows: number;
  readonly windowMin: Date;
  readonly windowMax: Date;
  readonly isTold: boolean;
}
type StoredWindow = Omit<WindowRow, 'windowStartMs'> & { readonly windowStart: Date };
type DayWindow = Omit<StoredWindow, 'modelVersionId'> & {
  modelVersionId: string;
  /** As it is stored, for the next page. */
  readonly storedBoot: string;
};
const rebuildRows = 5_000;
const dayOfMs = 86_400_000;

/** Of those who add: they share the newest rows, and what is a device's first window of a day only one of them can tell. */
const FOLD_LOCK = 10;
/** Windows that one fold reads back from the table: after a crash, or when the cache was too small. */
const maxReadRows = 50_000;

export const rollupLimits = {
  /** Numbers of sums that are held and written at once, 12 bytes each in the COPY; one window may go beyond by its own. */
  cells: 2_000_000,
  /** Classes x confidence bins of a window; as ingest has it (WindowPolicy). */
  bins: defaultMaxBins,
};
export type RollupLimits = typeof rollupLimits;

export class PgRollupStore implements RollupStore, TelemetryMaintenance {
  private readonly bundles = new BundleNames();
  private readonly writer = rollupCopy();
  /** Connections that have the stage. */
  private readonly staged = new WeakSet<pg.ClientBase>();
  private folding: Promise<unknown> = Promise.resolve();
  private oversizedWindows = 0;

  constructor(
    private readonly database: Database,
    private readonly recent?: RecentBatches,
    private readonly limits: RollupLimits = rollupLimits,
  ) {}

  /** Windows that were left out of sums since the start of the process, because they are stored with too many bins. */
  get oversized(): number {
    return this.oversizedWindows;
  }

  /** One after the other: they share a writer. */
  fold(maxBatches: number): Promise<boolean> {
    const turn = this.folding.catch(() => {}).then(() => this.foldOpen(maxBatches));
    this.folding = turn;
    return turn;
  }

  private async foldOpen(maxBatches: number): Promise<boolean> {
    const { ids, isMore, oversized } = await this.database.transaction(async (tx) => {
      const open = await tx.query<OpenBatch>(namedQuery('telemetry/open-batches'), [maxBatches]);
      const { ids, held, unknown, isMore } = this.choose(open);
      if (ids.length === 0) return { ids, isMore, oversized: 0 };
      const fold = this.newFold();
      await this.addHeld(tx, held, fold);
      if (unknown.length > 0) await this.addStored(tx, unknown, fold);
      await this.add(tx, fold.result());
      await tx.query('update telemetry_batch set folded_at = now() where id = any($1::bigint[])', [ids]);
      return { ids, isMore: isMore || open.length === maxBatches, oversized: fold.oversized };
    });
    this.oversizedWindows += oversized;
    this.recent?.drop(ids);
    return isMore;
  }

  private newFold(): WindowFold {
    return new WindowFold(
      (prefix, projectId) => this.bundles.get(projectId, prefix)?.classes,
      this.limits.bins,
    );
  }

  /** All whose bytes are here, and of the others as many as may be read at once, but those whose bytes may be on their way. */
  private choose(open: readonly OpenBatch[]): {
    readonly ids: string[];
    readonly held: Buffer[];
    readonly unknown: OpenBatch[];
    readonly isMore: boolean;
  } {
    const ids: string[] = [];
    const held: Buffer[] = [];
    const unknown: OpenBatch[] = [];
    let rows = 0;
    let isMore = false;
    for (const batch of open) {
      const parts = this.recent?.get(batch.id);
      if (parts) held.push(...parts);
      else if (this.recent && !batch.isTold) continue;
      else if (rows === 0 || rows + batch.rows <= maxReadRows) {
        unknown.push(batch);
        rows += batch.rows;
      } else {
        isMore = true;
        continue;
      }
      ids.push(batch.id);
    }
    return { ids, held, unknown, isMore };
  }

  private async addHeld(tx: Tx, held: readonly Buffer[], fold: WindowFold): Promise<void> {
    for (const bytes of held) {
      for (const row of readWindows(bytes)) {
        const { projectId, buildPrefix: prefix, modelVersionId } = row;
        if (modelVersionId !== unknownModel && !this.bundles.get(projectId, prefix))
          await this.bundles.load(tx, [{ projectId, prefix }]);
        fold.add(row);
        if (fold.cells > this.limits.cells) await this.flush(tx, fold);
      }
      // Milliseconds each: acknowledgements wait for no more than one.
      await nextTurn();
    }
  }

  private async addStored(tx: Tx, batches: readonly OpenBatch[], fold: WindowFold): Promise<void> {
    const stored = await tx.query<StoredWindow>(namedQuery('telemetry/batch-windows'), [
      batches.map(({ id }) => id),
      new Date(Math.min(...batches.map(({ windowMin }) => windowMin.getTime()))),
      new Date(Math.max(...batches.map(({ windowMax }) => windowMax.getTime()))),
    ]);
    await this.bundles.load(
      tx,
      stored.map(({ projectId, buildPrefix }) => ({ projectId, prefix: buildPrefix })),
    );
    await this.addRows(tx, stored, fold);
  }

  private async addRows(tx: Tx, rows: readonly StoredWindow[], fold: WindowFold): Promise<void> {
    for (const row of rows) {
      fold.add({ ...row, windowStartMs: row.windowStart.getTime() });
      if (fold.cells > this.limits.cells) await this.flush(tx, fold);
    }
  }

  /** Sums add up, so what was folded so far may be written before the rest. */
  private async flush(tx: Tx, fold: WindowFold): Promise<void> {
    await this.add(tx, fold.take());
    await tx.query('truncate rollup_stage');
  }

  private async add(tx: Tx, { hours, deviceDays }: Rollups): Promise<void> {
    if (hours.length === 0) return;
    if (!this.staged.has(tx.client)) {
      await tx.query(namedQuery('telemetry/create-rollup-stage'));
      this.staged.add(tx.client);
    }
    await this.writer.write(tx.client, [
      ...hours.map(stagedHour),
      ...foldSpans(hours).map(stagedSpan),
      ...deviceDays.map(stagedDeviceDay),
    ]);
    await tx.query('select pg_advisory_xact_lock($1, $2)', [LOCK_SPACE, FOLD_LOCK]);
    for (const name of ['telemetry/upsert-hours', 'telemetry/upsert-spans', 'telemetry/upsert-device-days'])
      await tx.query(namedQuery(name), [], name);
  }

  /**
   * Nobody adds meanwhile: a batch is either folded, and its windows are read here, or it will be added to what is made here.
   */
  rebuild(scope: ProjectScope, dayMs: number): Promise<RebuiltDay> {
    const turn = this.folding.catch(() => {}).then(() => this.rebuildDay(scope, dayMs));
    this.folding = turn;
    return turn;
  }

  private async rebuildDay(scope: ProjectScope, dayMs: number): Promise<RebuiltDay> {
    return await this.database.transaction(async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1, $2)', [LOCK_SPACE, FOLD_LOCK]);
      await requireWhole(tx, scope, dayMs);
      const isThere = await hasDay(tx, dayMs);
      const range = [scope.id, new Date(dayMs), new Date(dayMs + dayOfMs)];
      let cleared = 0;
      for (const name of ['hours', 'spans', 'device-days'])
        cleared += await tx.execute(namedQuery(`telemetry/clear-${name}`), range);
      const fold = this.newFold();
      const made = { windows: 0, named: 0 };
      let after: readonly unknown[] = [null, null, null, null];
      while (isThere) {
        const rows = await tx.query<DayWindow>(queryOfDay('telemetry/day-windows', dayMs), [
          ...range,
          ...after,
          rebuildRows,
        ]);
        await this.bundles.load(
          tx,
          rows.map(({ buildPrefix }) => ({ projectId: scope.id, prefix: buildPrefix })),
        );
        made.named += await this.name(tx, scope, dayMs, rows);
        await this.addRows(tx, rows, fold);
        made.windows += rows.length;
        const last = rows.at(-1);
        if (!last || rows.length < rebuildRows) break;
        after = [last.deviceId, last.storedBoot, last.sequence, last.windowStart];
      }
      // Sums are cleared for windows that replace them, and never when those are gone.
      if (made.windows === 0 && cleared > 0) throw dayIncomplete(dayMs, dayMs + dayOfMs);
      await this.add(tx, fold.result());
      // Of all whose windows are here, also of devices that are gone.
      if (isThere) await tx.query(queryOfDay('telemetry/count-devices', dayMs), range);
      const [sums] = await tx.query<Pick<RebuiltDay, 'hours' | 'deviceDays'>>(
        namedQuery('telemetry/count-sums'),
        range,
      );
      const [completed] = await tx.query<Pick<RebuiltDay, 'labels'>>(
        namedQuery('telemetry/complete-labels'),
        range,
      );
      return { ...made, ...sums!, labels: completed!.labels };
    });
  }

  /** Windows whose bundle was not known when they came, where they agree with it. @returns how many */
  private async name(
    tx: Tx,
    scope: ProjectScope,
    dayMs: number,
    rows: readonly DayWindow[],
  ): Promise<number> {
    const named: DayWindow[] = [];
    for (const row of rows) {
      const bundle =
        row.modelVersionId === unknownModel ? this.bundles.get(scope.id, row.buildPrefix) : undefined;
      if (!bundle || !agrees(row, bundle.classes, this.limits.bins)) continue;
      row.modelVersionId = bundle.modelVersionId;
      named.push(row);
    }
    if (named.length > 0)
      await tx.execute(queryOfDay('telemetry/name-windows', dayMs), [
        scope.id,
        named.map(({ deviceId }) => deviceId),
        named.map(({ storedBoot }) => storedBoot),
        named.map(({ sequence }) => sequence),
        named.map(({ windowStart }) => windowStart),
        named.map(({ modelVersionId }) => modelVersionId),
      ]);
    return named.length;
  }

  async lagSeconds(): Promise<number> {
    const [row] = await this.database.query<{ lag: number | null }>(
      // Edges take numbers ahead: the lowest is not always of the oldest.
      `select extract(epoch from now() - min(created_at))::float8 as lag
       from (select created_at from telemetry_batch where folded_at is null order by id limit 1000) open`,
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
    await database.query(`delete from event where at < now() - make_interval(days => $1)`, [
      policy.eventDays,
    ]);
    await database.query(namedQuery('retention/connections'), [policy.eventDays]);
    await database.query(`delete from telemetry_batch where folded_at < now() - make_interval(days => $1)`, [
      policy.eventDays,
    ]);
    await database.query(`delete from sample_day where day < (now() at time zone 'UTC')::date - 1`);
  }
}

/**
 * Until the transaction ends no sweep begins to remove windows of that day: it raises windows_from first, and waits for who reads it.
 * @throws telemetry.day-incomplete: windows of that day are gone, or go at any moment
 */
async function requireWhole(tx: Tx, scope: ProjectScope, dayMs: number): Promise<void> {
  await tx.execute(
    `insert into retention_state (project_id, windows_from) select id, 'epoch' from project where id = $1 on conflict do nothing`,
    [scope.id],
  );
  const [row] = await tx.query<{ from: Date }>(
    'select windows_from as "from" from retention_state where project_id = $1 for share',
    [scope.id],
  );
  // No row: the project is gone, and all its sums with it.
  if (!row || row.from.getTime() === 0) return;
  // A sweep may be on its way over the next midnight.
  const firstMs = row.from.getTime() + dayOfMs;
  if (dayMs < firstMs) throw dayIncomplete(dayMs, firstMs);
}

function dayIncomplete(dayMs: number, firstMs: number): FleetError<'telemetry.day-incomplete'> {
  const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);
  return new FleetError('telemetry.day-incomplete', { day: dayOf(dayMs), from: dayOf(firstMs) });
}

/** What ingest checks of a window whose bundle it knows (acceptWindow). */
function agrees(
  row: Pick<WindowRow, 'classes' | 'confidenceBins' | 'n'>,
  classes: number,
  maxBins: number,
): boolean {
  if (classes === 0) return true;
  const bins = classes * row.confidenceBins;
  if (bins > maxBins) return false;
  try {
    return readHistogram(row.classes, [], { bins, field: 'classes' }) === row.n;
  } catch {
    return false;
  }
}
