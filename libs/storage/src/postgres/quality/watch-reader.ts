/** What watching reads, outside of its transactions. */
import { Baseline, QualitySettings, projectScope, type ProjectScope } from '@tinyfleet/contracts';
import type {
  SeenSchema,
  StoredBaseline,
  WatchedDevice,
  WatchMark,
  WatchedProject,
  WatchReader,
  WatchRow,
  WatchSchema,
  WatchState,
  WatchWindow,
} from '@tinyfleet/quality';
import { oodBins, unpackFeatures } from '@tinyfleet/telemetry';
import { unpackHistogram } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { toWatchRow, type StoredWatch } from './watch-row.js';

interface WindowRow extends Omit<WatchWindow, 'classes' | 'ood' | 'features'> {
  readonly classes: Buffer;
  readonly ood: Buffer | null;
  readonly features: Buffer | null;
}

export class PgWatchReader implements WatchReader {
  constructor(protected readonly db: Db) {}

  async projects(): Promise<WatchedProject[]> {
    const rows = await this.db.query<{
      id: string;
      name: string;
      windowSeconds: number;
      settings: unknown;
      number: number | null;
      fromMs: number;
      toMs: number;
    }>(namedQuery('quality/watch-projects'));
    return rows.map(({ id, name, windowSeconds, settings: given, number, fromMs, toMs }) => {
      const settings = QualitySettings.parse(given);
      return {
        scope: projectScope(id, name),
        settings,
        roundMs: (settings.roundSeconds ?? windowSeconds) * 1_000,
        baseline: number === null ? null : { number, fromMs, toMs },
      };
    });
  }

  async mark(): Promise<WatchMark> {
    const [row] = await this.db.query<WatchMark & object>(namedQuery('quality/watch-mark'));
    return row!;
  }

  async schemas(scope: ProjectScope, fromMs: number, toMs: number): Promise<SeenSchema[]> {
    return await this.db.query<SeenSchema & object>(namedQuery('quality/watch-schemas'), [
      scope.id,
      new Date(fromMs),
      new Date(toMs),
    ]);
  }

  async firstWindow(
    scope: ProjectScope,
    { modelId, schemaCrc, confidenceBins }: WatchSchema,
    { fromMs, toMs, mostMs }: { fromMs: number; toMs: number; mostMs: number },
  ): Promise<number | undefined> {
    const [row] = await this.db.query<{ atMs: number | null }>(
      `select extract(epoch from min(w.window_start))::float8 * 1000 as "atMs" from telemetry_window w
       where w.project_id = $1 and w.time_known and w.schema_crc = $3 and w.confidence_bins = $4
         and w.model_version_id in (select id from model_version where project_id = $1 and model_id = $2)
         and w.window_start >= $5 and w.window_start < $6
         and w.window_ms <= $7`,
      [
        ...[scope.id, modelId, schemaCrc, confidenceBins],
        ...[fromMs, toMs].map((ms) => new Date(ms)),
        mostMs,
      ],
    );
    return row?.atMs ?? undefined;
  }

  async heard(scope: ProjectScope, schema: WatchSchema, fromMs: number, toMs: number): Promise<string[]> {
    const { modelId, schemaCrc, confidenceBins, classCount } = schema;
    const rows = await this.db.query<{ device: string }>(namedQuery('quality/watch-heard'), [
      ...[scope.id, modelId, schemaCrc, confidenceBins, classCount],
      ...[fromMs, toMs].map((ms) => new Date(ms)),
    ]);
    return rows.map(({ device }) => device);
  }

  async elsewhere(
    scope: ProjectScope,
    { modelId, schemaCrc }: WatchSchema,
    devices: readonly string[],
    { fromMs, toMs }: { readonly fromMs: number; readonly toMs: number },
  ): Promise<string[]> {
    const rows = await this.db.query<{ device: string }>(namedQuery('quality/watch-elsewhere'), [
      ...[scope.id, modelId, schemaCrc, devices],
      ...[fromMs, toMs].map((ms) => new Date(ms)),
    ]);
    return rows.map(({ device }) => device);
  }

  async build(scope: ProjectScope, { modelId, schemaCrc }: WatchSchema): Promise<StoredBaseline | undefined> {
    const [row] = await this.db.query<Omit<StoredBaseline, 'baseline'> & { baseline: unknown }>(
      namedQuery('quality/watch-build'),
      [scope.id, modelId, schemaCrc],
    );
    return row && { ...row, baseline: Baseline.parse(row.baseline) };
  }

  async windows(
    scope: ProjectScope,
    { modelId, schemaCrc, confidenceBins, classCount }: WatchSchema,
    range: Parameters<WatchReader['windows']>[2],
  ): Promise<WatchWindow[]> {
    const times = [range.fromMs, range.toMs, range.lateFromMs, range.receivedFromMs];
    const rows = await this.db.query<WindowRow & object>(namedQuery('quality/watch-windows'), [
      ...[scope.id, modelId, schemaCrc, confidenceBins, classCount],
      ...times.map((ms) => new Date(ms)),
    ]);
    return rows.map(({ classes, ood, features, ...rest }) => ({
      ...rest,
      classes: classCount > 0 ? unpackHistogram(classes, classCount * confidenceBins, 'classes') : [],
      ood: ood && unpackHistogram(ood, oodBins, 'ood'),
      features: features && unpackFeatures(features),
    }));
  }

  async devices(scope: ProjectScope, ids: readonly string[]): Promise<WatchedDevice[]> {
    const rows = await this.db.query<
      Omit<WatchedDevice, 'attributes'> & { attributes: Record<string, unknown> }
    >(
      `select d.id, d.name, t.name as type, d.site,
         d.desired || case when coalesce(r.firmware_version, '') = '' then '{}' else jsonb_build_object('firmware', r.firmware_version) end
           as attributes
       from device d join device_type t on t.project_id = d.project_id and t.id = d.type_id
       left join device_report r on r.project_id = d.project_id and r.device_id = d.id
       where d.project_id = $1 and d.id = any ($2::uuid[])`,
      [scope.id, ids],
    );
    return rows.map(({ attributes, ...rest }) => ({
      ...rest,
      attributes: valuesShared(attributes),
    }));
  }

  async releases(scope: ProjectScope, versions: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const rows = await this.db.query<{ id: string; release: string }>(
      `select v.id, m.name || '@' || v.version as release from model_version v
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where v.project_id = $1 and v.id = any ($2::uuid[])`,
      [scope.id, versions],
    );
    return new Map(rows.map(({ id, release }) => [id, release]));
  }

  async watches(scope: ProjectScope): Promise<WatchRow[]> {
    const rows = await this.db.query<StoredWatch>(namedQuery('quality/watches'), [scope.id]);
    return rows.map(toWatchRow);
  }

  async state(scope: ProjectScope, id: string): Promise<WatchState | undefined> {
    const [row] = await this.db.query<WatchState & object>(
      `select devices as members, learned, compared, closed_round as "closedRound",
         extract(epoch from read_at)::float8 * 1000 as "readAtMs", stream_count as "streamCount", arl0, too_late as "tooLate"
       from quality_watch where project_id = $1 and id = $2 and state <> 'unable'`,
      [scope.id, id],
    );
    return row;
  }

  async outageSeconds(fromMs: number, toMs: number): Promise<number> {
    const [row] = await this.db.query<{ seconds: number }>('select outage_seconds($1, $2) as seconds', [
      new Date(fromMs),
      new Date(toMs),
    ]);
    return row?.seconds ?? 0;
  }
}

/** Texts and numbers; what has a structure of its own is no value that devices share. */
export const valuesShared = (attributes: Readonly<Record<string, unknown>>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(attributes)
      .filter(([, value]) => ['string', 'number', 'boolean'].includes(typeof value))
      .map(([key, value]) => [key, String(value)]),
  );
