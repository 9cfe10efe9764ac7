/**
 * Accuracy without labels as the API answers it: from the sums of windows and the baselines of their builds, with the correction that
 * labels allow. It abstains in words. Intervals are of 90 %.
 */
import { splitReleaseRef, type ProjectScope, type Resource } from '@tinyfleet/contracts';
import { calibrationCounts, comparable, type StoredBaseline } from './baseline.js';
import {
  cohortWords,
  differenceOf,
  labelledCohort,
  lentBetween,
  MIN_DEVICES,
  MOST_DEVICES,
  type CohortEstimate,
} from './cohorts.js';
import { compareHistograms } from './drift-map-service.js';
import { expectedAucOfHistogram } from './label-free/auc.js';
import { calibrationMap, type CalibrationMap } from './label-free/calibration-map.js';
import { combineEstimates, type PartEstimate } from './label-free/combine.js';
import { estimateAccuracy, type AccuracyEstimate, type EstimateOptions } from './label-free/estimate.js';
import { LabelTrickle, type LabelledWindow } from './label-free/label-trickle.js';
import { poolEstimates } from './label-free/pool.js';
import type { EstimateStore, LabelledCell, PredictionSums } from './ports.js';
import { labelledQuality } from './labelled-quality.js';
import { normalQuantile } from './statistics/distributions.js';
import { hourRange, timeRange, type BucketLimits, type RangeRequest } from './time-range.js';

const LEVEL = 0.9;
/** One bucket, of whole days. */
const WHOLE_RANGE_S = 400 * 86_400;
/** An interval with labels that is wider is no answer. */
const WIDEST_LABELLED = 0.3;
/** Labels of one bucket that the follower looks at; more change nothing that anybody sees. */
const MOST_LABELS = 2_000;

/** Of what labels have shown to be wrong, while there are too few of them to say what is right. */
const DISPROVED = {
  reason: 'labels-disagree',
  words: 'labels contradict what confidences say, and there are too few to go by them alone',
};

/** Of a set of so few that nobody knows what devices differ by: neither they nor those of the other set show it. */
const FEW_DEVICES = {
  reason: 'too-few-devices',
  words: `fewer than ${MIN_DEVICES} devices have an estimate, so what devices differ by is not known, not from the other set either`,
};

export interface EstimateLimits {
  /** Each is estimated by itself, and wants predictions to be: fewer than what is only added up. Default 40 unless asked for, 400 at most. */
  readonly buckets: BucketLimits;
  /** Of which a confusion matrix is given: those with the most labels. Default 128. */
  readonly confusionClasses: number;
}
export const estimateDefaults: EstimateLimits = {
  buckets: { wanted: 40, most: 400 },
  confusionClasses: 128,
};

type Request = RangeRequest & { readonly model?: string | undefined };
type Point = Omit<Resource<'AccuracyEstimatePoint'>, 'at'>;

export class EstimateService {
  constructor(
    private readonly store: EstimateStore,
    private readonly nowMs: () => number = Date.now,
    private readonly limits: EstimateLimits = estimateDefaults,
  ) {}

  async series(scope: ProjectScope, request: Request): Promise<Resource<'AccuracyEstimates'>> {
    const range = { ...hourRange(request, this.nowMs(), this.limits.buckets), model: request.model };
    const [sums, cells] = await Promise.all([
      this.store.predictions(scope, range),
      this.store.labelledCells(scope, range),
    ]);
    const releases = [...new Set(sums.map(({ release }) => release))];
    const baselines = await this.store.baselines(scope, releases);
    const points: Resource<'AccuracyEstimatePoint'>[] = [];
    const totals: Resource<'AccuracyEstimates'>['totals'] = [];
    for (const release of releases) {
      const judge = new Judge(release, baselines);
      const own = sums.filter((one) => one.release === release);
      const labelled = cells.filter((one) => one.release === release);
      const follower = judge.follower();
      const labelsAt = byTime(labelled);
      for (const [atMs, parts] of [...byTime(own)].sort(([a], [b]) => a - b))
        points.push({
          at: new Date(atMs).toISOString(),
          ...judge.point(parts, labelsAt.get(atMs) ?? [], follower),
        });
      totals.push(judge.point(merged(own), labelled, judge.follower()));
    }
    points.sort((a, b) => (a.at < b.at ? -1 : a.at > b.at ? 1 : 0));
    return { bucketSeconds: range.bucketSeconds, points, totals };
  }

  /** Each device by itself, and moved towards its group: at 200 predictions its own error is mostly noise. */
  async devices(
    scope: ProjectScope,
    query: { readonly release: string; readonly days: number; readonly limit: number },
  ): Promise<Resource<'DeviceEstimates'>> {
    const { keptAs } = await this.store.versionOf(scope, query.release);
    const sums = await this.store.devicePredictions(scope, { ...query, release: keptAs });
    const judge = new Judge(keptAs, await this.store.baselines(scope, [keptAs]));
    const z = normalQuantile((1 + LEVEL) / 2);
    const own = [...byDevice(sums)].map(([device, parts]) => ({
      device,
      n: totalOf(parts),
      // How wide it is by itself does not matter: it is pooled.
      estimate: judge.estimate(parts, { widest: 1 }),
    }));
    const spoken = own.filter(({ estimate }) => !estimate.abstains);
    const pooled = poolEstimates(
      spoken.map(({ estimate: { value, parts } }) => ({ value, variance: (parts.sampling / z) ** 2 })),
    );
    const items = own.map(({ device, n, estimate }): Resource<'DeviceEstimate'> => {
      const at = spoken.findIndex((one) => one.device === device);
      const known = pooled.devices[at];
      if (!known)
        return { device, n, own: null, value: null, low: null, high: null, abstains: estimate.abstains };
      const half = z * Math.sqrt(known.variance) + estimate.parts.calibration + estimate.parts.shift;
      return { device, n, own: estimate.value, ...around(known.value, half), abstains: null };
    });
    items.sort((a, b) => (a.value ?? 2) - (b.value ?? 2) || (a.device < b.device ? -1 : 1));
    return {
      release: query.release,
      days: query.days,
      group:
        spoken.length === 0
          ? null
          : {
              ...around(pooled.value, z * Math.sqrt(pooled.variance) + sharedHalf(spoken)),
              between: Math.sqrt(pooled.between),
              devices: spoken.length,
            },
      items,
    };
  }

  /**
   * Two sets of devices beside each other. `release` and `filter` of the second are `against…`.
   * @throws models.version-not-found, registry.filter-invalid and what else a filter may name that is not there
   */
  async compare(
    scope: ProjectScope,
    query: {
      readonly release: string;
      readonly filter: string;
      readonly againstRelease?: string | undefined;
      readonly againstFilter: string;
      readonly days: number;
    },
  ): Promise<Resource<'CohortComparison'>> {
    const { release, filter, againstRelease = release, againstFilter, days } = query;
    const a = await this.cohort(scope, { release, filter, days });
    const b = await this.cohort(scope, { release: againstRelease, filter: againstFilter, days });
    const z = normalQuantile((1 + LEVEL) / 2);
    const lentA = a.estimate && lentBetween(a.estimate, b.estimate);
    const lentB = b.estimate && lentBetween(b.estimate, a.estimate);
    const difference = lentA && lentB ? differenceOf(lentA, lentB, z) : null;
    const features =
      a.sums && b.sums && a.baseline
        ? compareHistograms(a.sums, b.sums, { monitors: a.baseline, labels: a.classes })
        : [];
    const cohorts: [Resource<'Cohort'>, Resource<'Cohort'>] = [
      cohortOf({ ...a, estimate: lentA }),
      cohortOf({ ...b, estimate: lentB }),
    ];
    return { days, cohorts, difference, words: cohortWords(cohorts, difference, features), features };
  }

  private async cohort(
    scope: ProjectScope,
    query: { readonly release: string; readonly filter: string; readonly days: number },
  ): Promise<{
    readonly asked: Asked;
    /** Null: it abstains. */
    readonly estimate: CohortEstimate | null;
    readonly abstains: Resource<'Abstention'> | null;
    /** Of the monitors with the most predictions. */
    readonly sums: PredictionSums | undefined;
    readonly baseline: StoredBaseline['baseline'] | undefined;
    readonly classes: readonly string[];
  }> {
    const { release, filter } = query;
    const { classes, keptAs } = await this.store.versionOf(scope, release);
    const rows = await this.store.devicePredictions(scope, {
      ...query,
      release: keptAs,
      limit: MOST_DEVICES,
    });
    const baselines = await this.store.baselines(scope, [keptAs]);
    const judge = new Judge(keptAs, baselines);
    const all = [...byDevice(rows)].map(([, parts]) => ({
      n: totalOf(parts),
      estimate: judge.estimate(parts, { widest: 1 }),
    }));
    const [sums] = merged(rows).sort((x, y) => y.n - x.n);
    const baseline = baselines.find((one) => one.schemaCrc === sums?.schemaCrc)?.baseline;
    const labels = await this.store.deviceLabels(scope, { release: keptAs, days: query.days, filter });
    const labelled = labelledCohort(labels, normalQuantile((1 + LEVEL) / 2));
    const n = all.reduce((sum, one) => sum + one.n, 0);
    const asked = { release, filter, devices: all.length, n, labelled };
    return { asked, ...cohortEstimate(all), sums, baseline, classes };
  }

  async labelled(
    scope: ProjectScope,
    request: {
      readonly release: string;
      readonly from?: string | undefined;
      readonly to?: string | undefined;
    },
  ): Promise<Resource<'LabelledQuality'>> {
    const { classes, keptAs: release } = await this.store.versionOf(scope, request.release);
    const { model } = splitReleaseRef(release);
    const { confusionClasses } = this.limits;
    const range = { ...timeRange(request, this.nowMs()), bucketSeconds: WHOLE_RANGE_S, model, release };
    const [cells, confusion, asked] = await Promise.all([
      this.store.labelledCells(scope, range),
      this.store.confusion(scope, { ...range, classes: confusionClasses }),
      this.store.askedLabels(scope, range),
    ]);
    return {
      release: request.release,
      ...labelledQuality(classes, cells, { confusion, confusionClasses }),
      asked,
    };
  }
}

type Asked = Pick<Resource<'Cohort'>, 'release' | 'filter' | 'devices' | 'n' | 'labelled'>;

/** Of a cohort's predictions: those whose devices moved would be left out, and the others look well. */
const SILENT_SHARE = 0.1;

/** Of a cohort's devices together; it abstains where more than a tenth of the predictions is of devices that do. */
function cohortEstimate(all: readonly { readonly n: number; readonly estimate: AccuracyEstimate }[]): {
  readonly estimate: CohortEstimate | null;
  readonly abstains: Resource<'Abstention'> | null;
} {
  const sum = (some: typeof all): number => some.reduce((n, one) => n + one.n, 0);
  const spoken = all.filter(({ estimate }) => !estimate.abstains);
  const silent = all.filter(({ estimate }) => estimate.abstains).sort((a, b) => b.n - a.n);
  if (spoken.length === 0 || sum(silent) > SILENT_SHARE * sum(all))
    return { estimate: null, abstains: silent[0]?.estimate.abstains ?? null };
  const z = normalQuantile((1 + LEVEL) / 2);
  const pooled = poolEstimates(
    spoken.map(({ estimate: { value, parts } }) => ({ value, variance: (parts.sampling / z) ** 2 })),
  );
  const mean = (of: (one: AccuracyEstimate) => number): number =>
    spoken.reduce((total, { estimate }) => total + of(estimate), 0) / spoken.length;
  const shared = { calibration: mean((one) => one.parts.calibration), shift: mean((one) => one.parts.shift) };
  return { estimate: { pooled, ...shared }, abstains: null };
}

/** @param set.estimate with what devices differ by, own or lent; null: nobody knows */
function cohortOf(set: {
  readonly asked: Asked;
  readonly estimate: CohortEstimate | null;
  readonly abstains: Resource<'Abstention'> | null;
}): Resource<'Cohort'> {
  const { asked, estimate, abstains } = set;
  if (!estimate) {
    const why = abstains ?? (asked.devices > 0 ? FEW_DEVICES : null);
    return { ...asked, value: null, low: null, high: null, between: null, abstains: why };
  }
  const { pooled, calibration, shift } = estimate;
  const half = normalQuantile((1 + LEVEL) / 2) * Math.sqrt(pooled.variance) + calibration + shift;
  const between = pooled.devices.length < MIN_DEVICES ? null : Math.sqrt(pooled.between);
  return { ...asked, ...around(pooled.value, half), between, abstains: null };
}

/** One version's baselines, as maps for as many bins as its windows have. */
class Judge {
  private readonly maps = new Map<string, CalibrationMap | null>();

  constructor(
    private readonly release: string,
    private readonly baselines: readonly StoredBaseline[],
  ) {}

  follower(): LabelTrickle {
    const known = this.baselines.find((one) => one.release === this.release);
    return new LabelTrickle(known?.baseline.accuracy ?? 0.5, LEVEL);
  }

  point(parts: readonly PredictionSums[], labels: readonly LabelledCell[], follower: LabelTrickle): Point {
    const estimate = this.estimate(parts);
    const n = totalOf(parts);
    const drawn = labels.reduce((sum, one) => sum + one.n, 0);
    const base = { release: this.release, n, labels: drawn, auc: this.auc(parts, estimate) };
    const halves = Number.isFinite(estimate.value) ? estimate.parts : null;
    const { seen, value, low, high } = follower.add({
      estimate: estimate.value,
      n,
      labels: this.drawn(parts, labels),
    });
    if (seen > 0 && high - low <= WIDEST_LABELLED)
      return { ...base, value, low, high, basis: 'labels', parts: halves, abstains: null };
    const isDisproved = seen > 0 && (estimate.value < low || estimate.value > high);
    const abstains = estimate.abstains ?? (isDisproved ? DISPROVED : null);
    const own = abstains ? { value: null, low: null, high: null } : pick(estimate);
    return { ...base, ...own, basis: 'predictions', parts: halves, abstains };
  }

  estimate(parts: readonly PredictionSums[], options: EstimateOptions = {}): AccuracyEstimate {
    return combineEstimates(
      parts.map((part): PartEstimate => ({ n: part.n, estimate: this.one(part, options) })),
    );
  }

  private one(part: PredictionSums, options: EstimateOptions): AccuracyEstimate {
    const known = this.baselineOf(part);
    const map = this.mapOf(part);
    const { references, features } = known
      ? comparable(known.baseline, part)
      : { references: [], features: [] };
    const made = estimateAccuracy(
      map,
      references,
      { classes: part.classes, features },
      { level: LEVEL, ...options },
    );
    if (made.abstains?.reason !== 'no-validation-data') return made;
    return { ...made, abstains: { reason: 'no-validation-data', words: this.howToAdd(map) } };
  }

  private howToAdd(map: CalibrationMap | null): string {
    const { model, version } = splitReleaseRef(this.release);
    const has =
      map === null
        ? 'no labelled validation data went through this build'
        : `only ${map.n} labelled validation samples did`;
    return `${has}: give the next version of ${model} at least 200 (model import --validation x.npy,y.npy), or ${version} itself and build it again`;
  }

  private baselineOf(part: PredictionSums): StoredBaseline | undefined {
    return this.baselines.find((one) => one.release === this.release && one.schemaCrc === part.schemaCrc);
  }

  private mapOf(part: PredictionSums): CalibrationMap | null {
    const key = `${part.schemaCrc}/${part.confidenceBins}`;
    let map = this.maps.get(key);
    if (map === undefined) {
      const known = this.baselineOf(part);
      const counts = known && calibrationCounts(known.baseline, part.confidenceBins);
      map = counts?.total.length === part.classes.length ? calibrationMap(counts) : null;
      this.maps.set(key, map);
    }
    return map;
  }

  private auc(parts: readonly PredictionSums[], { abstains }: AccuracyEstimate): number | null {
    const [part] = parts;
    const map = part && this.mapOf(part);
    if (abstains || !part || !map || map.classes !== 2 || parts.length > 1) return null;
    const auc = expectedAucOfHistogram(map, part.classes);
    return Number.isFinite(auc) ? auc : null;
  }

  /** Labels with the chance that their cell gave them. */
  private drawn(parts: readonly PredictionSums[], labels: readonly LabelledCell[]): LabelledWindow['labels'] {
    const map = parts.map((part) => this.mapOf(part)).find((one) => one !== null);
    const all = labels.reduce((sum, { n }) => sum + n, 0);
    const share = Math.min(1, MOST_LABELS / Math.max(1, all));
    return summed(labels).flatMap(({ predicted, bin, n, correct }) => {
      const chance = map?.chance[predicted * map.bins + Math.floor((bin * map.bins) / 16)] ?? 0.5;
      const of = (isCorrect: boolean, count: number) => {
        const times = Math.round(count * share);
        return times > 0 ? [{ correct: isCorrect, chance, stratum: predicted, times }] : [];
      };
      return [...of(true, correct), ...of(false, n - correct)];
    });
  }
}

/** Of all buckets, by what was predicted and how surely: a share of a few labels each would round their errors away. */
function summed(
  labels: readonly LabelledCell[],
): readonly Pick<LabelledCell, 'predicted' | 'bin' | 'n' | 'correct'>[] {
  const cells = new Map<number, { predicted: number; bin: number; n: number; correct: number }>();
  for (const { predicted, bin, n, correct } of labels) {
    const key = predicted * 16 + bin;
    const known = cells.get(key);
    if (known) {
      known.n += n;
      known.correct += correct;
    } else cells.set(key, { predicted, bin, n, correct });
  }
  return [...cells.values()];
}

const pick = ({ value, low, high }: AccuracyEstimate) => ({ value, low, high });

function around(value: number, half: number) {
  return { value, low: Math.max(0, value - half), high: Math.min(1, value + half) };
}

/** What all devices share: errors of the validation data, and how far estimators part, at their mean. */
function sharedHalf(all: readonly { readonly estimate: AccuracyEstimate }[]): number {
  return all.reduce((sum, { estimate: { parts } }) => sum + parts.calibration + parts.shift, 0) / all.length;
}

const totalOf = (parts: readonly PredictionSums[]): number => parts.reduce((sum, { n }) => sum + n, 0);

function byTime<T extends { readonly atMs: number }>(rows: readonly T[]): Map<number, T[]> {
  const times = new Map<number, T[]>();
  for (const row of rows) {
    const known = times.get(row.atMs);
    if (known) known.push(row);
    else times.set(row.atMs, [row]);
  }
  return times;
}

function byDevice<T extends { readonly device: string }>(rows: readonly T[]): Map<string, T[]> {
  const devices = new Map<string, T[]>();
  for (const row of rows) devices.set(row.device, [...(devices.get(row.device) ?? []), row]);
  return devices;
}

/** Sums of buckets that are alike. */
function merged(rows: readonly PredictionSums[]): PredictionSums[] {
  const groups = new Map<string, PredictionSums>();
  for (const row of rows) {
    const key = `${row.schemaCrc}/${row.confidenceBins}`;
    const sum = groups.get(key);
    groups.set(key, sum ? addSums(sum, row) : row);
  }
  return [...groups.values()];
}

/** Of windows with one schema and one number of bins. */
export function addSums<T extends PredictionSums>(a: T, b: PredictionSums): T {
  const both = (x: readonly number[] | null, y: readonly number[] | null) =>
    x === null || y === null ? (x ?? y) : addArrays(x, y);
  return {
    ...a,
    n: a.n + b.n,
    classes: addArrays(a.classes, b.classes),
    featureCounts: both(a.featureCounts, b.featureCounts),
    ood: both(a.ood, b.ood),
  };
}

function addArrays(a: readonly number[], b: readonly number[]): number[] {
  const [long, short] = a.length >= b.length ? [a, b] : [b, a];
  return long.map((value, i) => (i < short.length ? value + short[i]! : value));
}
