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
  /**
   * False while the platform does not know yet what a device runs: it could not tell which class a name means.
   * Labels of such a device wait.
   */
  readonly ready?: (device: string) => boolean;
  readonly report?: (report: { event: string; [key: string]: unknown }) => void;
}

const ANSWER_MS = 10_000;
/** Labels of a refused device are dropped for so long. */
const REFUSED_MS = 60_000;

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
  /** Devices whose labels were refused: asking again for each would only make load. */
  private readonly refusals = new Map<string, { code: string; untilMs: number }>();
  readonly stats = { posted: 0, accepted: 0, duplicates: 0, lost: 0, refused: 0 };

  constructor(private readonly options: LabelPosterOptions) {}

  start(): void {
    this.timer = setInterval(() => void this.send(false), this.options.intervalMs ?? 1_000);
    this.timer.unref();
  }

  /** @param immediately for the past, whose truth has been known for long. */
  add(observation: Observation, immediately = false): void {
    const { capacity = 200_000, delayMs = 0 } = this.options;
    const refusal = this.refusals.get(observation.device);
    if (refusal !== undefined) {
      if (Date.now() < refusal.untilMs) {
        this.stats.refused++;
        return;
      }
      this.refusals.delete(observation.device);
    }
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
    const { batch = 1_000, ready = () => true, report } = this.options;
    const known = new Map<string, boolean>();
    const isReady = (device: string): boolean => {
      let answer = known.get(device);
      if (answer === undefined) known.set(device, (answer = ready(device)));
      return answer;
    };
    const refusedBefore = this.refusals.size;
    for (;;) {
      const now = Date.now();
      const due: Label[] = [];
      const rest: Label[] = [];
      for (const label of this.queue) {
        const goes = due.length < batch && (all || label.dueMs <= now) && isReady(label.device);
        (goes ? due : rest).push(label);
      }
      if (due.length === 0) break;
      this.queue = rest;
      if (!(await this.post(due)) || this.stopped) break;
    }
    if (this.refusals.size > refusedBefore) {
      const codes = [...new Set([...this.refusals.values()].map(({ code }) => code))].join(', ');
      report?.({ event: 'labels-refused', devices: this.refusals.size, codes });
    }
  }

  /** @returns false when the server gave no answer; the labels are then first in line again. */
  private async post(due: readonly Label[]): Promise<boolean> {
    const { client, project, report } = this.options;
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
      return true;
    } catch (error) {
      // No answer in time counts as none.
      const { status, code } = error instanceof ApiError ? error : { status: 0, code: 'client.timeout' };
      const isRefused = status >= 400 && status < 500 && status !== 429 && status !== 408;
      if (!isRefused) {
        this.queue = [...due, ...this.queue];
        report?.({ event: 'labels-failed', code, labels: due.length });
        return false;
      }
      // A batch is stored as a whole or not at all: one removed device, or one that runs a model of other classes, must
      // not cost the others their labels.
      const byDevice = new Map<string, Label[]>();
      for (const label of due) byDevice.set(label.device, [...(byDevice.get(label.device) ?? []), label]);
      if (byDevice.size > 1) {
        for (const own of byDevice.values()) if (!(await this.post(own))) return false;
        return true;
      }
      this.stats.refused += due.length;
      this.refusals.set(due[0]!.device, { code, untilMs: Date.now() + REFUSED_MS });
      return true;
    }
  }
}
