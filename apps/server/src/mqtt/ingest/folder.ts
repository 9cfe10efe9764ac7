/** Keeps the rollups and the counts of the fleet close behind ingest and the partitions in order. Every edge may run one: batches are locked. */
import type { RollupStore, TelemetryMaintenance } from '@tinyfleet/telemetry';

/** A fold touches each device once, however many batches: few large ones cost less than many small. */
const batchesPerFold = 512;
/** Between two folds. After one that took long so many times as long, up to maxPauseMs: acknowledgements come first. */
const pauseMs = 1_000;
const pauseFactor = 3;
const maxPauseMs = 2_000;
const maintainMs = 3_600_000;
/** Events are for followers, not history. */
const eventDays = 14;

export class Folder {
  private running: Promise<void> | undefined;
  private foldTimer: NodeJS.Timeout | undefined;
  private maintainTimer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly rollups: Pick<RollupStore, 'fold'>,
    private readonly store: TelemetryMaintenance,
    private readonly counts: { fold(): Promise<void> },
    private readonly onError: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    await this.maintain();
    this.foldAfter(pauseMs);
    this.maintainTimer = setInterval(() => void this.maintain().catch(this.onError), maintainMs);
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearTimeout(this.foldTimer);
    clearInterval(this.maintainTimer);
    await this.running;
  }

  private foldAfter(waitMs: number): void {
    if (this.stopped) return;
    this.foldTimer = setTimeout(() => {
      const begun = performance.now();
      this.running = this.foldAll()
        .catch(this.onError)
        .finally(() => {
          const tookMs = performance.now() - begun;
          this.foldAfter(Math.min(Math.max(pauseMs, pauseFactor * tookMs), maxPauseMs));
        });
    }, waitMs);
  }

  private async foldAll(): Promise<void> {
    await this.counts.fold();
    while (!this.stopped && (await this.rollups.fold(batchesPerFold)));
  }

  private maintain(): Promise<void> {
    return this.store.maintain({ eventDays });
  }
}
