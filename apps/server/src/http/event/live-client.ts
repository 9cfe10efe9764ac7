/**
 * One reader of the live stream: which topics it wants, and what of them changed since its last frame. What waits is a set,
 * so it grows with what changes and not with how often; a reader too slow for its bound is told to read everything again.
 */
import type { ServerResponse } from 'node:http';
import { parseLiveTopic, type LiveChange, type LiveTopic } from '@tinyfleet/contracts';

export interface LiveClientOptions {
  readonly topics: readonly string[];
  /** Projects that the first frame says are not to be seen. */
  readonly gone: readonly string[];
  /** Changes that wait at most. */
  readonly maxChanges: number;
  /** Between two frames, at least. */
  readonly frameMs: number;
  /** The id of a frame that is written now. */
  readonly position: () => string;
}

/** Without a change for that long, a frame tells how far the stream has come: a resumption has less to look through. */
const IDLE_MS = 15_000;

export class LiveClient {
  /** Rows by `project/topic`; undefined = all. */
  private readonly wanted = new Map<string, Set<string> | undefined>();
  private readonly waiting = new Set<string>();
  private reloads = false;
  private gone: readonly string[];
  private frameAt = -Infinity;
  private toldPosition = '';
  private timer: NodeJS.Timeout | undefined;
  /** Until what was missed is known, no frame can say how far it goes. */
  private isReady = false;

  constructor(
    private readonly response: ServerResponse,
    private readonly options: LiveClientOptions,
  ) {
    this.gone = options.gone;
    for (const text of options.topics) {
      const ref = parseLiveTopic(text);
      if (ref === undefined) continue;
      const key = `${ref.project}/${ref.topic}`;
      if (ref.row === undefined) this.wanted.set(key, undefined);
      else if (!this.wanted.has(key)) this.wanted.set(key, new Set([ref.row]));
      else this.wanted.get(key)?.add(ref.row);
    }
    const idle = setInterval(() => {
      if (this.options.position() !== this.toldPosition) this.schedule();
    }, IDLE_MS);
    response.on('drain', () => this.isDue() && this.schedule());
    response.once('close', () => {
      clearInterval(idle);
      clearTimeout(this.timer);
    });
  }

  /** Begins with a frame, empty when nothing was missed. */
  start(): void {
    this.isReady = true;
    this.schedule();
  }

  /** Whether it wants to be told of changes one by one: it is there, and will not read everything again. */
  get isWaiting(): boolean {
    return !this.reloads && !this.response.destroyed;
  }

  take(project: string, { topic, rows }: { topic: LiveTopic; rows: LiveChange['rows'] }): void {
    const key = `${project}/${topic}`;
    if (!this.wanted.has(key)) return;
    const only = this.wanted.get(key);
    if (rows === null) return this.add(key);
    for (const row of rows) if (only === undefined || only.has(row)) this.add(`${key}/${row}`);
  }

  /** What changed is not known. */
  reload(): void {
    this.reloads = true;
    this.waiting.clear();
    this.schedule();
  }

  private add(change: string): void {
    if (this.reloads) return;
    this.waiting.add(change);
    if (this.waiting.size > this.options.maxChanges) this.reload();
    else this.schedule();
  }

  private isDue(): boolean {
    return this.reloads || this.waiting.size > 0;
  }

  private schedule(): void {
    if (!this.isReady || this.timer !== undefined || this.response.destroyed) return;
    const waitMs = Math.max(0, this.frameAt + this.options.frameMs - performance.now());
    this.timer = setTimeout(() => {
      this.timer = undefined;
      this.write();
    }, waitMs);
  }

  private write(): void {
    // It reads slower than we write: what changes meanwhile waits until it has drained.
    if (this.response.writableNeedDrain || this.response.writableEnded) return;
    this.frameAt = performance.now();
    this.toldPosition = this.options.position();
    const name = this.reloads ? 'reload' : 'changes';
    const data = JSON.stringify({ changes: [...this.waiting], gone: this.gone });
    this.reloads = false;
    this.waiting.clear();
    this.gone = [];
    this.response.write(`id: ${this.toldPosition}\nevent: ${name}\ndata: ${data}\n\n`);
  }
}
