/**
 * Streams of a project's events. Each reads the outbox by number from where it is, woken by the listener, so nothing is kept
 * in memory for a slow reader: it reads on when its socket has drained.
 */
import type { ServerResponse } from 'node:http';
import type { ProjectScope } from '@tinyfleet/contracts';
import type { EventListener, PgEventReader } from '@tinyfleet/storage';
import type { Logger } from 'pino';
import type { OpenStreams } from './open-streams.js';

const BATCH = 200;

export interface StreamRequest {
  readonly scope: ProjectScope;
  /** Event names to send; undefined = all. */
  readonly names: ReadonlySet<string> | undefined;
  /** Number to resume after. */
  readonly after: number;
  readonly isAllowed: () => Promise<boolean>;
}

export class EventStreams {
  constructor(
    private readonly reader: PgEventReader,
    private readonly listener: EventListener,
    private readonly streams: OpenStreams,
    private readonly log: Logger,
  ) {}

  /**
   * The number that a stream begins after: what the client saw last, at most what there is (the project may be a new
   * one of the same name), else now. Asked before the answer starts, so that a failure is one.
   */
  async begin(scope: ProjectScope, seen: number | undefined): Promise<number> {
    const last = await this.reader.lastNumber(scope);
    return seen === undefined ? last : Math.min(seen, last);
  }

  async open(response: ServerResponse, { scope, names, after, isAllowed }: StreamRequest): Promise<void> {
    this.streams.begin(response, isAllowed);
    if (response.destroyed) return;
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
    response.once('close', unsubscribe);
    await read();
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
