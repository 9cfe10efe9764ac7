/**
 * What quality needs from storage, all of it sums: per hour and version from the rollups, and for the last two hours
 * per short bucket from raw rows.
 */
import type { AuditLog, ProjectScope } from '@tinyfleet/contracts';
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

/** Devices that sent at least one window made by a version in one bucket. */
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
  add(scope: ProjectScope, labels: readonly Label[], source: string): Promise<{ readonly accepted: number }>;
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
  /** switches, saturated, stuck, dropped frames, invalid, resets; null = not reported. */
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
