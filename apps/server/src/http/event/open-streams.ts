/**
 * Answers that do not end: server-sent events. Each begins and is kept open here: a comment every 15 s keeps proxies from
 * closing it, and it ends when its caller's right to it does.
 */
import type { ServerResponse } from 'node:http';
import type { Caller } from '@tinyfleet/auth';
import { FleetError } from '@tinyfleet/errors';
import type { EventListener } from '@tinyfleet/storage';

const HEARTBEAT_MS = 15_000;
/** Gathers what changes rights together; a stream ends within that and one look-up. */
const RECHECK_MS = 200;
/** What a client waits before it reconnects, and at most that much more: not all come back to a server at once. */
const RETRY_MS = 2_000;

export class OpenStreams {
  private readonly open = new Set<ServerResponse>();
  /** By the id of whoever has them. */
  private readonly held = new Map<string, number>();

  constructor(
    private readonly listener: EventListener,
    private readonly maxPerPerson = 32,
  ) {}

  /** A place for a stream until its response closes. Before the answer starts, so that a refusal is one. @throws server.too-many-streams */
  admit(response: ServerResponse, { credential }: Pick<Caller, 'credential'>): void {
    if (response.destroyed) return;
    // Tokens are his who made them; the instance's own stand for themselves.
    const who = credential.person?.id ?? credential.id;
    const held = this.held.get(who) ?? 0;
    if (held >= this.maxPerPerson)
      throw new FleetError('server.too-many-streams', { limit: this.maxPerPerson });
    this.held.set(who, held + 1);
    response.once('close', () => {
      const left = this.held.get(who)! - 1;
      if (left === 0) this.held.delete(who);
      else this.held.set(who, left);
    });
  }

  get count(): number {
    return this.open.size;
  }

  /** `isAllowed` is asked again when somebody's rights change, and from time to time: sessions and tokens also expire. */
  begin(response: ServerResponse, isAllowed: () => Promise<boolean>): void {
    // The client left before: what is kept open here would never be closed.
    if (response.destroyed) return;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      connection: 'keep-alive',
    });
    response.write(`retry: ${RETRY_MS + Math.floor(Math.random() * RETRY_MS)}\n\n`);
    this.open.add(response);
    let isChecking = false;
    let again = false;
    const check = async (): Promise<void> => {
      again = true;
      if (isChecking) return;
      isChecking = true;
      while (again && !response.writableEnded) {
        again = false;
        // The database is away: nothing can be read either, and the next heartbeat asks again.
        if (!(await isAllowed().catch(() => true))) response.end();
      }
      isChecking = false;
    };
    let pending: NodeJS.Timeout | undefined;
    const unsubscribe = this.listener.subscribeToAccess(() => {
      pending ??= setTimeout(() => {
        pending = undefined;
        void check();
      }, RECHECK_MS);
    });
    const heartbeat = setInterval(() => {
      // What a reader that stands still has not taken yet says the same, and does not grow by it.
      if (!response.writableNeedDrain) response.write(': still here\n\n');
      void check();
    }, HEARTBEAT_MS);
    response.once('close', () => {
      unsubscribe();
      clearTimeout(pending);
      clearInterval(heartbeat);
      this.open.delete(response);
    });
  }

  /** Ends all; clients reconnect elsewhere. */
  close(): void {
    for (const response of this.open) response.end();
  }
}
