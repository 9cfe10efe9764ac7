/**
 * Open event streams. Each reads the outbox by number from where it is, woken by the listener, so nothing is kept in
 * memory for a slow reader: it reads on when its socket has drained. A comment every 15 s keeps proxies from closing.
 */
import type { ServerResponse } from 'node:http';
import type { ProjectScope } from '@tinyfleet/contracts';
import type { EventListener, PgEventReader } from '@tinyfleet/storage';
import type { Logger } from 'pino';

const BATCH = 200;
const HEARTBEAT_MS = 15_000;
/** Gathers what changes rights together; a stream ends within that and one look-up. */
const RECHECK_MS = 200;
/** What a client waits before it reconnects. */
const RETRY_MS = 2_000;

export interface StreamRequest {
  readonly scope: ProjectScope;
  /** Event names to send; undefined = all. */
  readonly names: ReadonlySet<string> | undefined;
  /** Number to resume after. */
  readonly after: number;
  /** Asked again when somebody's rights change, and from time to time: sessions and tokens also expire. */
  readonly isAllowed: () => Promise<boolean>;
}

export class EventStreams {
  private readonly open_ = new Set<ServerResponse>();

  constructor(
    private readonly reader: PgEventReader,
    private readonly listener: EventListener,
    private readonly log: Logger,
  ) {}

  get count(): number {
    return this.open_.size;
  }

  /**
   * The number that a stream begins after: what the client saw last, at most what there is (the project may be a new
   * one of the same name), else now. Asked before the answer starts, so that a failure is one.
   */
  async begin(scope: ProjectScope, seen: number | undefined): Promise<number> {
    const last = await this.reader.lastNumber(scope);
    return seen === undefined ? last : Math.min(seen, last);
  }

  async open(response: ServerResponse, { scope, names, after, isAllowed }: StreamRequest): Promise<void> {
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    response.write(`retry: ${RETRY_MS}\n\n`);
    this.open_.add(response);
    let position = after;
    let reading = false;
    let again = false;
    const read = async (): Promise<void> => {
      if (reading) {
        again = true;
        return;
      }
      reading = true;
      try {
        do {
          again = false;
          const events = await this.reader.after(scope, position, BATCH);
          for (const event of events) {
            position = event.number;
            if (names && !names.has(event.name)) continue;
            const data = JSON.stringify({
              number: event.number,
              name: event.name,
              at: event.at,
              data: event.data,
            });
            const flowing = response.write(`id: ${event.number}\nevent: ${event.name}\ndata: ${data}\n\n`);
            if (!flowing) await drained(response);
          }
          if (events.length === BATCH) again = true;
        } while (again && !response.destroyed);
      } catch (error) {
        // The database is away: the next wake or poll reads on from the same number.
        this.log.warn({ err: error, project: scope.name }, 'events cannot be read');
      } finally {
        reading = false;
      }
    };
    const unsubscribe = this.listener.subscribe((projectId) => {
      if (projectId === undefined || projectId === scope.id) void read();
    });
    const check = async (): Promise<void> => {
      // The database is away: nothing can be read either, and the next heartbeat asks again.
      const allowed = await isAllowed().catch(() => true);
      if (!allowed) response.end();
    };
    let pending: NodeJS.Timeout | undefined;
    const unsubscribeAccess = this.listener.subscribeToAccess(() => {
      pending ??= setTimeout(() => {
        pending = undefined;
        void check();
      }, RECHECK_MS);
    });
    const heartbeat = setInterval(() => {
      response.write(': still here\n\n');
      void check();
    }, HEARTBEAT_MS);
    response.once('close', () => {
      unsubscribe();
      unsubscribeAccess();
      clearTimeout(pending);
      clearInterval(heartbeat);
      this.open_.delete(response);
    });
    await read();
  }

  /** Ends all streams; clients reconnect elsewhere with their last number. */
  close(): void {
    for (const response of this.open_) response.end();
  }
}

function drained(response: ServerResponse): Promise<void> {
  return new Promise((resolve) => {
    if (response.destroyed) return resolve();
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.on('drain', done);
    response.on('close', done);
  });
}
