/**
 * What quality needs from storage, all of it sums: by version from the rollups, and by buckets of less than an hour, of two hours
 * at most, from raw rows.
 */
import type { AuditLog, Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import type { FleetError } from '@tinyfleet/errors';
import type { StoredBaseline, SummedFeatures } from './baseline.js';
import type { TimeRange } from './time-range.js';

/** Which versions a query is about; undefined = all models. */
export interface QualityQuery extends TimeRange {
  readonly model?: string | undefined;
}

/** Labelled predictions of one version in one bucket. `release` is `model@version`. */
export interface LabelledCount {
  readonly atMs: number;
  readonly release: string;
  readonly labels: number;
  readonly correct: number;
}

/** Predictions per class of one version in one bucket, all confidence bins added. */
export interface ClassCount {
  readonly atMs: number;
  readonly release: string;
  readonly labels: readonly string[];
  readonly counts: readonly number[];
}

/** Devices that sent at least one window made by a version in one bucket; buckets are a day at most. */
export interface DeviceCount {
  readonly atMs: number;
  readonly release: string | null;
  readonly devices: number;
}

export interface QualityStore {
  labelledCounts(scope: ProjectScope, query: QualityQuery): Promise<readonly LabelledCount[]>;
  classCounts(scope: ProjectScope, query: QualityQuery): Promise<readonly ClassCount[]>;
  deviceCounts(scope: ProjectScope, query: TimeRange): Promise<readonly DeviceCount[]>;
  /** Does the range hold more than `limit` windows? Costs at most `limit` + 1 rows. */
  hasMoreWindows(scope: ProjectScope, range: TimeRange, limit: number): Promise<boolean>;
}

export interface BaselineStore {
  /** Of the newest build of each schema of these versions (`model@version`). */
  baselines(scope: ProjectScope, releases: readonly string[]): Promise<readonly StoredBaseline[]>;
}

/**
 * Windows name a bundle, so versions whose bundles are the very same are one to them: they are kept under the one that was built first,
 * and whoever asks for another one of them is answered with those.
 */
export interface KeptVersion {
  readonly classes: readonly string[];
  /** `model@version`; itself but for a version that has no bundle of its own. */
  readonly keptAs: string;
}

/** Sums of windows that are alike: one schema, one number of confidence bins. */
export interface PredictionSums extends SummedFeatures {
  readonly release: string;
  readonly schemaCrc: number;
  readonly confidenceBins: number;
  readonly n: number;
  /** Class-major. */
  readonly classes: readonly number[];
}
/** Labels that chance chose, by what was predicted. `bin` is confidence / 16, 0..15. */
export interface LabelledCell {
  readonly atMs: number;
  readonly release: string;
  readonly predicted: number;
  readonly bin: number;
  readonly n: number;
  readonly correct: number;
}
/** Labels of one device's predictions that chance chose. */
export interface LabelledDevice {
  readonly n: number;
  readonly correct: number;
}
/** The same by true and predicted class; null: one of those that are not listed. */
export interface ConfusionCell {
  readonly label: number | null;
  readonly predicted: number | null;
  readonly n: number;
}
export interface EstimateStore extends BaselineStore {
  /** In the order of time; buckets are whole hours. */
  predictions(
    scope: ProjectScope,
    query: QualityQuery,
  ): Promise<readonly (PredictionSums & { readonly atMs: number })[]>;
  labelledCells(
    scope: ProjectScope,
    query: QualityQuery & { readonly release?: string },
  ): Promise<readonly LabelledCell[]>;
  /** Of the devices that predicted most with a release on the newest two of the last days that it has predictions of. */
  devicePredictions(
    scope: ProjectScope,
    query: {
      readonly release: string;
      readonly days: number;
      readonly limit: number;
      /** Of devices as they are now. Default: all. */
      readonly filter?: string;
    },
  ): Promise<readonly (PredictionSums & { readonly device: string })[]>;
  /** Of the last days, one row a device; of devices as they are now that match the filter, empty: all. */
  deviceLabels(
    scope: ProjectScope,
    query: { readonly release: string; readonly days: number; readonly filter: string },
  ): Promise<readonly LabelledDevice[]>;
  /** Of the `classes` with the most labels, true or predicted. */
  confusion(
    scope: ProjectScope,
    query: TimeRange & { readonly release: string; readonly classes: number },
  ): Promise<readonly ConfusionCell[]>;
  /** Labels of a release that were asked for and not drawn. */
  askedLabels(scope: ProjectScope, query: TimeRange & { readonly release: string }): Promise<number>;
  /** Its classes, and the version that windows of its bundles are kept under. @throws models.version-not-found */
  versionOf(scope: ProjectScope, release: string): Promise<KeptVersion>;
}

/** Sums of one group as they lie; buckets are whole hours. */
export interface GroupSums extends PredictionSums {
  readonly atMs: number;
  readonly group: string;
  /** Names of classes. */
  readonly labels: readonly string[] | null;
  /** Features x (n, sum, sum of squares). */
  readonly featureSums: readonly number[] | null;
}
export interface DriftMapStore extends Pick<EstimateStore, 'baselines' | 'versionOf'> {
  /** Of the release, or by version of its whole model. */
  groupSums(
    scope: ProjectScope,
    query: TimeRange & {
      readonly by: Resource<'DriftGrouping'>;
      readonly model: string;
      readonly release: string;
    },
  ): Promise<readonly GroupSums[]>;
  /** Of one device by UTC day, the newest first and of a day the most predictions first; `group` is its name. */
  deviceSums(
    scope: ProjectScope,
    query: { readonly device: string; readonly days: number },
  ): Promise<readonly GroupSums[]>;
}

export interface Inference {
  readonly device: string;
  readonly bootId: bigint;
  readonly inferenceIndex: number;
}
export type LabelReason = Resource<'LabelReason'>;
/** Every method of it is one statement or runs in a transaction. */
export type ClaimedLabel = Omit<Resource<'LabelItem'>, 'at' | 'claimedUntil'> & {
  readonly at: Date;
  readonly claimedUntil: Date;
};
export interface LabelQueueStore {
  counts(scope: ProjectScope, most: number): Promise<Resource<'LabelQueue'>>;
  /**
   * Takes up to `counts` predictions for `by`: such as were asked for first, then in the order of chance, then those whose confidence
   * is least. What somebody else holds, was skipped or has a label is left out.
   */
  claim(
    scope: ProjectScope,
    claim: {
      readonly by: string;
      readonly seconds: number;
      readonly counts: Readonly<Record<LabelReason, number>>;
      readonly release: string | undefined;
      readonly device: string | undefined;
    },
  ): Promise<readonly ClaimedLabel[]>;
  /** Up to `most` that `by` holds still, for so long again. */
  renew(
    scope: ProjectScope,
    claim: {
      readonly by: string;
      readonly seconds: number;
      readonly most: number;
      readonly release: string | undefined;
      readonly device: string | undefined;
    },
  ): Promise<readonly ClaimedLabel[]>;
  /** Undefined: all that `by` holds. Answers how many. */
  giveBack(scope: ProjectScope, by: string, items: readonly Inference[] | undefined): Promise<number>;
  skip(
    scope: ProjectScope,
    items: readonly Inference[],
    how: { readonly by: string; readonly note: string },
  ): Promise<number>;
  /** Labels and skips by `by`, who holds the predictions again. */
  undo(
    scope: ProjectScope,
    items: readonly Inference[],
    how: { readonly by: string; readonly seconds: number },
  ): Promise<readonly ClaimedLabel[]>;
  /** The newest unlabelled predictions of each device. @throws registry.device-not-found */
  open(
    scope: ProjectScope,
    task: { readonly devices: readonly string[]; readonly perDevice: number; readonly note: string },
  ): Promise<number>;
}
export interface LabelQueueStores {
  readonly queue: LabelQueueStore;
  readonly audit: AuditLog;
}

export interface SampleStore {
  settings(scope: ProjectScope): Promise<Resource<'SampleSettings'> | undefined>;
  setSettings(scope: ProjectScope, settings: Resource<'SampleSettings'>): Promise<void>;
  list(
    scope: ProjectScope,
    filter: { readonly device?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Resource<'Sample'>>>;
  /** `data` is null while parts are missing. @throws telemetry.sample-not-found */
  read(
    scope: ProjectScope,
    id: string,
  ): Promise<{
    readonly bytes: number;
    readonly encoding: 'int8' | 'int16';
    readonly data: Uint8Array | null;
  }>;
  remove(scope: ProjectScope, id: string): Promise<void>;
}
export interface SampleStores {
  readonly samples: SampleStore;
  readonly audit: AuditLog;
}

export interface Label {
  readonly device: string;
  readonly bootId: bigint;
  readonly inferenceIndex: number;
  /** Class index, or the text of one of the model's labels. */
  readonly label: number | string;
}

export interface LabelStore {
  /**
   * Stores labels; one that completes a prediction is added to the sums in the same statement. A second label for the
   * same inference changes nothing and counts as a duplicate.
   * @throws registry.device-not-found, telemetry.label-unknown; then nothing of the batch is stored
   */
  add(
    scope: ProjectScope,
    labels: readonly Label[],
    from: { readonly source: string; readonly by: string },
  ): Promise<{ readonly accepted: number }>;
  /** What `add` would refuse, by position. */
  check(
    scope: ProjectScope,
    labels: readonly Label[],
  ): Promise<readonly { readonly position: number; readonly error: FleetError }[]>;
}
export interface LabelStores {
  readonly labels: LabelStore;
  readonly audit: AuditLog;
}

/**
 * What rollout gates read: one row per device and window of a version, everything in sums that merge by addition.
 * `classes` is class-major over confidence bins; `labelled`/`correct` count ground truth that has arrived so far.
 */
export interface CohortWindow {
  readonly device: string;
  readonly type: string;
  readonly site: string;
  readonly windowStartMs: number;
  readonly windowMs: number;
  readonly n: number;
  readonly confidenceBins: number;
  readonly classes: readonly number[];
  /** 16 bins; null = the bundle monitors no score. */
  readonly ood: readonly number[] | null;
  /** switches, saturated, stuck, dropped frames, invalid, boots so far (16 bits); null = not reported. */
  readonly counters: readonly (number | null)[];
  /** Mean of the window's inferences. */
  readonly cyclesMean: number | null;
  readonly batteryPercent: number | null;
  readonly labelled: number;
  readonly correct: number;
}

/** The one door between rollouts and quality. Its inside may grow; its shape stays. */
export interface CohortMetrics {
  windows(
    scope: ProjectScope,
    cohort: {
      readonly release: string;
      readonly devices: readonly string[];
      readonly fromMs: number;
      readonly toMs: number;
    },
  ): Promise<readonly CohortWindow[]>;
}
