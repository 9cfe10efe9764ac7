/** How long projects keep telemetry: their settings, and the rows that are removed by them. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { projectScope } from '@tinyfleet/contracts';
import type {
  BatchKind,
  Cutoff,
  ProjectRetention,
  RemovalStore,
  RemovedRows,
  RetentionSettings,
  RetentionState,
  RetentionStore,
  RowCount,
} from '@tinyfleet/telemetry';
import type { Database, Db, Tx } from '../database.js';
import type { Leader } from '../leader.js';
import { namedQuery } from '../queries/index.js';
import { PgEventSink } from '../stores/events.js';
import { iso, isoOrNull } from '../stores/page.js';
import { isLockTimeout, tableOfDay, windowDays } from './window-days.js';

const SETTINGS = `window_days as "windowDays", hour_days as "hourDays", device_day_days as "deviceDayDays",
  refusal_days as "refusalDays", prediction_days as "predictionDays", alert_days as "alertDays"`;

export class PgRetentionStore implements RetentionStore {
  constructor(private readonly db: Db) {}

  async read(scope: ProjectScope): Promise<RetentionState> {
    const [settings] = await this.db.query<RetentionSettings>(
      `select ${SETTINGS} from retention_settings where project_id = $1`,
      [scope.id],
    );
    const [state] = await this.db.query<{ from: Date; removedAt: Date | null; removed: RemovedRows }>(
      `select windows_from as "from", removed_at as "removedAt", removed from retention_state where project_id = $1`,
      [scope.id],
    );
    return {
      settings,
      // 1970: nothing was removed by it yet.
      windowsFrom: state && state.from.getTime() > 0 ? iso(state.from) : null,
      removedAt: isoOrNull(state?.removedAt ?? null),
      removed: state?.removed ?? {},
    };
  }

  async set(scope: ProjectScope, settings: RetentionSettings): Promise<void> {
    const { windowDays, hourDays, deviceDayDays, refusalDays, predictionDays, alertDays } = settings;
    await this.db.execute(
      `insert into retention_settings (project_id, window_days, hour_days, device_day_days, refusal_days, prediction_days, alert_days)
       values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (project_id) do update set window_days = excluded.window_days, hour_days = excluded.hour_days,
         device_day_days = excluded.device_day_days, refusal_days = excluded.refusal_days,
         prediction_days = excluded.prediction_days, alert_days = excluded.alert_days, changed_at = now()`,
      [scope.id, windowDays, hourDays, deviceDayDays, refusalDays, predictionDays, alertDays],
    );
  }
}

const queries: Readonly<Record<BatchKind, string>> = {
  timeless: 'retention/timeless',
  boots: 'retention/boots',
  hours: 'retention/hours',
  accuracyHours: 'retention/accuracy-hours',
  spans: 'retention/spans',
  accuracySpans: 'retention/accuracy-spans',
  deviceDays: 'retention/device-days',
  predictions: 'retention/predictions',
  labelTasks: 'retention/label-tasks',
  samples: 'retention/samples',
  refusals: 'retention/refusals',
  alerts: 'retention/alerts',
};
/** A partition that cannot be locked at once is left for the next sweep: who waits for a lock holds up those behind. */
const lockTimeout = `set local lock_timeout = '1s'`;
const COUNTS = 'project_id as "projectId", count(*)::int as rows';

export class PgRemovalStore implements RemovalStore {
  constructor(
    private readonly database: Database,
    private readonly leader: Leader,
  ) {}

  async projects(): Promise<ProjectRetention[]> {
    const rows = await this.database.query<
      RetentionSettings & {
        projectId: string;
        name: string;
        changedAt: Date | null;
        sampleDays: number | null;
      }
    >(
      `select p.id as "projectId", ${SETTINGS}, r.changed_at as "changedAt", s.retention_days as "sampleDays"
       from project p left join retention_settings r on r.project_id = p.id
       left join sample_settings s on s.project_id = p.id order by p.id`,
    );
    return rows.map(({ projectId, changedAt, sampleDays, name: _, ...settings }) => ({
      projectId,
      settings: changedAt === null ? undefined : settings,
      changedAtMs: changedAt?.getTime(),
      sampleDays: sampleDays ?? undefined,
    }));
  }

  async raiseWindowsFrom(cutoffs: readonly Cutoff[]): Promise<void> {
    await this.led(async (tx) => {
      await tx.execute(
        `insert into retention_state as x (project_id, windows_from)
         select c.project_id, c.at from unnest($1::uuid[], $2::timestamptz[]) as c (project_id, at)
         join project p on p.id = c.project_id order by 1
         on conflict (project_id) do update set windows_from = excluded.windows_from where x.windows_from < excluded.windows_from`,
        arraysOf(cutoffs),
      );
    });
  }

  async days(): Promise<number[]> {
    return (await windowDays(this.database)).filter((day) => day > 0);
  }

  async dropDay(dayMs: number): Promise<RowCount[] | undefined> {
    return await this.unlessRead(async (tx) => {
      const counts = await tx.query<RowCount>(
        `select ${COUNTS} from ${tableOfDay(dayMs)} group by project_id`,
      );
      await tx.execute(lockTimeout);
      await tx.execute(`drop table ${tableOfDay(dayMs)}`);
      return counts;
    });
  }

  async having(dayMs: number, projectIds: readonly string[]): Promise<string[]> {
    const rows = await this.database.query<{ id: string }>(
      `select p.id from unnest($1::uuid[]) as p (id)
       where exists (select from ${tableOfDay(dayMs)} w where w.project_id = p.id)`,
      [projectIds],
    );
    return rows.map(({ id }) => id);
  }

  async emptyDay(dayMs: number, projectIds: readonly string[]): Promise<RowCount[] | undefined> {
    const table = tableOfDay(dayMs);
    // By key, one look for each project.
    const others = `select exists (select from project p where p.id <> all ($1::uuid[])
      and exists (select from ${table} w where w.project_id = p.id)) as found`;
    const found = async (db: Db): Promise<boolean> =>
      (await db.query<{ found: boolean }>(others, [projectIds]))[0]?.found === true;
    if (await found(this.database)) return undefined;
    return await this.unlessRead(async (tx) => {
      const counts = await tx.query<RowCount>(`select ${COUNTS} from ${table} group by project_id`);
      await tx.execute(lockTimeout);
      await tx.execute(`lock table ${table} in access exclusive mode`);
      // Somebody may have sent a late window meanwhile.
      if (await found(tx)) return undefined;
      await tx.execute(`truncate ${table}`);
      return counts;
    });
  }

  async removeWindows(dayMs: number, projectIds: readonly string[], limit: number): Promise<RowCount[]> {
    const table = tableOfDay(dayMs);
    return await this.led(
      async (tx) =>
        await tx.query<RowCount>(
          `with gone as (
             delete from ${table} where ctid = any (array(select ctid from ${table} where project_id = any ($1::uuid[]) limit $2))
             returning project_id)
           select ${COUNTS} from gone group by project_id`,
          [projectIds, limit],
        ),
    );
  }

  async remove(kind: BatchKind, cutoffs: readonly Cutoff[], limit: number): Promise<RowCount[]> {
    const query = namedQuery(queries[kind]);
    return await this.led(async (tx) => await tx.query<RowCount>(query, [...arraysOf(cutoffs), limit]));
  }

  async report(projectId: string, removed: RemovedRows): Promise<void> {
    await this.led(async (tx) => {
      const noted = await tx.execute(
        `insert into retention_state as x (project_id, windows_from, removed_at, removed)
         select id, 'epoch', now(), $2 from project where id = $1
         on conflict (project_id) do update set removed_at = excluded.removed_at, removed = excluded.removed`,
        [projectId, JSON.stringify(removed)],
      );
      // A project that was removed meanwhile has nobody who follows it.
      if (noted > 0)
        await new PgEventSink(tx).emit(projectScope(projectId, ''), 'telemetry.expired', { removed });
    });
  }

  private async led<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.database.transaction(async (tx) => {
      await this.leader.hold(tx);
      return await work(tx);
    });
  }

  private async unlessRead<T>(work: (tx: Tx) => Promise<T>): Promise<T | undefined> {
    try {
      return await this.led(work);
    } catch (error) {
      if (isLockTimeout(error)) return undefined;
      throw error;
    }
  }
}

const arraysOf = (cutoffs: readonly Cutoff[]): [string[], Date[]] => [
  cutoffs.map(({ projectId }) => projectId),
  cutoffs.map(({ beforeMs }) => new Date(beforeMs)),
];
