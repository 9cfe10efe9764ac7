// Gives the platform ground truth: what the world really was at the predictions it keeps. A person would look at the
// machine; the simulator knows. Batches by HTTP with the project's API token, kept and repeated while the server is away.
import { ApiError, type Client } from '@tinyfleet/contracts';
import type { Observation } from '../device/device.js';

export interface LabelPosterOptions {
  readonly client: Client;
  readonly project: string;
  /** Labels per request; the API takes 5,000. */
  readonly batch?: number;
  /** Labels kept while the server is away; the oldest are given up beyond it. */
  readonly capacity?: number;
  readonly intervalMs?: number;
  /** Milliseconds from the prediction to its label. */
  readonly delayMs?: number;
  readonly report?: (report: { event: string; [key: string]: unknown }) => void;
}

const ANSWER_MS = 10_000;

interface Label {
  readonly device: string;
  readonly bootId: string;
  readonly inferenceIndex: number;
  readonly label: string;
  readonly dueMs: number;
}

export class LabelPoster {
  private queue: Label[] = [];
  private timer: NodeJS.Timeout | null = null;
  private sending: Promise<void> | null = null;
  private stopped = false;
  readonly stats = { posted: 0, accepted: 0, duplicates: 0, lost: 0, refused: 0 };

  constructor(private readonly options: LabelPosterOptions) {}

  start(): void {
    this.timer = setInterval(() => void this.send(false), this.options.intervalMs ?? 1_000);
    this.timer.unref();
  }

  /** @param immediately for the past, whose truth has been known for long. */
  add(observation: Observation, immediately = false): void {
    const { capacity = 200_000, delayMs = 0 } = this.options;
    if (this.queue.length >= capacity) {
      this.queue.shift();
      this.stats.lost++;
    }
    this.queue.push({
      device: observation.device,
      bootId: observation.bootId,
      inferenceIndex: observation.index,
      label: observation.truth,
      dueMs: immediately ? 0 : Date.now() + delayMs,
    });
  }

  get pending(): number {
    return this.queue.length;
  }

  /** Posts what is due, all of it when `all`. One request at a time; a failed batch stays first in line. */
  async send(all: boolean): Promise<void> {
    if (this.sending !== null) {
      if (!all) return;
      await this.sending;
    }
    this.sending = this.drain(all).finally(() => (this.sending = null));
    return this.sending;
  }

  /** Posts everything once more and ends. */
  async stop(): Promise<void> {
    if (this.timer !== null) clearInterval(this.timer);
    this.stopped = true;
    await this.send(true);
  }

  private async drain(all: boolean): Promise<void> {
    const { client, project, batch = 1_000, report } = this.options;
    for (;;) {
      const now = Date.now();
      const due: Label[] = [];
      const rest: Label[] = [];
      for (const label of this.queue)
        (due.length < batch && (all || label.dueMs <= now) ? due : rest).push(label);
      if (due.length === 0) return;
      this.queue = rest;
      const labels = due.map(({ dueMs: _, ...label }) => label);
      try {
        const result = await client.call('labelsPost', {
          params: { project },
          body: { labels, source: 'simulator' },
          signal: AbortSignal.timeout(ANSWER_MS),
        });
        this.stats.posted += due.length;
        this.stats.accepted += result.accepted;
        this.stats.duplicates += result.duplicates;
      } catch (error) {
        // No answer in time counts as none.
        const { status, code } = error instanceof ApiError ? error : { status: 0, code: 'client.timeout' };
        // 4xx other than a limit: the same batch would be refused again (a device was removed meanwhile).
        const final = status >= 400 && status < 500 && status !== 429 && status !== 408;
        if (final) this.stats.refused += due.length;
        else this.queue = due.concat(this.queue);
        report?.({ event: 'labels-failed', code, labels: due.length, kept: !final });
        if (!final || this.stopped) return;
      }
    }
  }
}
