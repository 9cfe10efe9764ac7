/** Webhooks, beside the rollout engine: competes for their lead and delivers what the outbox has for them. */
import type { Sealer } from '@tinyfleet/releases';
import { Leader, PgWebhookOutbox } from '@tinyfleet/storage';
import { Counter } from 'prom-client';
import { WebhookSender } from '../webhook/sender.js';
import type { RoleContext, RunningRole } from './role.js';

const POLL_MS = 1_000;

export async function startWebhooks(context: RoleContext, sealer: Sealer): Promise<RunningRole> {
  const { database, events, log, metrics, config } = context;
  const sender = new WebhookSender(new Leader(database, 'webhook'), new PgWebhookOutbox(database), sealer, {
    timeoutMs: config['webhooks.timeoutMs'],
    allowPrivate: config['webhooks.allowPrivate'],
    maxAttempts: config['webhooks.maxAttempts'],
    firstRetryMs: config['webhooks.firstRetryMs'],
    maxRetryMs: config['webhooks.maxRetryMs'],
    concurrency: config['webhooks.concurrency'],
    disableAfterSeconds: config['webhooks.disableAfterSeconds'],
    keepDays: config['webhooks.keepDays'],
    window: config['webhooks.window'],
    snippetBytes: config['webhooks.answerBytes'],
    pollMs: POLL_MS,
    onError: (error) => log.warn({ err: error, part: 'webhook' }, 'webhooks: will try again'),
  });
  new Counter({
    name: 'tinyfleet_webhook_attempts_total',
    help: 'Attempts to deliver a webhook, by outcome.',
    labelNames: ['outcome'],
    registers: [metrics],
    collect() {
      this.reset();
      this.inc({ outcome: 'delivered' }, sender.sent - sender.failed);
      this.inc({ outcome: 'failed' }, sender.failed);
    },
  });
  const unsubscribe = events.subscribe(() => sender.wake(), ['telemetry.committed']);
  sender.start();
  return {
    name: 'webhook',
    async stop() {
      unsubscribe();
      await sender.stop();
    },
  };
}
