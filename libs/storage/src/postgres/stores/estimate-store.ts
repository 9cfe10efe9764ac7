/** What estimates of accuracy are made of: sums from the rollups, labels by confidence, baselines of builds. */
import { Baseline, splitReleaseRef, type ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { parseFilter } from '@tinyfleet/filter';
import {
  addSums,
  spanColumns,
  type ConfusionCell,
  type DriftMapStore,
  type EstimateStore,
  type GroupSums,
  type LabelledCell,
  type LabelledDevice,
  type PredictionSums,
  type QualityQuery,
  type StoredBaseline,
  type TimeRange,
} from '@tinyfleet/quality';
import type { Db } from '../database.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { namedQuery } from '../queries/index.js';
import { Parameters as SqlParameters } from '../queries/parameters.js';
import { numbersOf, releaseClasses } from './sums.js';
import { SumsCache, type SumLists, type SumTexts } from './sums-cache.js';

type HourSums = PredictionSums & { readonly atMs: number };

export class PgEstimateStore implements EstimateStore, DriftMapStore {
  constructor(
    private readonly db: Db,
    private readonly sums = new SumsCache(),
  ) {}

  async baselines(scope: ProjectScope, releases: readonly string[]): Promise<StoredBaseline[]> {
    if (releases.length === 0) return [];
    const rows = await this.db.query<Omit<StoredBaseline, 'baseline'> & { baseline: unknown }>(
      namedQuery('quality/baselines'),
      [scope.id, releases],
    );
    return rows.map(({ baseline, ...rest }) => ({ ...rest, baseline: Baseline.parse(baseline) }));
  }

  async predictions(scope: ProjectScope, query: QualityQuery): Promise<HourSums[]> {
    const { model = null } = query;
    const rows = await this.sums.read(
      JSON.stringify(['predictions', scope.id, model, query.bucketSeconds, query.toMs - query.fromMs]),
      async (known) =>
        await this.db.query<KnownAs<HourSums>>(namedQuery('quality/predictions-by-span'), [
          ...[scope.id, query.bucketSeconds, ...spanColumns(query)],
          ...[model, known],
        ]),
    );
    return merge(rows, ({ atMs, release, ...row }) => `${atMs}/${release}/${schemaOf(row)}`);
  }

  async labelledCells(
    scope: ProjectScope,
    query: QualityQuery & { readonly release?: string },
  ): Promise<LabelledCell[]> {
    const spans = await this.db.query<LabelledColumns>(namedQuery('quality/labelled-cells'), [
      ...[scope.id, query.bucketSeconds, ...spanColumns(query)],
      query.model ?? null,
      query.release ?? null,
    ]);
    const found: LabelledCell[] = [];
    let ofBucket = new Map<number, Writable<LabelledCell>>();
    let last: LabelledColumns | undefined;
    for (const columns of spans) {
      const { atMs, release } = columns;
      if (atMs !== last?.atMs || release !== last.release) ofBucket = new Map();
      last = columns;
      const [counts, hits] = [numbersOf(columns.n), numbersOf(columns.correct)];
      numbersOf(columns.cells).forEach((cell, i) => {
        const known = ofBucket.get(cell);
        if (known) {
          known.n += counts[i]!;
          known.correct += hits[i]!;
          return;
        }
        const [predicted, bin] = [cell >> 4, cell & 15];
        const one = { atMs, release, predicted, bin, n: counts[i]!, correct: hits[i]! };
        ofBucket.set(cell, one);
        found.push(one);
      });
    }
    return found;
  }

  async devicePredictions(
    scope: ProjectScope,
    { release, days, limit, filter = '' }: Parameters<EstimateStore['devicePredictions']>[1],
  ): Promise<(PredictionSums & { readonly device: string })[]> {
    const rows = await this.sums.read(
      JSON.stringify(['devices', scope.id, release, days, limit, filter]),
      async (known) => {
        const parameters = new SqlParameters([scope.id, release, days, limit, known]);
        const text = namedQuery('quality/device-predictions');
        const condition = filter === '' ? '' : await this.inFilter(scope, filter, parameters);
        return await this.db.query<KnownAs<Omit<PredictionSums, 'release'>> & { device: string }>(
          text.replace('/* filter */', () => condition),
          parameters.values,
        );
      },
    );
    const named = rows.map((row) => ({ ...row, release }));
    return merge(named, ({ device, ...row }) => `${device}/${schemaOf(row)}`);
  }

  async deviceLabels(
    scope: ProjectScope,
    { release, days, filter }: Parameters<EstimateStore['deviceLabels']>[1],
  ): Promise<LabelledDevice[]> {
    const parameters = new SqlParameters([scope.id, release, days]);
    const text = namedQuery('quality/device-labels');
    const condition = filter === '' ? '' : await this.inFilter(scope, filter, parameters);
    return await this.db.query<LabelledDevice & object>(
      text.replace('/* filter */', () => condition),
      parameters.values,
    );
  }

  private async inFilter(scope: ProjectScope, source: string, parameters: SqlParameters): Promise<string> {
    const filter = parseFilter(source);
    const names = await loadFilterNames(this.db, scope, filter);
    const condition = filterSql(filter, parameters, names);
    return `and r.device_id in (select d.id from device d where d.project_id = $1 and ${condition})`;
  }

  async groupSums(
    scope: ProjectScope,
    { by, model, release, ...range }: Parameters<DriftMapStore['groupSums']>[1],
  ): Promise<GroupSums[]> {
    const wanted = by === 'version' ? null : release;
    const rows = await this.sums.read(
      JSON.stringify(['groups', scope.id, by, model, wanted, range.bucketSeconds, range.toMs - range.fromMs]),
      async (known) =>
        await this.db.query<KnownAs<Omit<GroupSums, 'labels'>>>(namedQuery('quality/group-sums'), [
          ...[scope.id, range.bucketSeconds, ...spanColumns(range)],
          ...[model, wanted, by, known],
        ]),
    );
    return await this.named(scope, rows);
  }

  async deviceSums(
    scope: ProjectScope,
    { device, days }: Parameters<DriftMapStore['deviceSums']>[1],
  ): Promise<GroupSums[]> {
    const rows = await this.db.query<AsText<Omit<GroupSums, 'labels'>>>(namedQuery('quality/device-sums'), [
      ...[scope.id, device, days],
    ]);
    return await this.named(
      scope,
      rows.map(({ classes, featureCounts, featureSums, ood, ...row }) => ({
        ...row,
        classes: numbersOf(classes),
        featureCounts: featureCounts === null ? null : numbersOf(featureCounts),
        featureSums: featureSums === null ? null : numbersOf(featureSums),
        ood: ood === null ? null : numbersOf(ood),
      })),
    );
  }

  private async named(scope: ProjectScope, rows: readonly Omit<GroupSums, 'labels'>[]): Promise<GroupSums[]> {
    const labels = await releaseClasses(this.db, scope, rows);
    return rows.map((row) => ({ ...row, labels: labels.get(row.release) ?? null }));
  }

  async askedLabels(scope: ProjectScope, query: TimeRange & { readonly release: string }): Promise<number> {
    const [row] = await this.db.query<{ n: number }>(namedQuery('quality/asked-labels'), [
      ...[scope.id, query.release, ...spanColumns(query)],
    ]);
    return row?.n ?? 0;
  }

  async confusion(
    scope: ProjectScope,
    query: TimeRange & { readonly release: string; readonly classes: number },
  ): Promise<ConfusionCell[]> {
    return await this.db.query<ConfusionCell & object>(namedQuery('quality/confusion'), [
      ...[scope.id, query.release, ...spanColumns(query), query.classes],
    ]);
  }

  async versionOf(scope: ProjectScope, release: string): Promise<{ classes: string[]; keptAs: string }> {
    const [row] = await this.db.query<{ labels: string[]; keptAs: string }>(
      namedQuery('quality/version-of'),
      [scope.id, release],
    );
    if (!row) throw new FleetError('models.version-not-found', splitReleaseRef(release));
    return { classes: row.labels, keptAs: row.keptAs };
  }
}

/** Lists of numbers are read as text. */
type AsText<T> = {
  readonly [K in keyof T]: T[K] extends readonly number[]
    ? string
    : T[K] extends readonly number[] | null
      ? string | null
      : T[K];
};
/** Rows without their lists, where the version is known. */
type KnownAs<T> = Omit<T, keyof SumLists> & SumTexts;
type Writable<T> = { -readonly [K in keyof T]: T[K] };
/** Of one span. */
interface LabelledColumns {
  /** Of its bucket. */
  readonly atMs: number;
  readonly release: string;
  /** What was predicted x 16, and how surely. */
  readonly cells: string;
  readonly n: string;
  readonly correct: string;
}

const schemaOf = ({
  schemaCrc,
  confidenceBins,
}: Pick<PredictionSums, 'schemaCrc' | 'confidenceBins'>): string => `${schemaCrc}/${confidenceBins}`;

/** Adds rows of one key; in the order in which keys first come. */
function merge<T extends PredictionSums>(rows: readonly T[], keyOf: (row: T) => string): T[] {
  const sums = new Map<string, T>();
  for (const row of rows) {
    const key = keyOf(row);
    const sum = sums.get(key);
    sums.set(key, sum ? addSums(sum, row) : row);
  }
  return [...sums.values()];
}
