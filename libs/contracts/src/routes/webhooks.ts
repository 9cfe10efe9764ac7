/** Routes of webhooks. */
import { z } from '../zod.js';
import { Name } from '../names.js';
import * as r from '../resources/index.js';
import { project, type Route } from './route.js';

const webhook = project.extend({ webhook: Name });

export const webhooksRoutes = {
  webhookList: {
    method: 'GET',
    path: '/projects/:project/webhooks',
    summary: 'Webhooks by name',
    access: 'developer',
    params: project,
    query: r.PageQuery,
    response: r.page(r.Webhook),
  },
  webhookCreate: {
    method: 'POST',
    path: '/projects/:project/webhooks',
    summary: 'Make a webhook; its secret is shown once',
    access: 'developer',
    params: project,
    body: r.WebhookCreate,
    response: r.WebhookCreated,
    status: 201,
  },
  webhookGet: {
    method: 'GET',
    path: '/projects/:project/webhooks/:webhook',
    summary: 'One webhook',
    access: 'developer',
    params: webhook,
    response: r.Webhook,
  },
  webhookUpdate: {
    method: 'PATCH',
    path: '/projects/:project/webhooks/:webhook',
    summary: 'Change its address or events, stop it or let it go on',
    access: 'developer',
    params: webhook,
    body: r.WebhookPatch,
    response: r.Webhook,
    revisioned: 'webhook',
  },
  webhookDelete: {
    method: 'DELETE',
    path: '/projects/:project/webhooks/:webhook',
    summary: 'Remove a webhook and its deliveries',
    access: 'developer',
    params: webhook,
    status: 204,
    revisioned: 'webhook',
  },
  webhookSecret: {
    method: 'POST',
    path: '/projects/:project/webhooks/:webhook/secret',
    summary: 'A new secret, shown once; the one before signs too for a while',
    access: 'developer',
    params: webhook,
    body: z.object({ overlapSeconds: z.int().min(0).max(604_800).default(86_400) }),
    response: r.WebhookCreated,
    status: 201,
  },
  webhookTest: {
    method: 'POST',
    path: '/projects/:project/webhooks/:webhook/test',
    summary: 'Deliver a `webhook.ping`',
    access: 'developer',
    params: webhook,
    response: r.WebhookDelivery,
    status: 201,
  },
  webhookDeliveries: {
    method: 'GET',
    path: '/projects/:project/webhooks/:webhook/deliveries',
    summary: 'What was delivered and what came of it, newest first',
    access: 'developer',
    params: webhook,
    query: r.PageQuery.extend({ state: r.WebhookDeliveryState.optional() }),
    response: r.page(r.WebhookDelivery),
  },
  webhookReplay: {
    method: 'POST',
    path: '/projects/:project/webhooks/:webhook/replay',
    summary: 'Deliver one again, or the events of a range of numbers; their ids stay',
    access: 'developer',
    params: webhook,
    body: r.WebhookReplay,
    response: z.object({ count: z.int() }),
  },
} as const satisfies Record<string, Route>;
