/**
 * Gathers messages into batches, commits them with a bounded number of writers and tells each message what became of
 * it. While the database is away batches wait and are tried again, so that nothing is acknowledged that is not stored;
 * who has waited for too long is given back, also when a commit hangs and says nothing at all.
 * A commit costs much more than a message: each batch gathers for a while, and a small one for longer while another is under way.
 * A batch that the database refuses is halved until the message at fault is alone, so that one cannot hold up all.
 */
import type { IngestOptions } from './options.js';

interface Pending<T> {
  readonly value: T;
  readonly bytes: number;
  readonly queuedAt: number;
  /** undefined: committed. */
  readonly settle: (error?: Error) => void;
  isSettled: boolean;
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

/** The database was away for too long, or too much waits for it: the message was not taken, and may come again. */
export class NotTaken extends Error {}

/** Of the time a message may be parked: how exactly it is kept. */
const sweepsPerPark = 20;

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
  /**
   * In commit or waiting to be tried again; at most as many as there are writers. No Set: one that is added to and deleted from all the
   * time makes a new table every few batches, each old one refers to the next, and once one of them has grown old the collector of
   * young objects keeps every batch for a table that nobody reads any more.
   */
  private readonly open: Pending<T>[][] = [];
  private waiting = 0;
  private waitingBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  /** When the last batch was closed. */
  private closedAt = -Infinity;
  /** What the timer waits for is that a small batch grows. */
  private isGrowing = false;
  private isDraining = false;
  private sweepTimer: NodeJS.Timeout | undefined;
  private probing = false;
  private idle: (() => void)[] = [];

  constructor(
    /** Of none: asks whether the database is there. */
    private readonly commit: (values: readonly T[]) => Promise<void>,
    /** The database cannot be reached or asks to try again: not the fault of the batch. */
    private readonly isTransient: (error: unknown) => boolean,
    private readonly options: IngestOptions,
  ) {}

  /** Messages that wait for their commit. */
  get queued(): number {
    return this.waiting;
  }

  get queuedBytes(): number {
    return this.waitingBytes;
  }

  /** A message was given back because nothing could be committed for parkMs, and nothing has been committed since. */
  get isAway(): boolean {
    return this.probing;
  }

  /** @param bytes what the message holds in memory */
  add(value: T, bytes: number, settle: (error?: Error) => void): void {
    const { maxQueued, maxQueuedBytes, batchRows, smallBatchRows, batchMs, idleBatchMs, parkMs } =
      this.options;
    if (this.waiting >= maxQueued || this.waitingBytes + bytes > maxQueuedBytes) {
      this.counters.overflow++;
      settle(new NotTaken('too much waits for the database'));
      return;
    }
    this.waiting++;
    this.waitingBytes += bytes;
    this.queue.push({ value, bytes, queuedAt: performance.now(), settle, isSettled: false });
    this.sweepTimer ??= setInterval(() => this.sweep(), parkMs / sweepsPerPark);
    if (this.queue.length >= (this.isGrowing ? smallBatchRows : batchRows)) this.flush();
    else this.timer ??= setTimeout(() => this.flush(), this.isIdle() ? idleBatchMs : batchMs);
  }

  /** Resolves when everything that was added is settled. */
  async drain(): Promise<void> {
    this.isDraining = true;
    this.flush();
    if (this.waiting > 0) await new Promise<void>((resolve) => this.idle.push(resolve));
    this.isDraining = false;
    clearInterval(this.sweepTimer);
    this.sweepTimer = undefined;
    this.probing = false;
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = undefined;
    this.isGrowing = false;
    while (this.queue.length > 0 && this.open.length < this.options.writers) {
      const isSmall = this.isSmall(this.queue);
      const growsMs = this.queue[0]!.queuedAt + this.growsMs(isSmall) - performance.now();
      if (growsMs > 0) {
        this.timer = setTimeout(() => this.flush(), growsMs);
        this.isGrowing = isSmall;
        return;
      }
      const batch = this.queue.splice(0, this.options.batchRows);
      this.open.push(batch);
      this.closedAt = performance.now();
      void this.write(batch).finally(() => this.end(batch));
    }
  }

  /** The first message that waits came when there was nothing to do: there are no more batches a second than with batchMs for each. */
  private isIdle(): boolean {
    return this.open.length === 0 && this.queue[0]!.queuedAt - this.closedAt >= this.options.batchMs;
  }

  private isSmall(batch: readonly Pending<T>[]): boolean {
    return this.open.length > 0 && batch.length < this.options.smallBatchRows;
  }

  private growsMs(isSmall: boolean): number {
    const { batchRows, batchMs, idleBatchMs, smallBatchMs } = this.options;
    if (this.isDraining || this.queue.length >= batchRows) return 0;
    if (isSmall) return smallBatchMs;
    return this.isIdle() ? idleBatchMs : batchMs;
  }

  /** The batch needs its writer no more: it is settled, or given up while its commit says nothing. */
  private end(batch: Pending<T>[]): void {
    const at = this.open.indexOf(batch);
    if (at < 0) return;
    this.open.splice(at, 1);
    // What gathered meanwhile has waited long enough.
    if (this.queue.length > 0) this.flush();
  }

  private async write(batch: readonly Pending<T>[]): Promise<void> {
    let open = batch;
    while ((open = open.filter(({ isSettled }) => !isSettled)).length > 0) {
      try {
        await this.commit(open.map(({ value }) => value));
        this.probing = false;
        this.counters.batches++;
        this.counters.committed += open.length;
        for (const one of open) this.settle(one);
        return;
      } catch (error) {
        if (!this.isTransient(error)) {
          await this.isolate(open, error as Error);
          return;
        }
        this.counters.retries++;
        this.sweep();
        await new Promise((resolve) => setTimeout(resolve, this.options.retryMs));
      }
    }
  }

  private async isolate(batch: readonly Pending<T>[], error: Error): Promise<void> {
    if (batch.length === 1) {
      this.counters.poisoned++;
      this.settle(batch[0]!, error);
      return;
    }
    const middle = batch.length >> 1;
    await this.write(batch.slice(0, middle));
    await this.write(batch.slice(middle));
  }

  /** Gives back what has waited for parkMs. A commit under way may still succeed: then the message comes twice, and counts once. */
  private sweep(): void {
    const oldest = performance.now() - this.options.parkMs;
    const isLate = (one: Pending<T>): boolean => one.queuedAt <= oldest;
    const given: Pending<T>[] = [];
    for (const batch of this.open)
      for (const one of batch) if (!one.isSettled && isLate(one)) given.push(one);
    const late = this.queue.findIndex((one) => !isLate(one));
    given.push(...this.queue.splice(0, late < 0 ? this.queue.length : late));
    if (given.length > 0) void this.probe();
    this.counters.expired += given.length;
    for (const one of given) this.settle(one, new NotTaken('the database was away for too long'));
    for (const batch of [...this.open]) if (batch.every(({ isSettled }) => isSettled)) this.end(batch);
  }

  /** When everybody has been sent away nobody brings a message that would show that the database is back. */
  private async probe(): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    while (this.probing) {
      await new Promise((resolve) => setTimeout(resolve, this.options.retryMs));
      await this.commit([]).then(
        () => (this.probing = false),
        () => {},
      );
    }
  }

  private settle(one: Pending<T>, error?: Error): void {
    if (one.isSettled) return;
    one.isSettled = true;
    this.waiting--;
    this.waitingBytes -= one.bytes;
    one.settle(error);
    if (this.waiting > 0) return;
    clearInterval(this.sweepTimer);
    this.sweepTimer = undefined;
    for (const resolve of this.idle.splice(0)) resolve();
  }
}
