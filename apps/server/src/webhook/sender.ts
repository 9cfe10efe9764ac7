/**
 * Delivers webhooks, in the one process that leads: an endpoint has a queue of its own, so a slow one holds up nobody else.
 * A delivery is settled after its attempt, so an end of the process in between repeats it under the same id.
 */
import type { Sealer } from '@tinyfleet/releases';
import { webhookContext } from '@tinyfleet/registry';
import type { DueDelivery, Leader, PgWebhookOutbox, WebhookEndpoint } from '@tinyfleet/storage';
import { deliver, type Answer, type DeliverOptions } from './deliver.js';
import { Lanes } from './lanes.js';
import { outcomeOf, retryDelayMs, type RetryOptions } from './retry.js';

export interface SenderOptions extends DeliverOptions, RetryOptions {
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
  private readonly lanes: Lanes<WebhookEndpoint>;
  private sweptAt = 0;
  /** Attempts and their failures, for metrics. */
  sent = 0;
  failed = 0;

  constructor(
    private readonly leader: Leader,
    private readonly outbox: PgWebhookOutbox,
    private readonly sealer: Sealer,
    private readonly options: SenderOptions,
  ) {
    const { pollMs, onError } = options;
    this.lanes = new Lanes({
      lead: () => leader.tryLead(),
      find: async () => {
        await this.sweep();
        return await outbox.endpoints();
      },
      serve: async (endpoint) => await this.serve(endpoint),
      ...{ pollMs, onError },
    });
  }

  start(): void {
    this.lanes.start();
  }

  /** There may be something to deliver. */
  wake(): void {
    this.lanes.wake();
  }

  async stop(): Promise<void> {
    await this.lanes.stop();
    await this.leader.resign();
  }

  private async sweep(): Promise<void> {
    if (Date.now() - this.sweptAt <= SWEEP_MS) return;
    this.sweptAt = Date.now();
    await this.outbox.sweep(this.options.keepDays);
  }

  private async serve(endpoint: WebhookEndpoint): Promise<boolean> {
    const { concurrency, window } = this.options;
    const looked = await this.outbox.enqueue(endpoint, LOOK, window);
    const due = await this.outbox.due(endpoint, concurrency);
    if (due.length > 0) {
      const secrets = endpoint.secrets.map((secret) =>
        this.sealer.open(secret, webhookContext(endpoint.projectId)),
      );
      await Promise.all(due.map(async (delivery) => this.attempt(endpoint, secrets, delivery)));
    }
    return looked > 0 || due.length > 0;
  }

  private async attempt(
    endpoint: WebhookEndpoint,
    secrets: readonly Uint8Array[],
    { id, body, attempts }: DueDelivery,
  ): Promise<void> {
    const answer = await deliver({ url: endpoint.url, id, body, secrets }, this.options);
    this.sent++;
    if (answer.error !== null) this.failed++;
    await this.outbox.settle(endpoint, id, {
      ...answer,
      state: outcomeOf(this.options, attempts, answer.error),
      nextAttemptInMs: retryDelayMs(this.options, attempts),
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
}
