/**
 * How far what devices measure and predict is from the validation data of their build: features by group over time, from sums.
 * It describes; alerts are judged against a declared healthy period instead (docs/design/quality.md).
 */
import { splitReleaseRef, type ProjectScope, type Resource } from '@tinyfleet/contracts';
import { calibrationCounts, type Baseline, type FeatureBaseline, type StoredBaseline } from './baseline.js';
import { isFarApart } from './label-free/estimate.js';
import type { DriftMapStore, GroupSums } from './ports.js';
import { divergence, shareDistances, shares, total } from './statistics/divergence.js';
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
    const { release, by } = request;
    const range = hourRange(request, this.nowMs(), BUCKETS);
    await this.store.classNames(scope, release);
    const { model } = splitReleaseRef(release);
    const rows = await this.store.groupSums(scope, { ...range, by, model, release });
    const baselines = await this.store.baselines(scope, [...new Set(rows.map((row) => row.release))]);
    const usable = new Map<string, StoredBaseline | undefined>();
    const known = rows.flatMap((row) => {
      const key = keyOf(row);
      if (!usable.has(key)) {
        const found = baselines.find((b) => b.release === row.release && b.schemaCrc === row.schemaCrc);
        usable.set(key, found && calibrationCounts(found.baseline, row.confidenceBins) ? found : undefined);
      }
      const found = usable.get(key);
      return found ? [{ row, found }] : [];
    });
    const all = rows.reduce((sum, { n }) => sum + n, 0);
    const groups = largest(known.map(({ row }) => row));
    const shown = groups.map((group) => {
      // Of one version by different monitors those with the most predictions.
      const own = known.filter(({ row }) => row.group === group);
      const [main] = largest(own.map(({ row }) => ({ group: keyOf(row), n: row.n })));
      const alike = own.filter(({ row }) => keyOf(row) === main);
      const { row: first, found } = alike[0]!;
      return {
        ...{ group, release: found.release, measures: measuresOf(found.baseline, first.confidenceBins) },
        rows: alike.map(({ row }) => row),
      };
    });
    return {
      bucketSeconds: range.bucketSeconds,
      by,
      groups: shown.map(({ group, release: of, measures, rows: own }) => {
        const sum = own.reduce(addGroupSums);
        return { group, release: of, n: sum.n, features: measures.map((one) => featureOf(one, sum)) };
      }),
      cells: shown.flatMap(({ group, measures, rows: own }) =>
        bucketsOf(own).map(([atMs, sum]) => {
          const moved = measures.map((one): Moved | null => {
            const { counts: _, ...rest } = movedOf(one, sum);
            return rest.n === 0 ? null : rest;
          });
          return { at: new Date(atMs).toISOString(), group, n: sum.n, moved };
        }),
      ),
      without: all - known.reduce((sum, { row }) => sum + row.n, 0),
    };
  }
}

/** Of what may be added. */
const keyOf = ({ release, schemaCrc, confidenceBins }: GroupSums): string =>
  `${release}/${schemaCrc}/${confidenceBins}`;

/** Rows of one bucket added, in the order of time. */
function bucketsOf(rows: readonly GroupSums[]): [number, GroupSums][] {
  const sums = new Map<number, GroupSums>();
  for (const row of rows) {
    const sum = sums.get(row.atMs);
    sums.set(row.atMs, sum ? addGroupSums(sum, row) : row);
  }
  return [...sums].sort(([a], [b]) => a - b);
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
  const byClass = (cells: readonly number[]) =>
    Array.from({ length: outputs.classes }, (_, c) => total(cells.slice(c * bins, (c + 1) * bins)));
  const byBin = (cells: readonly number[]) =>
    Array.from({ length: bins }, (_, bin) => total(cells.filter((_count, i) => i % bins === bin)));
  const validated = Array.from(outputs.total);
  const monitored = ({ name, edges, scale, zeroPoint, counts }: FeatureBaseline) => ({
    ...{ feature: name, edges: edges.map((edge) => (edge - zeroPoint) * scale), baseline: counts },
  });
  const unmoved = { shiftOf: () => null };
  return [
    ...features.map((one, i) => ({
      ...{ ...monitored(one), kind: 'input' as const },
      countsOf: ({ featureCounts }: GroupSums) => featureCounts?.slice(i * BINS, (i + 1) * BINS),
      shiftOf(sums: GroupSums) {
        const moments = momentsAt(sums, i);
        return moments ? shiftOf(one, moments) : null;
      },
    })),
    ...(ood
      ? [
          {
            ...{ ...monitored(ood), ...unmoved, kind: 'score' as const },
            countsOf: (sums: GroupSums) => sums.ood ?? undefined,
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

function movedOf(measure: Measure, sums: GroupSums): Moved & { readonly counts: readonly number[] } {
  const { baseline } = measure;
  const sent = measure.countsOf(sums);
  const counts = sent?.length === baseline.length ? sent : new Array<number>(baseline.length).fill(0);
  const n = total(counts);
  const base = { counts, n, shift: measure.shiftOf(sums) };
  if (n === 0 || total(baseline) === 0) return { ...base, distance: 0, share: 0, isFar: false };
  const apart = divergence('hellinger', baseline, counts);
  return {
    ...base,
    distance: Math.sqrt(Math.max(0, apart.value - apart.expected)),
    share: shareDistances(shares(baseline, 0), shares(counts, 0)).totalVariation,
    isFar: isFarApart(apart),
  };
}

function featureOf({ feature, kind, edges, baseline, ...measure }: Measure, sums: GroupSums): Feature {
  const { counts, ...moved } = movedOf({ feature, kind, edges, baseline, ...measure }, sums);
  const labels = kind === 'classes' ? [...(sums.labels ?? [])] : [];
  return { feature, kind, labels, edges, baseline, counts: [...counts], ...moved };
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

/** Of rows with one schema and one number of bins. */
function addGroupSums(a: GroupSums, b: GroupSums): GroupSums {
  const both = (x: readonly number[] | null, y: readonly number[] | null) =>
    x === null || y === null ? (x ?? y) : x.map((value, i) => value + (y[i] ?? 0));
  return {
    ...a,
    n: a.n + b.n,
    classes: both(a.classes, b.classes)!,
    featureCounts: both(a.featureCounts, b.featureCounts),
    featureSums: both(a.featureSums, b.featureSums),
    ood: both(a.ood, b.ood),
  };
}
