/** Keeps the rollups and the counts of the fleet close behind ingest and the partitions in order. Every edge may run one: batches are locked. */
import type { RollupStore, TelemetryMaintenance } from '@tinyfleet/telemetry';

/** A fold touches each device once, however many batches: few large ones cost less than many small. */
const batchesPerFold = 512;
const pollMs = 1_000;
/** After a fold that took long, a pause of so many times as long, up to maxPauseMs: acknowledgements come first. */
const pauseFactor = 3;
const maxPauseMs = 2_000;
const maintainMs = 3_600_000;
/** Events are for followers, not history. */
const eventDays = 14;

export class Folder {
  private running: Promise<void> | undefined;
  private pollTimer: NodeJS.Timeout | undefined;
  private maintainTimer: NodeJS.Timeout | undefined;
  private stopped = false;
  private restUntil = 0;

  constructor(
    private readonly rollups: Pick<RollupStore, 'fold'>,
    private readonly store: TelemetryMaintenance,
    private readonly counts: { fold(): Promise<void> },
    private readonly onError: (error: unknown) => void,
  ) {}

  async start(): Promise<void> {
    await this.maintain();
    this.pollTimer = setInterval(() => this.fold(), pollMs);
    this.maintainTimer = setInterval(() => void this.maintain().catch(this.onError), maintainMs);
  }

  private fold(): void {
    if (this.stopped || performance.now() < this.restUntil) return;
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
    const begun = performance.now();
    await this.counts.fold();
    while (!this.stopped && (await this.rollups.fold(batchesPerFold)));
    const now = performance.now();
    this.restUntil = now + Math.min(pauseFactor * (now - begun), maxPauseMs);
  }

  private maintain(): Promise<void> {
    return this.store.maintain({ eventDays });
  }
}
