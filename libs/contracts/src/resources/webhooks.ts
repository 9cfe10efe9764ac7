/** Webhooks: who is told of which events, and what came of it. */
import { z } from '../zod.js';
import { Name, Timestamp } from '../names.js';

export const Webhook = z
  .object({
    name: Name,
    url: z.string(),
    /** Names of the event map; docs/events.md lists them. */
    events: z.array(z.string()),
    enabled: z.boolean(),
    /** Empty while it is enabled. */
    disabledReason: z.string(),
    /** First failure since the last success. */
    failingSince: Timestamp.nullable(),
    /** Until then the secret before the newest signs too. */
    previousSecretUntil: Timestamp.nullable(),
    createdBy: z.string(),
    createdAt: Timestamp,
    revision: z.int(),
  })
  .meta({ id: 'Webhook' });
const events = z.array(z.string().max(63)).min(1).max(64);
export const WebhookCreate = z.object({ name: Name, url: z.url().max(2_048), events });
export const WebhookPatch = z.object({
  url: z.url().max(2_048).optional(),
  events: events.optional(),
  enabled: z.boolean().optional(),
});
export const WebhookCreated = z
  .object({
    webhook: Webhook,
    /** Shown once. `whsec_` and 32 bytes in base64: the key of the HMAC. */
    secret: z.string(),
  })
  .meta({ id: 'WebhookCreated' });
export const WebhookDeliveryState = z
  .enum(['waiting', 'delivered', 'failed'])
  .meta({ id: 'WebhookDeliveryState' });
export const WebhookDelivery = z
  .object({
    /** The `webhook-id` header: the same for every attempt and replay. */
    id: z.string(),
    /** Of the event in the project; null for a ping. */
    number: z.int().nullable(),
    type: z.string(),
    state: WebhookDeliveryState,
    attempts: z.int(),
    nextAttemptAt: Timestamp.nullable(),
    /** HTTP status of the last answer; null when there was none. */
    status: z.int().nullable(),
    latencyMs: z.int().nullable(),
    error: z.string().nullable(),
    /** First characters of the last answer. */
    response: z.string().nullable(),
    createdAt: Timestamp,
    lastAttemptAt: Timestamp.nullable(),
  })
  .meta({ id: 'WebhookDelivery' });
export const WebhookReplay = z.union([
  z.object({ id: z.string().max(100) }),
  z.object({ from: z.int().min(1), to: z.int().min(1) }),
]);
