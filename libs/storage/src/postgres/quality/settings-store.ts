/** What drift is judged by: settings, healthy periods, and what is watched by them. */
import {
  QualitySettings,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import {
  longestWindowMs,
  startOf,
  streamNames,
  wordsOfWatch,
  type QualitySettingsStore,
} from '@tinyfleet/quality';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { cursorNumber, iso, toPage } from '../stores/page.js';
import { toWatchRow, type StoredWatch } from './watch-row.js';

type Baseline = Resource<'QualityBaseline'>;
interface BaselineRow {
  number: number;
  from_at: Date;
  to_at: Date;
  note: string;
  declared_by: string;
  declared_at: Date;
  in_force: boolean;
}
const BASELINE = `number, from_at, to_at, note, declared_by, declared_at,
  number = (select max(number) from quality_baseline where project_id = $1) as in_force`;

export class PgQualitySettingsStore implements QualitySettingsStore {
  constructor(private readonly db: Db) {}

  async get(scope: ProjectScope): Promise<Resource<'QualitySettings'>> {
    const [row] = await this.db.query<{ settings: unknown }>(
      'select settings from quality_settings where project_id = $1',
      [scope.id],
    );
    return QualitySettings.parse(row?.settings ?? {});
  }

  async put(scope: ProjectScope, settings: Resource<'QualitySettings'>): Promise<void> {
    await this.db.execute(
      `insert into quality_settings (project_id, settings) values ($1, $2)
       on conflict (project_id) do update set settings = excluded.settings, revision = quality_settings.revision + 1`,
      [scope.id, JSON.stringify(settings)],
    );
  }

  async roundMs(scope: ProjectScope): Promise<number> {
    const { roundSeconds } = await this.get(scope);
    const [row] = await this.db.query<{ seconds: number }>(
      'select window_s as seconds from project where id = $1',
      [scope.id],
    );
    return (roundSeconds ?? row?.seconds ?? 3_600) * 1_000;
  }

  async baselines(scope: ProjectScope, page: PageRequest): Promise<Page<Baseline>> {
    const rows = await this.db.query<BaselineRow>(
      `select ${BASELINE} from quality_baseline where project_id = $1 and ($2::bigint is null or number < $2)
       order by number desc limit $3`,
      [scope.id, cursorNumber(page) ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [String(row.number)], toBaseline);
  }

  async declare(
    scope: ProjectScope,
    { fromMs, toMs, note, by }: { fromMs: number; toMs: number; note: string; by: string },
  ): Promise<Baseline> {
    const rows = await this.db.query<BaselineRow>(
      `insert into quality_baseline (project_id, number, from_at, to_at, note, declared_by)
       values ($1, next_number($1, 'baseline'), $2, $3, $4, $5)
       returning number, from_at, to_at, note, declared_by, declared_at, true as in_force`,
      [scope.id, new Date(fromMs), new Date(toMs), note, by],
    );
    return toBaseline(rows[0]!);
  }

  /** What is watched, and models whose windows are too long for rounds, which nothing watches. */
  async watches(scope: ProjectScope): Promise<Resource<'QualityWatch'>[]> {
    const rows = await this.db.query<StoredWatch & Shown>(namedQuery('quality/watches'), [scope.id]);
    const watched = rows.map((row) => {
      const watch = toWatchRow(row);
      const { model, part, state, baseline, streamCount, frame, closedRound, schemaCrc: schema } = watch;
      const { reason, devices, arl0, tooLate } = row;
      return {
        ...{ model, schema, part, state, reason, baseline, devices, streamCount, arl0, tooLate },
        judgedAgainst: wordsOfWatch(watch),
        streams: streamNames(watch.reference),
        judgedUntil: new Date(startOf(frame, closedRound + 1)).toISOString(),
      };
    });
    return [...watched, ...(await this.unwatched(scope))];
  }

  private async unwatched(scope: ProjectScope): Promise<Resource<'QualityWatch'>[]> {
    const rows = await this.db.query<Unwatched & object>(namedQuery('quality/unwatched'), [scope.id]);
    if (rows.length === 0) return [];
    const roundMs = await this.roundMs(scope);
    const seconds = (ms: number): number => Math.round(ms / 1_000);
    return rows
      .filter(({ windowMs }) => windowMs > longestWindowMs(roundMs))
      .map(({ model, schema, firstAt, windowMs }) => ({
        ...{
          model,
          schema,
          part: '',
          state: 'unable' as const,
          baseline: null,
          judgedAgainst: '',
          streams: [],
        },
        reason: `windows of ${seconds(windowMs)} s fit no rounds of ${seconds(roundMs)} s: make rounds at least half as long as windows (quality settings set --round), or windows shorter`,
        ...{ devices: 0, streamCount: 0, arl0: 0, tooLate: 0, judgedUntil: iso(firstAt) },
      }));
  }
}
interface Unwatched {
  readonly model: string;
  readonly schema: number;
  readonly firstAt: Date;
  readonly windowMs: number;
}
type Shown = Pick<Resource<'QualityWatch'>, 'reason' | 'devices' | 'arl0' | 'tooLate'>;

const toBaseline = (row: BaselineRow): Baseline => ({
  number: row.number,
  from: iso(row.from_at),
  to: iso(row.to_at),
  note: row.note,
  declaredBy: row.declared_by,
  declaredAt: iso(row.declared_at),
  inForce: row.in_force,
});
