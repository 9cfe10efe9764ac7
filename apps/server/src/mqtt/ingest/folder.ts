/** Keeps the rollups and the counts of the fleet close behind ingest and the partitions in order. Every edge may run one: batches are locked. */
import type { RollupStore, TelemetryMaintenance } from '@tinyfleet/telemetry';

/** A fold touches each device once, however many batches: few large ones cost less than many small. */
const batchesPerFold = 512;
const pollMs = 1_000;
const maintainMs = 3_600_000;
/** Events are for followers, not history; predictions wait this long for their label. */
const eventDays = 14;
const predictionDays = 30;

export class Folder {
  private running: Promise<void> | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  private maintainTimer: NodeJS.Timeout | undefined;
  private stopped = false;

  constructor(
    private readonly store: RollupStore & TelemetryMaintenance,
    private readonly counts: { fold(): Promise<void> },
    private readonly rawDays: number,
    private readonly onError: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    await this.maintain();
    this.pollTimer = setInterval(() => this.fold(), pollMs);
    this.maintainTimer = setInterval(() => void this.maintain().catch(this.onError), maintainMs);
  }

  private fold(): void {
    if (this.stopped) return;
    this.running ??= this.foldAll()
      .catch(this.onError)
      .finally(() => (this.running = undefined));
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.pollTimer);
    clearInterval(this.maintainTimer);
    await this.running;
  }

  private async foldAll(): Promise<void> {
    await this.counts.fold();
    while (!this.stopped && (await this.store.fold(batchesPerFold)) === batchesPerFold);
  }

  private maintain(): Promise<void> {
    return this.store.maintain({ rawDays: this.rawDays, eventDays, predictionDays });
  }
}
