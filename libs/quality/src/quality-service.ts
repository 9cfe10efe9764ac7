/** Answers of the quality pages: accuracy from labels, predicted classes, devices per version. Adds; never guesses. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { bootIdFromHex } from '@tinyfleet/wire';
import { FleetError } from '@tinyfleet/errors';
import type { LabelStores, LabelledCount, QualityStore } from './ports.js';
import { timeRange, type RangeRequest, type TimeRange } from './time-range.js';
import { wilsonInterval } from './wilson.js';

type Request = RangeRequest & { readonly model?: string | undefined };
type LabelBatch = Resource<'LabelBatch'>;

const HOUR_S = 3_600;
const DAY_S = 86_400;

export interface QualityLimits {
  /** Windows a class query may read one by one; above it answers by hour. Default 100,000. */
  readonly classWindows: number;
  /** Windows a device count may read; above it answers by day. Default 500,000. */
  readonly deviceWindows: number;
}
export const defaultQualityLimits: QualityLimits = { classWindows: 100_000, deviceWindows: 500_000 };

export class QualityService {
  constructor(
    private readonly store: QualityStore,
    private readonly transact: Transact<LabelStores>,
    private readonly nowMs: () => number = Date.now,
    private readonly limits: QualityLimits = defaultQualityLimits,
  ) {}

  /** Accuracy by version over time with 95 % Wilson intervals; buckets without labels are left out. */
  async accuracy(scope: ProjectScope, request: Request): Promise<Resource<'AccuracySeries'>> {
    const range = timeRange(request, this.nowMs());
    const rows = await this.store.labelledCounts(scope, { ...range, model: request.model });
    const totals = new Map<string, { labels: number; correct: number }>();
    for (const row of rows) {
      const total = totals.get(row.release) ?? { labels: 0, correct: 0 };
      total.labels += row.labels;
      total.correct += row.correct;
      totals.set(row.release, total);
    }
    return {
      bucketSeconds: range.bucketSeconds,
      points: rows.map((row) => ({
        at: new Date(row.atMs).toISOString(),
        release: row.release,
        ...share(row),
      })),
      totals: [...totals].map(([release, total]) => ({ release, ...share(total) })),
    };
  }

  /**
   * Predicted classes by version over time. `labels` names the classes of the newest version seen; rows of models
   * with other labels keep their own counts, so ask for one `model` when a project has several.
   */
  async classMix(scope: ProjectScope, request: Request): Promise<Resource<'ClassMix'>> {
    const asked = timeRange(request, this.nowMs());
    const range = await this.affordable(scope, asked, this.limits.classWindows, HOUR_S);
    const rows = await this.store.classCounts(scope, { ...range, model: request.model });
    return {
      bucketSeconds: range.bucketSeconds,
      labels: [...(rows.at(-1)?.labels ?? [])],
      points: rows.map((row) => ({
        at: new Date(row.atMs).toISOString(),
        release: row.release,
        counts: [...row.counts],
      })),
    };
  }

  async versionShare(scope: ProjectScope, request: RangeRequest): Promise<Resource<'VersionShare'>> {
    const asked = timeRange(request, this.nowMs());
    const range = await this.affordable(scope, asked, this.limits.deviceWindows, DAY_S);
    const rows = await this.store.deviceCounts(scope, range);
    return {
      bucketSeconds: range.bucketSeconds,
      points: rows.map((row) => ({
        at: new Date(row.atMs).toISOString(),
        release: row.release,
        devices: row.devices,
      })),
    };
  }

  /** All or nothing: an unknown device or class refuses the batch. */
  async addLabels(actor: string, scope: ProjectScope, batch: LabelBatch): Promise<Resource<'LabelResult'>> {
    const labels = batch.labels.map((one) => {
      const bootId = bootIdFromHex(one.bootId);
      if (bootId === undefined) {
        throw new FleetError('telemetry.boot-unknown', { device: one.device, bootId: one.bootId });
      }
      return { device: one.device, bootId, inferenceIndex: one.inferenceIndex, label: one.label };
    });
    const accepted = await this.transact(async (stores) => {
      const added = await stores.labels.add(scope, labels, batch.source);
      if (added.accepted > 0)
        await stores.audit.append(scope, {
          actor,
          action: 'labels.added',
          target: batch.source,
          detail: { accepted: added.accepted, devices: new Set(labels.map(({ device }) => device)).size },
        });
      return added.accepted;
    });
    return { accepted, duplicates: labels.length - accepted };
  }

  /** Falls back to buckets that are read from sums when single windows would be too many. */
  private async affordable(
    scope: ProjectScope,
    range: TimeRange,
    limit: number,
    summedSeconds: number,
  ): Promise<TimeRange> {
    if (range.bucketSeconds >= summedSeconds) return range;
    const tooMany = await this.store.hasMoreWindows(scope, range, limit);
    return tooMany ? { ...range, bucketSeconds: summedSeconds } : range;
  }
}

function share(count: Pick<LabelledCount, 'labels' | 'correct'>) {
  return {
    labels: count.labels,
    correct: count.correct,
    accuracy: count.labels === 0 ? 0 : count.correct / count.labels,
    ...wilsonInterval(count.correct, count.labels),
  };
}
