/**
 * How far what devices measure and predict is from the validation data of their build: features by group over time, from sums.
 * It describes; alerts are judged against a declared healthy period instead (docs/design/quality.md).
 */
import { splitReleaseRef, type ProjectScope, type Resource } from '@tinyfleet/contracts';
import { calibrationCounts, type Baseline, type FeatureBaseline, type StoredBaseline } from './baseline.js';
import { isFarApart } from './label-free/estimate.js';
import type { DriftMapStore, GroupSums, PredictionSums } from './ports.js';
import { divergence, total, totalVariation } from './statistics/divergence.js';
import { meanOf, varianceOf, type Moments } from './statistics/moment-shift.js';
import { hourRange, type BucketLimits, type RangeRequest } from './time-range.js';

const BINS = 16;
/** Groups that are shown. */
const MOST_GROUPS = 20;
/** Columns that a page can show side by side; a request may ask for others. */
const BUCKETS: BucketLimits = { wanted: 60, most: 400 };

type Moved = Resource<'Moved'>;
type Feature = Resource<'DriftFeature'>;
interface Request extends RangeRequest {
  readonly release: string;
  readonly by: Resource<'DriftGrouping'>;
}

export class DriftMapService {
  constructor(
    private readonly store: DriftMapStore,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** @throws models.version-not-found, telemetry.range-invalid, telemetry.buckets-too-many */
  async map(scope: ProjectScope, request: Request): Promise<Resource<'DriftMap'>> {
    const { by } = request;
    const range = hourRange(request, this.nowMs(), BUCKETS);
    const { keptAs: release } = await this.store.versionOf(scope, request.release);
    const { model } = splitReleaseRef(release);
    const rows = await this.store.groupSums(scope, { ...range, by, model, release });
    const known = await this.held(scope, rows);
    const shown = largest(known.map(({ row }) => row)).map((group) => ({
      group,
      ...mostAlike(known.filter(({ row }) => row.group === group)),
    }));
    return {
      bucketSeconds: range.bucketSeconds,
      by,
      groups: shown.map(({ group, release: of, measures, rows: own }) => {
        const sum = sumOf(own);
        return { group, release: of, n: sum.n, features: measures.map((one) => featureOf(one, sum)) };
      }),
      cells: shown.flatMap(({ group, measures, rows: own }) =>
        bucketsOf(own).map(([atMs, sum]) => {
          const moved = measures.map((one): Moved | null => {
            const of = movedOf(one, sum, countsOf(one, sum));
            return of.n === 0 ? null : of;
          });
          return { at: new Date(atMs).toISOString(), group, n: sum.n, moved };
        }),
      ),
      without: predictionsOf(rows) - predictionsOf(known.map(({ row }) => row)),
    };
  }

  /** @throws models.version-not-found */
  async device(
    scope: ProjectScope,
    request: { readonly device: string; readonly release?: string | undefined; readonly days: number },
  ): Promise<Resource<'DeviceHistograms'>> {
    const { device, days } = request;
    const all = await this.store.deviceSums(scope, request);
    const names = [...new Set(all.map((row) => row.release))];
    const ofRelease = (release: string | undefined) => all.filter((row) => row.release === release);
    const kept =
      request.release === undefined ? names[0] : (await this.store.versionOf(scope, request.release)).keptAs;
    const rows = ofRelease(kept);
    const known = await this.held(scope, rows);
    const shown = known.length === 0 ? undefined : mostAlike(known);
    const sum = shown && sumOf(shown.rows);
    return {
      ...{ device, days, release: request.release ?? kept ?? null },
      releases: names.map((release) => ({ release, n: predictionsOf(ofRelease(release)) })),
      n: sum?.n ?? 0,
      without: predictionsOf(rows) - (sum?.n ?? 0),
      features: sum ? shown.measures.map((one) => featureOf(one, sum)) : [],
    };
  }

  /** Rows whose build has validation data of the same monitors, each with it. */
  private async held(scope: ProjectScope, rows: readonly GroupSums[]): Promise<readonly Held[]> {
    const baselines = await this.store.baselines(scope, [...new Set(rows.map((row) => row.release))]);
    const usable = new Map<string, StoredBaseline | undefined>();
    return rows.flatMap((row) => {
      const key = keyOf(row);
      if (!usable.has(key)) {
        const found = baselines.find((b) => b.release === row.release && b.schemaCrc === row.schemaCrc);
        usable.set(key, found && calibrationCounts(found.baseline, row.confidenceBins) ? found : undefined);
      }
      const found = usable.get(key);
      return found ? [{ row, found }] : [];
    });
  }
}

interface Held {
  readonly row: GroupSums;
  readonly found: StoredBaseline;
}

/** Of one group, made by different monitors, those with the most predictions. At least one row. */
function mostAlike(own: readonly Held[]): {
  readonly release: string;
  readonly measures: readonly Measure[];
  readonly rows: readonly GroupSums[];
} {
  const [main] = largest(own.map(({ row }) => ({ group: keyOf(row), n: row.n })));
  const alike = own.filter(({ row }) => keyOf(row) === main);
  const { row, found } = alike[0]!;
  return {
    release: found.release,
    measures: measuresOf(found.baseline, row.confidenceBins),
    rows: alike.map((one) => one.row),
  };
}

const predictionsOf = (rows: readonly { readonly n: number }[]): number =>
  rows.reduce((sum, { n }) => sum + n, 0);

/**
 * Histograms of `a` over those of `b`, which stand as `baseline`: of inputs only where both have the same monitors, none where their
 * classes or bins differ. `monitors` names the features of `a`.
 */
export function compareHistograms(
  a: PredictionSums,
  b: PredictionSums,
  { monitors, labels }: { readonly monitors: Baseline; readonly labels: readonly string[] },
): Feature[] {
  const isAlike = a.confidenceBins === b.confidenceBins && a.classes.length === b.classes.length;
  if (!isAlike || !calibrationCounts(monitors, a.confidenceBins)) return [];
  const group = { atMs: 0, group: '', labels: [...labels], featureSums: null };
  return measuresOf(monitors, a.confidenceBins).flatMap((measure) => {
    if (a.schemaCrc !== b.schemaCrc && (measure.kind === 'input' || measure.kind === 'score')) return [];
    const there = measure.countsOf({ ...b, ...group });
    return there && total(there) > 0
      ? [featureOf({ ...measure, baseline: [...there] }, { ...a, ...group })]
      : [];
  });
}

/** Of what may be added. */
const keyOf = ({ release, schemaCrc, confidenceBins }: GroupSums): string =>
  `${release}/${schemaCrc}/${confidenceBins}`;

/** Rows of one bucket added, in the order of time. */
function bucketsOf(rows: readonly GroupSums[]): [number, GroupSums][] {
  const buckets = new Map<number, GroupSums[]>();
  for (const row of rows) {
    const bucket = buckets.get(row.atMs);
    if (bucket) bucket.push(row);
    else buckets.set(row.atMs, [row]);
  }
  return [...buckets]
    .sort(([a], [b]) => a - b)
    .map(([atMs, bucket]): [number, GroupSums] => [atMs, sumOf(bucket)]);
}

/** Names by their predictions, the most first. */
function largest(rows: readonly { readonly group: string; readonly n: number }[]): string[] {
  const sums = new Map<string, number>();
  for (const { group, n } of rows) sums.set(group, (sums.get(group) ?? 0) + n);
  return [...sums]
    .sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1))
    .slice(0, MOST_GROUPS)
    .map(([group]) => group);
}

/** What is measured of sums, and what validation data said of it: made once for all cells of a group. */
interface Measure extends Pick<Feature, 'feature' | 'kind' | 'edges' | 'baseline'> {
  /** Undefined: it was not sent. */
  countsOf(sums: GroupSums): readonly number[] | undefined;
  shiftOf(sums: GroupSums): number | null;
}

/** Every feature of the baseline, whether it was sent or not, so that groups and cells have the same rows. */
function measuresOf({ features, ood, ...baseline }: Baseline, bins: number): Measure[] {
  const outputs = calibrationCounts({ features, ood, ...baseline }, bins)!;
  const added = (cells: readonly number[], length: number, placeOf: (cell: number) => number) => {
    const sums = new Array<number>(length).fill(0);
    for (let i = 0; i < cells.length; i++) if (placeOf(i) < length) sums[placeOf(i)]! += cells[i]!;
    return sums;
  };
  const byClass = (cells: readonly number[]) => added(cells, outputs.classes, (i) => Math.floor(i / bins));
  const byBin = (cells: readonly number[]) => added(cells, bins, (i) => i % bins);
  const validated = Array.from(outputs.total);
  // Coarse values have fewer quantiles than there are bins: behind the last edge nothing can lie.
  const used = (counts: readonly number[], { edges }: FeatureBaseline) => counts.slice(0, edges.length + 1);
  const monitored = (one: FeatureBaseline) => ({
    feature: one.name,
    edges: one.edges.map((edge) => (edge - one.zeroPoint) * one.scale),
    baseline: used(one.counts, one),
  });
  const unmoved = { shiftOf: () => null };
  return [
    ...features.map((one, i) => ({
      ...{ ...monitored(one), kind: 'input' as const },
      countsOf({ featureCounts }: GroupSums) {
        return featureCounts ? used(featureCounts.slice(i * BINS, (i + 1) * BINS), one) : undefined;
      },
      shiftOf(sums: GroupSums) {
        const moments = momentsAt(sums, i);
        return moments ? shiftOf(one, moments) : null;
      },
    })),
    ...(ood
      ? [
          {
            ...{ ...monitored(ood), ...unmoved, kind: 'score' as const },
            countsOf: (sums: GroupSums) => (sums.ood ? used(sums.ood, ood) : undefined),
          },
        ]
      : []),
    {
      ...{ feature: 'confidence', kind: 'confidence', ...unmoved, baseline: byBin(validated) },
      edges: Array.from({ length: bins - 1 }, (_, i) => (i + 1) / bins),
      countsOf: ({ classes }) => byBin(classes),
    },
    {
      ...{ feature: 'predicted classes', kind: 'classes', ...unmoved, baseline: byClass(validated) },
      edges: [],
      countsOf: ({ classes }) => byClass(classes),
    },
  ];
}

function countsOf(measure: Measure, sums: GroupSums): readonly number[] {
  const sent = measure.countsOf(sums);
  const { length } = measure.baseline;
  return sent?.length === length ? sent : new Array<number>(length).fill(0);
}

function movedOf(measure: Measure, sums: GroupSums, counts: readonly number[]): Moved {
  const n = total(counts);
  const { baseline } = measure;
  const shift = measure.shiftOf(sums);
  if (n === 0 || total(baseline) === 0) return { n, shift, distance: 0, share: 0, isFar: false };
  const apart = divergence('hellinger', baseline, counts);
  const distance = Math.sqrt(Math.max(0, apart.value - apart.expected));
  return { n, shift, distance, share: totalVariation(baseline, counts), isFar: isFarApart(apart) };
}

function featureOf(measure: Measure, sums: GroupSums): Feature {
  const { feature, kind, edges, baseline } = measure;
  const counts = countsOf(measure, sums);
  const labels = kind === 'classes' ? [...(sums.labels ?? [])] : [];
  return { feature, kind, labels, edges, baseline, counts: [...counts], ...movedOf(measure, sums, counts) };
}

function momentsAt({ featureSums }: GroupSums, feature: number): Moments | undefined {
  const [n, sum, sumSquares] = featureSums?.slice(feature * 3, feature * 3 + 3) ?? [];
  return n !== undefined && n > 0 ? { n, sum: sum!, sumSquares: sumSquares! } : undefined;
}

/** Both sums are about the same centre, which belongs to the monitors. */
function shiftOf(baseline: Moments, now: Moments): number {
  const sd = Math.sqrt(varianceOf(baseline));
  return sd > 0 ? (meanOf(now) - meanOf(baseline)) / sd : 0;
}

/** Of rows with one schema and one number of bins, at least one. */
function sumOf(rows: readonly GroupSums[]): GroupSums {
  const [first] = rows;
  if (rows.length === 1) return first!;
  return {
    ...first!,
    n: rows.reduce((sum, { n }) => sum + n, 0),
    classes: addArrays(rows.map(({ classes }) => classes))!,
    featureCounts: addArrays(rows.map(({ featureCounts }) => featureCounts)),
    featureSums: addArrays(rows.map(({ featureSums }) => featureSums)),
    ood: addArrays(rows.map(({ ood }) => ood)),
  };
}

/** As long as the first that is there. */
function addArrays(arrays: readonly (readonly number[] | null)[]): number[] | null {
  let sum: number[] | null = null;
  for (const one of arrays) {
    if (one === null) continue;
    if (sum === null) sum = [...one];
    else for (let i = 0; i < sum.length; i++) sum[i]! += one[i] ?? 0;
  }
  return sum;
}
