/**
 * Gathers messages into batches, commits them with a bounded number of writers and tells each message what became of
 * it. While the database is away batches wait and are tried again, so that nothing is acknowledged that is not stored.
 * A batch that the database refuses is halved until the message at fault is alone, so that one cannot hold up all.
 */
import type { IngestOptions } from './options.js';

export interface Pending<T> {
  readonly value: T;
  readonly queuedAt: number;
  /** undefined: committed. Called once. */
  settle(error?: Error): void;
}

export interface BatchCounters {
  batches: number;
  committed: number;
  /** Commits that failed and are tried again. */
  retries: number;
  /** Given up after parkMs. */
  expired: number;
  /** Refused by the database on their own. */
  poisoned: number;
  /** Turned away because the queue was full. */
  overflow: number;
}

export class Batcher<T> {
  readonly counters: BatchCounters = {
    batches: 0,
    committed: 0,
    retries: 0,
    expired: 0,
    poisoned: 0,
    overflow: 0,
  };
  private queue: Pending<T>[] = [];
  /** In commit or waiting to be tried again. */
  private inCommit = 0;
  private writing = 0;
  private timer: NodeJS.Timeout | undefined;
  private idle: (() => void)[] = [];

  constructor(
    private readonly commit: (values: readonly T[]) => Promise<void>,
    /** The database cannot be reached or asks to try again: not the fault of the batch. */
    private readonly isTransient: (error: unknown) => boolean,
    private readonly options: IngestOptions,
  ) {}

  get queued(): number {
    return this.queue.length + this.inCommit;
  }

  add(value: T, settle: (error?: Error) => void): void {
    if (this.queued >= this.options.maxQueued) {
      this.counters.overflow++;
      settle(new Error('the ingest queue is full'));
      return;
    }
    this.queue.push({ value, queuedAt: performance.now(), settle });
    if (this.queue.length >= this.options.batchRows) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.options.batchMs);
  }

  /** Resolves when everything that was added is settled. */
  async drain(): Promise<void> {
    this.flush();
    if (this.queued > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    while (this.queue.length > 0 && this.writing < this.options.writers) {
      const batch = this.queue.splice(0, this.options.batchRows);
      this.writing++;
      this.inCommit += batch.length;
      void this.write(batch).finally(() => {
        this.writing--;
        this.inCommit -= batch.length;
        // What gathered meanwhile has waited long enough.
        if (this.queue.length > 0) this.flush();
        else if (this.queued === 0) for (const resolve of this.idle.splice(0)) resolve();
      });
    }
  }

  private async write(batch: Pending<T>[]): Promise<void> {
    let open = batch;
    while (open.length > 0) {
      try {
        await this.commit(open.map(({ value }) => value));
        this.counters.batches++;
        this.counters.committed += open.length;
        for (const one of open) one.settle();
        return;
      } catch (error) {
        if (!this.isTransient(error)) {
          await this.isolate(open, error as Error);
          return;
        }
        this.counters.retries++;
        open = this.expire(open);
        if (open.length > 0) await new Promise((resolve) => setTimeout(resolve, this.options.retryMs));
      }
    }
  }

  private async isolate(batch: Pending<T>[], error: Error): Promise<void> {
    if (batch.length === 1) {
      this.counters.poisoned++;
      batch[0]!.settle(error);
      return;
    }
    const middle = batch.length >> 1;
    await this.write(batch.slice(0, middle));
    await this.write(batch.slice(middle));
  }

  private expire(batch: Pending<T>[]): Pending<T>[] {
    const oldest = performance.now() - this.options.parkMs;
    return batch.filter((one) => {
      if (one.queuedAt > oldest) return true;
      this.counters.expired++;
      one.settle(new Error('the database was away for too long'));
      return false;
    });
  }
}
