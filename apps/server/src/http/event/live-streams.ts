/**
 * The live stream: what changed of the topics that a browser shows, in few frames. The outbox of a project is read once for
 * all who follow it here; each reader keeps what concerns it (live-client.ts).
 */
import type { ServerResponse } from 'node:http';
import { liveChangesOf, type ProjectScope } from '@tinyfleet/contracts';
import type { EventListener, PgEventReader } from '@tinyfleet/storage';
import type { Logger } from 'pino';
import { LiveClient } from './live-client.js';
import type { OpenStreams } from './open-streams.js';

const BATCH = 200;
/** 4 frames a second. */
export const FRAME_MS = 250;
/** A page is read before its stream begins: what happened meanwhile is told again. Transactions may take most of it. */
const LOOK_BACK_MS = 10_000;

export interface LiveRequest {
  readonly scopes: readonly ProjectScope[];
  readonly gone: readonly string[];
  readonly topics: readonly string[];
  /** By project: after which event a stream of other topics ended. */
  readonly after: ReadonlyMap<string, number>;
  /** By project: the last event that this stream has told of. */
  readonly seen: ReadonlyMap<string, number>;
  readonly isAllowed: () => Promise<boolean>;
}

interface Services {
  readonly reader: PgEventReader;
  readonly listener: EventListener;
  readonly streams: OpenStreams;
  readonly log: Logger;
}

export interface LiveOptions {
  /** Changes that wait for a reader, and events that one may have missed. */
  readonly maxChanges: number;
  readonly frameMs?: number;
}

export class LiveStreams {
  /** By the id of their project. */
  private readonly feeds = new Map<string, Feed>();

  constructor(
    private readonly services: Services,
    private readonly options: LiveOptions,
  ) {}

  async open(response: ServerResponse, request: LiveRequest): Promise<void> {
    const { maxChanges, frameMs = FRAME_MS } = this.options;
    this.services.streams.begin(response, request.isAllowed);
    if (response.destroyed) return;
    const feeds = request.scopes.map((scope) => this.feedOf(scope));
    const position = (): string =>
      feeds.map(({ scope, position: number }) => `${scope.name}:${number}`).join(',');
    const { topics, gone } = request;
    const client = new LiveClient(response, { topics, gone, maxChanges, frameMs, position });
    // Each feed keeps its reader from here on: while one is looked at, none of them is closed.
    for (const feed of feeds) feed.clients.add(client);
    response.once('close', () => {
      for (const feed of feeds) this.leave(feed, client);
    });
    try {
      for (const feed of feeds) await this.catchUp(feed, client, request);
      client.start();
    } catch (error) {
      // The database is away: the client comes back with the number that it has.
      this.services.log.warn({ err: error }, 'the live stream cannot begin');
      response.end();
    }
  }

  /** Tells what happened before the feed told this client. */
  private async catchUp(feed: Feed, client: LiveClient, { after, seen }: LiveRequest): Promise<void> {
    const { reader } = this.services;
    const { maxChanges } = this.options;
    const { scope } = feed;
    await feed.started;
    const until = feed.position;
    const exact = seen.get(scope.name);
    const given = exact ?? after.get(scope.name) ?? 0;
    // Another process may be ahead of this one; a number that nobody gave is of another project with this name.
    if (given > until && given > (await reader.lastNumber(scope))) return client.reload();
    let from = exact ?? (await this.lookBack(scope, after.get(scope.name)));
    if (until - from > maxChanges) return client.reload();
    while (from < until && client.isWaiting) {
      const limit = Math.min(BATCH, until - from);
      const events = await reader.after(scope, from, limit);
      from += limit;
      // Some are as old as events get.
      if (events[limit - 1]?.number !== from) return client.reload();
      for (const event of events) for (const change of liveChangesOf(event)) client.take(scope.name, change);
    }
  }

  private async lookBack(scope: ProjectScope, after = Infinity): Promise<number> {
    const options = { ageMs: LOOK_BACK_MS, limit: this.options.maxChanges + 1 };
    return Math.min(after, await this.services.reader.lastNumberBefore(scope, options));
  }

  private feedOf(scope: ProjectScope): Feed {
    const known = this.feeds.get(scope.id);
    if (known !== undefined) return known;
    const feed = new Feed(scope, this.services);
    this.feeds.set(scope.id, feed);
    return feed;
  }

  private leave(feed: Feed, client: LiveClient): void {
    feed.clients.delete(client);
    if (feed.clients.size > 0) return;
    feed.stop();
    if (this.feeds.get(feed.scope.id) === feed) this.feeds.delete(feed.scope.id);
  }
}

/** The outbox of a project from now on, for all who follow it in this process. */
class Feed {
  readonly clients = new Set<LiveClient>();
  /** Resolves when `position` is known. */
  readonly started: Promise<void>;
  readonly stop: () => void;
  position = 0;
  private isReading = false;
  private again = false;

  constructor(
    readonly scope: ProjectScope,
    private readonly services: Pick<Services, 'reader' | 'listener' | 'log'>,
  ) {
    const { reader, listener } = services;
    let isStarted = false;
    this.stop = listener.subscribe((projectId) => {
      if (isStarted && (projectId === undefined || projectId === scope.id)) void this.read();
    });
    this.started = reader.lastNumber(scope).then((last) => {
      this.position = last;
      isStarted = true;
      // For what came since.
      void this.read();
    });
    // Whoever waits for it is told; nobody may wait.
    this.started.catch(() => {});
  }

  private async read(): Promise<void> {
    if (this.isReading) {
      this.again = true;
      return;
    }
    this.isReading = true;
    try {
      do {
        this.again = false;
        const events = await this.services.reader.after(this.scope, this.position, BATCH);
        for (const event of events) {
          this.position = event.number;
          for (const change of liveChangesOf(event))
            for (const client of this.clients) client.take(this.scope.name, change);
        }
        if (events.length === BATCH) this.again = true;
      } while (this.again && this.clients.size > 0);
    } catch (error) {
      // The next wake or poll reads on from the same number.
      this.services.log.warn({ err: error, project: this.scope.name }, 'events cannot be read');
    } finally {
      this.isReading = false;
    }
  }
}
