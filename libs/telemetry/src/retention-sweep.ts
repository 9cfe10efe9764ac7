/**
 * Removes what is older than a project keeps it. Windows lie in partitions by day: one that nobody keeps is dropped, one that
 * only has rows of projects that do not keep them is emptied, else rows go in batches, as those of other tables do.
 *
 * A removed window must never be counted again, and a redelivery is recognized by the row that is gone now. So the time before
 * which a project's windows are gone is written first (`windowsFrom`), only ever rises, and ingest refuses what began before it.
 */
import type { Resource } from '@tinyfleet/contracts';
import { retentionDefaults, windowDaysOf, type RetentionSettings } from './retention.js';

export type RemovedRows = Resource<'Retention'>['removed'];
type Kind = keyof RemovedRows;
/** Parts of a kind that have a statement of their own. `timeless`: windows of boots that never knew the time. */
const partOf = { timeless: 'windows', spans: 'hours', accuracySpans: 'accuracyHours' } as const;
type Part = keyof typeof partOf;
/** Kinds whose rows go in batches, by one named statement each. */
export type BatchKind = Exclude<Kind, 'windows'> | Part;

export interface ProjectRetention {
  readonly projectId: string;
  /** Undefined: never set. */
  readonly settings: RetentionSettings | undefined;
  readonly changedAtMs: number | undefined;
  /** Undefined: the project never had samples. */
  readonly sampleDays: number | undefined;
}
export interface Cutoff {
  readonly projectId: string;
  readonly beforeMs: number;
}
export interface RowCount {
  readonly projectId: string;
  readonly rows: number;
}

/** Every change holds the lead of retention. */
export interface RemovalStore {
  projects(): Promise<readonly ProjectRetention[]>;
  /** Windows before these times may be gone from now on. */
  raiseWindowsFrom(cutoffs: readonly Cutoff[]): Promise<void>;
  /** Days (unix ms of UTC midnight) that have a partition, without the one of unknown time. */
  days(): Promise<readonly number[]>;
  /** Undefined: somebody reads it, and others would wait behind us. */
  dropDay(dayMs: number): Promise<readonly RowCount[] | undefined>;
  /** Those of these projects that have windows on that day. */
  having(dayMs: number, projectIds: readonly string[]): Promise<readonly string[]>;
  /** Empties the day when only these projects have windows on it. Undefined: others do, or somebody reads it. */
  emptyDay(dayMs: number, projectIds: readonly string[]): Promise<readonly RowCount[] | undefined>;
  removeWindows(dayMs: number, projectIds: readonly string[], limit: number): Promise<readonly RowCount[]>;
  remove(kind: BatchKind, cutoffs: readonly Cutoff[], limit: number): Promise<readonly RowCount[]>;
  /** Notes it for the project and tells its followers. */
  report(projectId: string, removed: RemovedRows): Promise<void>;
}

export interface SweepOptions {
  /** Days that the instance keeps windows. */
  readonly instanceDays: number;
  /** Rows of one transaction. */
  readonly batchRows: number;
  /** Between two of them, so that ingest is not held up. */
  readonly pauseMs: number;
  /** A setting that is younger is not in force for windows yet: edges may not know of it. */
  readonly settleMs: number;
}
export const sweepDefaults = { batchRows: 5_000, pauseMs: 20, settleMs: 120_000 };

const isPart = (kind: BatchKind): kind is Part => kind in partOf;
const dayMs = 86_400_000;
const midnight = (ms: number): number => Math.floor(ms / dayMs) * dayMs;

export class RetentionSweep {
  private removed = new Map<string, Record<string, number>>();

  constructor(
    private readonly store: RemovalStore,
    private readonly options: SweepOptions,
    private readonly parts: {
      now(): number;
      pause(ms: number): Promise<unknown>;
      /** Ends the sweep early; the next one goes on. */
      stopped(): boolean;
    },
  ) {}

  /** @returns rows that were removed, by kind, of all projects. */
  async run(): Promise<RemovedRows> {
    this.removed = new Map();
    const projects = await this.store.projects();
    try {
      await this.windows(projects);
      for (const { kind, days } of this.kinds()) await this.batches(kind, this.cutoffs(projects, days));
    } finally {
      for (const [projectId, removed] of this.removed) await this.store.report(projectId, removed);
    }
    const total: Record<string, number> = {};
    for (const removed of this.removed.values())
      for (const [kind, rows] of Object.entries(removed)) total[kind] = (total[kind] ?? 0) + rows;
    return total;
  }

  private kinds(): ReadonlyArray<{
    readonly kind: BatchKind;
    readonly days: (settings: RetentionSettings, project: ProjectRetention) => number | null | undefined;
  }> {
    const windows = (settings: RetentionSettings): number =>
      windowDaysOf(settings, this.options.instanceDays);
    return [
      { kind: 'timeless', days: windows },
      // Of boots whose windows are all past (queries/retention/boots.sql).
      { kind: 'boots', days: (settings) => windows(settings) + 1 },
      { kind: 'hours', days: ({ hourDays }) => hourDays },
      { kind: 'accuracyHours', days: ({ hourDays }) => hourDays },
      { kind: 'spans', days: ({ hourDays }) => hourDays },
      { kind: 'accuracySpans', days: ({ hourDays }) => hourDays },
      { kind: 'deviceDays', days: ({ deviceDayDays }) => deviceDayDays },
      { kind: 'predictions', days: ({ predictionDays }) => predictionDays },
      { kind: 'labelTasks', days: ({ predictionDays }) => predictionDays },
      { kind: 'samples', days: (_, { sampleDays }) => sampleDays },
      { kind: 'refusals', days: ({ refusalDays }) => refusalDays },
      { kind: 'alerts', days: ({ alertDays }) => alertDays },
    ];
  }

  private cutoffs(
    projects: readonly ProjectRetention[],
    days: (settings: RetentionSettings, project: ProjectRetention) => number | null | undefined,
  ): Cutoff[] {
    const now = this.parts.now();
    return projects.flatMap((project) => {
      const kept = days(project.settings ?? retentionDefaults, project);
      return kept === null || kept === undefined
        ? []
        : [{ projectId: project.projectId, beforeMs: now - kept * dayMs }];
    });
  }

  private async windows(projects: readonly ProjectRetention[]): Promise<void> {
    const { store, options, parts } = this;
    const now = parts.now();
    const settled = projects.filter(
      ({ changedAtMs }) => changedAtMs === undefined || changedAtMs <= now - options.settleMs,
    );
    const cutoffs = settled.map(({ projectId, settings = retentionDefaults }) => ({
      projectId,
      beforeMs: midnight(now) - windowDaysOf(settings, options.instanceDays) * dayMs,
    }));
    await store.raiseWindowsFrom(cutoffs);
    const oldest = midnight(now) - options.instanceDays * dayMs;
    for (const day of [...(await store.days())].sort((a, b) => a - b)) {
      if (parts.stopped()) return;
      if (day < oldest) {
        this.count('windows', (await store.dropDay(day)) ?? []);
        continue;
      }
      const over = cutoffs.filter(({ beforeMs }) => day < beforeMs).map(({ projectId }) => projectId);
      const having = over.length > 0 ? await store.having(day, over) : [];
      if (having.length === 0) continue;
      const emptied = await store.emptyDay(day, having);
      if (emptied) this.count('windows', emptied);
      else await this.untilFew('windows', async (limit) => await store.removeWindows(day, having, limit));
    }
  }

  private async batches(kind: BatchKind, cutoffs: readonly Cutoff[]): Promise<void> {
    if (cutoffs.length === 0) return;
    await this.untilFew(
      isPart(kind) ? partOf[kind] : kind,
      async (limit) => await this.store.remove(kind, cutoffs, limit),
    );
  }

  private async untilFew(kind: Kind, remove: (limit: number) => Promise<readonly RowCount[]>): Promise<void> {
    const { batchRows, pauseMs } = this.options;
    while (!this.parts.stopped()) {
      const counts = await remove(batchRows);
      this.count(kind, counts);
      if (counts.reduce((sum, { rows }) => sum + rows, 0) < batchRows) return;
      await this.parts.pause(pauseMs);
    }
  }

  private count(kind: Kind, counts: readonly RowCount[]): void {
    for (const { projectId, rows } of counts) {
      const removed = this.removed.get(projectId) ?? {};
      removed[kind] = (removed[kind] ?? 0) + rows;
      this.removed.set(projectId, removed);
    }
  }
}
