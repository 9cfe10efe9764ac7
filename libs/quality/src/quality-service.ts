/** Answers of the quality pages: accuracy from labels, predicted classes, devices per version. Adds; never guesses. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { bootIdFromHex } from '@tinyfleet/wire';
import { FleetError } from '@tinyfleet/errors';
import type { LabelStores, LabelledCount, QualityStore } from './ports.js';
import { parseLabelFile, refuse, type LabelRowError } from './label-file.js';
import { timeRange, type RangeRequest, type TimeRange } from './time-range.js';
import { wilsonInterval } from './wilson.js';

type Request = RangeRequest & { readonly model?: string | undefined };
type LabelBatch = Resource<'LabelBatch'>;

const HOUR_S = 3_600;
const DAY_S = 86_400;
/** Labels of one statement. */
const CHUNK = 5_000;

/** Ends the transaction of a dry run. */
class DryRun extends Error {}

export interface QualityLimits {
  /** Windows a class query may read and unpack one by one; above it answers by hour. Default 5,000. */
  readonly classWindows: number;
  /** Windows a device count may read; above it answers by day. Default 20,000. */
  readonly deviceWindows: number;
  /** The longest range of which a device count reads windows at all. Default 16 days: the page's 15, and one that it stays open. */
  readonly deviceRangeMs: number;
}
export const defaultQualityLimits: QualityLimits = {
  classWindows: 5_000,
  deviceWindows: 20_000,
  deviceRangeMs: 16 * DAY_S * 1_000,
};

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
    const { deviceRangeMs, deviceWindows } = this.limits;
    // A day of devices is kept; days do not add up to devices of a longer time, because most devices send every day.
    const isLong = asked.bucketSeconds > DAY_S || asked.toMs - asked.fromMs > deviceRangeMs;
    const range = isLong
      ? { ...asked, bucketSeconds: DAY_S }
      : await this.affordable(scope, asked, deviceWindows, DAY_S);
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
      const added = await stores.labels.add(scope, labels, { source: batch.source, by: actor });
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

  /**
   * A CSV file, all or nothing; the same file again changes nothing.
   * @throws telemetry.labels-header, telemetry.labels-too-large, telemetry.labels-refused naming the rows
   */
  async importLabels(
    actor: string,
    scope: ProjectScope,
    file: Uint8Array,
    { dryRun, source }: { readonly dryRun: boolean; readonly source: string },
  ): Promise<Resource<'LabelImportResult'>> {
    const rows = parseLabelFile(file);
    const chunks = Array.from({ length: Math.ceil(rows.length / CHUNK) }, (_, i) =>
      rows.slice(i * CHUNK, (i + 1) * CHUNK),
    );
    let accepted = 0;
    await this.transact(async (stores) => {
      const errors: LabelRowError[] = [];
      for (const chunk of chunks)
        for (const { position, error } of await stores.labels.check(scope, chunk)) {
          const column = error.code === 'telemetry.label-unknown' ? 'label' : 'device';
          errors.push({ line: chunk[position]!.line, column, code: error.code, message: error.message });
        }
      refuse(errors);
      for (const chunk of chunks)
        accepted += (await stores.labels.add(scope, chunk, { source, by: actor })).accepted;
      if (dryRun) throw new DryRun();
      if (accepted > 0)
        await stores.audit.append(scope, {
          actor,
          action: 'labels.added',
          target: source,
          detail: { accepted, devices: new Set(rows.map(({ device }) => device)).size },
        });
    }).catch((error: unknown) => {
      if (!(error instanceof DryRun)) throw error;
    });
    return { rows: rows.length, accepted, duplicates: rows.length - accepted, dryRun };
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
