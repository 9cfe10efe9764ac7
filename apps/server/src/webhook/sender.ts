/**
 * Delivers webhooks, in the one process that leads: an endpoint has a queue of its own, so a slow one holds up nobody else.
 * A delivery is settled after its attempt, so an end of the process in between repeats it under the same id.
 */
import type { Sealer } from '@tinyfleet/releases';
import { webhookContext } from '@tinyfleet/registry';
import type { DueDelivery, Leader, PgWebhookOutbox, WebhookEndpoint } from '@tinyfleet/storage';
import { deliver, type Answer, type DeliverOptions } from './deliver.js';

export interface SenderOptions extends DeliverOptions {
  /** Attempts of one delivery. */
  readonly maxAttempts: number;
  /** Before the second attempt; doubled for each further one, a quarter of it at random. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** Requests to one endpoint at a time. */
  readonly concurrency: number;
  /** Deliveries of one endpoint that wait at most; beyond, events stay in the outbox. */
  readonly window: number;
  readonly disableAfterSeconds: number;
  readonly keepDays: number;
  readonly pollMs: number;
  readonly onError: (error: unknown) => void;
}

const LOOK = 500;
const SWEEP_MS = 3_600_000;
const GONE = 410;

export class WebhookSender {
  private readonly busy = new Map<string, Promise<void>>();
  private timer: NodeJS.Timeout | undefined;
  private looking = false;
  private again = false;
  private stopped = false;
  private sweptAt = 0;
  /** Attempts and their failures, for metrics. */
  sent = 0;
  failed = 0;

  constructor(
    private readonly leader: Leader,
    private readonly outbox: PgWebhookOutbox,
    private readonly sealer: Sealer,
    private readonly options: SenderOptions,
  ) {}

  start(): void {
    this.timer = setInterval(() => this.wake(), this.options.pollMs);
    this.wake();
  }

  /** There may be something to deliver. */
  wake(): void {
    if (this.looking) {
      this.again = true;
      return;
    }
    this.looking = true;
    void this.look().finally(() => {
      this.looking = false;
      if (this.again && !this.stopped) {
        this.again = false;
        this.wake();
      }
    });
  }

  async stop(): Promise<void> {
    this.stopped = true;
    clearInterval(this.timer);
    await Promise.allSettled(this.busy.values());
    await this.leader.resign();
  }

  private async look(): Promise<void> {
    try {
      if (this.stopped || !(await this.leader.tryLead())) return;
      for (const endpoint of await this.outbox.endpoints()) {
        if (this.busy.has(endpoint.id)) continue;
        this.busy.set(endpoint.id, this.serve(endpoint));
      }
      if (Date.now() - this.sweptAt > SWEEP_MS) {
        this.sweptAt = Date.now();
        await this.outbox.sweep(this.options.keepDays);
      }
    } catch (error) {
      this.options.onError(error);
    }
  }

  /** One round of one endpoint; another look follows while there is more, with what its webhook is by then. */
  private async serve(endpoint: WebhookEndpoint): Promise<void> {
    let more = false;
    try {
      const { concurrency, window } = this.options;
      const looked = await this.outbox.enqueue(endpoint, LOOK, window);
      const due = await this.outbox.due(endpoint, concurrency);
      more = looked > 0 || due.length > 0;
      if (due.length === 0) return;
      const secrets = endpoint.secrets.map((secret) =>
        this.sealer.open(secret, webhookContext(endpoint.projectId)),
      );
      await Promise.all(due.map(async (delivery) => this.attempt(endpoint, secrets, delivery)));
    } catch (error) {
      more = false;
      this.options.onError(error);
    } finally {
      this.busy.delete(endpoint.id);
      if (more && !this.stopped) this.wake();
    }
  }

  private async attempt(
    endpoint: WebhookEndpoint,
    secrets: readonly Uint8Array[],
    { id, body, attempts }: DueDelivery,
  ): Promise<void> {
    const answer = await deliver({ url: endpoint.url, id, body, secrets }, this.options);
    this.sent++;
    if (answer.error !== null) this.failed++;
    const isLast = attempts + 1 >= this.options.maxAttempts;
    await this.outbox.settle(endpoint, id, {
      ...answer,
      state: answer.error === null ? 'delivered' : isLast ? 'failed' : 'waiting',
      nextAttemptInMs: this.retryMs(attempts),
    });
    if (answer.error !== null) await this.disable(endpoint, answer);
  }

  private async disable(endpoint: WebhookEndpoint, { status, error }: Answer): Promise<void> {
    if (status === GONE) {
      await this.outbox.disable(endpoint, 0, 'it answered 410 Gone');
      return;
    }
    const { disableAfterSeconds } = this.options;
    const reason = `nothing was delivered for ${Math.round(disableAfterSeconds / 3_600)} hours; last: ${error ?? ''}`;
    await this.outbox.disable(endpoint, disableAfterSeconds, reason.slice(0, 300));
  }

  private retryMs(attempts: number): number {
    const { firstRetryMs, maxRetryMs } = this.options;
    return Math.min(maxRetryMs, firstRetryMs * 2 ** attempts) * (0.75 + Math.random() / 2);
  }
}
