/**
 * Wakes readers of the outbox: one connection that LISTENs, replaced when it is lost. NOTIFY only wakes; a poll
 * every `pollMs` catches what was missed, so delivery never depends on it.
 */
import type { EventName } from '@tinyfleet/contracts';
import pg from 'pg';
import type { Database } from './database.js';

const CHANNEL = 'tinyfleet_event';
/** Somebody's right to see something may have ended; the payload is empty. */
const ACCESS_CHANNEL = 'tinyfleet_access';
const RETRY_MS = 1_000;

/** Told the project's id, or undefined for "look at all of yours". */
export type Waker = (projectId: string | undefined) => void;

interface Channel {
  readonly hear: (payload: string) => void;
  readonly ready: () => void;
}

export class EventListener {
  /** Each with the names of events that do not concern it. */
  private readonly wakers = new Map<Waker, readonly string[]>();
  private readonly accessWakers = new Set<() => void>();
  /** Channels besides ours, each with who hears it and who waits for that. */
  private readonly channels = new Map<string, Channel>();
  private client: pg.Client | undefined;
  private poll: NodeJS.Timeout | undefined;
  private closed = false;

  constructor(
    private readonly database: Database,
    private readonly pollMs = 5_000,
  ) {}

  async start(): Promise<void> {
    this.poll = setInterval(() => this.wake(undefined), this.pollMs).unref();
    await this.connect();
  }

  /**
   * @param without events that come many times a second and change nothing for whoever subscribes
   * @returns how to stop
   */
  subscribe(waker: Waker, without: readonly EventName[] = []): () => void {
    this.wakers.set(waker, without);
    return () => void this.wakers.delete(waker);
  }

  /** Called when a session, token, membership or account may have ended, and when that could have been missed. */
  subscribeToAccess(waker: () => void): () => void {
    this.accessWakers.add(waker);
    return () => void this.accessWakers.delete(waker);
  }

  /**
   * Hears another channel, one hearer each. What is sent while the connection is lost is not heard. `ready` resolves
   * when it is heard for the first time.
   */
  listen(
    channel: string,
    hear: (payload: string) => void,
  ): { readonly ready: Promise<void>; readonly stop: () => void } {
    const ready = new Promise<void>((resolve) => {
      this.channels.set(channel, { hear, ready: resolve });
    });
    if (this.client) void this.hear(this.client, channel);
    return {
      ready,
      stop: () => {
        this.channels.delete(channel);
        // A lost connection hears nothing anyway.
        this.client?.query(`unlisten ${this.client.escapeIdentifier(channel)}`).catch(() => {});
      },
    };
  }

  private async hear(client: pg.Client, channel: string): Promise<void> {
    try {
      await client.query(`listen ${client.escapeIdentifier(channel)}`);
      this.channels.get(channel)?.ready();
    } catch {
      // The connection is lost: the next one listens to all of them.
    }
  }

  async stop(): Promise<void> {
    this.closed = true;
    clearInterval(this.poll);
    await this.client?.end().catch(() => {});
  }

  /** @param names of the events, as far as they are known */
  private wake(projectId: string | undefined, names: readonly string[] = []): void {
    for (const [waker, without] of this.wakers)
      if (names.length === 0 || names.some((name) => !without.includes(name))) waker(projectId);
    if (projectId === undefined) this.wakeAccess();
  }

  private wakeAccess(): void {
    for (const waker of this.accessWakers) waker();
  }

  private isClosed(): boolean {
    return this.closed;
  }

  private async connect(): Promise<void> {
    if (this.isClosed()) return;
    const client = new pg.Client({ ...this.database.clientConfig(), application_name: 'tinyfleet events' });
    let lost = false;
    const again = () => {
      if (lost || this.closed) return;
      lost = true;
      if (this.client === client) this.client = undefined;
      setTimeout(() => void this.connect(), RETRY_MS).unref();
    };
    client.on('error', again);
    client.on('end', again);
    client.on('notification', ({ channel, payload }) => {
      const other = this.channels.get(channel);
      if (other) other.hear(payload ?? '');
      else if (channel === ACCESS_CHANNEL) this.wakeAccess();
      else if (channel === CHANNEL) {
        const [projectId, , names] = payload?.split(':') ?? [];
        this.wake(projectId, names?.split(','));
      }
    });
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}; listen ${ACCESS_CHANNEL}`);
      // Stopped meanwhile: nobody else would end it.
      if (this.isClosed()) return await client.end();
      this.client = client;
      for (const one of this.channels.keys()) await this.hear(client, one);
      this.wake(undefined);
    } catch {
      again();
      await client.end().catch(() => {});
    }
  }
}
