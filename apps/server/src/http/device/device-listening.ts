/**
 * Listening to devices for those who ask by HTTP: asks the process that holds the connections, goes on asking while the
 * caller stays, and tells what it hears. What it does not hear is counted by its numbers.
 */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { ListenChannels } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import type { SeenBatch } from '../../mqtt/tap/seen.js';
import { describeSeen } from './describe-seen.js';

type Told = Resource<'DeviceListenEvent'>;

export interface ListeningOptions {
  /** The other process has to answer within this time. */
  readonly answerMs: number;
  /** Asked again this often; what is asked for holds three times as long. */
  readonly renewMs: number;
}
export const listeningDefaults: ListeningOptions = { answerMs: 3_000, renewMs: 10_000 };

interface Open {
  take(batch: SeenBatch): void;
}

export class DeviceListening {
  private readonly open = new Map<string, Open>();
  private hearing: { readonly ready: Promise<void>; stop(): void } | undefined;

  constructor(
    private readonly channels: ListenChannels<SeenBatch>,
    private readonly options: ListeningOptions = listeningDefaults,
  ) {}

  /**
   * Resolves with the first of what is told and how to go on.
   * @throws server.edge-silent, server.too-many-listeners
   */
  async start(scope: ProjectScope, device: string, isRaw: boolean): Promise<Listening> {
    // Kept from then on: one idle channel costs nothing.
    this.hearing ??= this.channels.onBatch((batch) => this.open.get(batch.id)?.take(batch));
    const id = uuidv7();
    const ask = async (seconds: number): Promise<void> =>
      await this.channels.request({ id, projectId: scope.id, project: scope.name, device, seconds });
    const listening = new Listening(ask, { ...this.options, isRaw }, () => this.open.delete(id));
    this.open.set(id, listening);
    try {
      await this.withinTime(this.hearing.ready);
      await listening.start();
      await this.withinTime(listening.answered);
      return listening;
    } catch (error) {
      listening.stop();
      throw error;
    }
  }

  close(): void {
    this.hearing?.stop();
  }

  private async withinTime<T>(promise: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(new FleetError('server.edge-silent')), this.options.answerMs);
    });
    return await Promise.race([promise, late]).finally(() => clearTimeout(timer));
  }
}

/** One of them. What comes before `tell` is set waits for it. */
export class Listening implements Open {
  readonly answered: Promise<void>;
  private resolve!: () => void;
  private reject!: (error: FleetError) => void;
  private waiting: Told[] = [];
  private teller: ((event: Told) => void) | undefined;
  private since: number | undefined;
  private next = 0;
  private heardAt = Date.now();
  private isInterrupted = false;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ask: (seconds: number) => Promise<void>,
    private readonly options: ListeningOptions & { readonly isRaw: boolean },
    private readonly onStop: () => void,
  ) {
    this.answered = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
    // Who waits for it hears of it; nobody does after the time is over.
    this.answered.catch(() => {});
  }

  async start(): Promise<void> {
    const seconds = Math.ceil((3 * this.options.renewMs) / 1_000);
    await this.ask(seconds);
    this.timer = setInterval(() => {
      if (!this.isInterrupted && Date.now() - this.heardAt > 2 * this.options.renewMs) {
        this.isInterrupted = true;
        this.tell({ kind: 'interrupted', at: new Date().toISOString() });
      }
      // The database is away: what cannot be asked is not answered.
      this.ask(seconds).catch(() => {});
    }, this.options.renewMs);
  }

  onTold(teller: (event: Told) => void): void {
    this.teller = teller;
    for (const event of this.waiting.splice(0)) teller(event);
  }

  stop(): void {
    clearInterval(this.timer);
    this.onStop();
    this.ask(0).catch(() => {});
  }

  take(batch: SeenBatch): void {
    if (batch.full !== undefined) {
      this.reject(new FleetError('server.too-many-listeners', { limit: batch.full }));
      return;
    }
    this.heardAt = Date.now();
    if (batch.since !== this.since || this.isInterrupted) {
      if (batch.since !== this.since) this.next = 0;
      this.since = batch.since;
      this.isInterrupted = false;
      const at = new Date(batch.items[0]?.at ?? this.heardAt).toISOString();
      this.tell({ kind: 'listening', at, connected: batch.isConnected });
    }
    for (const seen of batch.items) {
      this.count(seen.n);
      this.next = seen.n + 1;
      this.tell(describeSeen(seen, this.options.isRaw));
    }
    this.count(batch.next);
    this.resolve();
  }

  private count(upTo: number): void {
    if (upTo > this.next)
      this.tell({ kind: 'dropped', at: new Date().toISOString(), messages: upTo - this.next });
    this.next = Math.max(this.next, upTo);
  }

  private tell(event: Told): void {
    if (this.teller) this.teller(event);
    else this.waiting.push(event);
  }
}
