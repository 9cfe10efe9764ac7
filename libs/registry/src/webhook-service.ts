/** Webhooks of a project: made, changed, their secrets. What is delivered is in the server, which has the sockets. */
import { randomBytes } from 'node:crypto';
import {
  WEBHOOK_SECRET_PREFIX,
  eventSchemas,
  webhookUrlRefusal,
  type AuditLog,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
  type Transact,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

export interface NewWebhook {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly sealedSecret: Buffer;
  readonly createdBy: string;
}
export interface WebhookChange {
  readonly url?: string | undefined;
  readonly events?: readonly string[] | undefined;
  readonly enabled?: boolean | undefined;
}
type Delivery = Resource<'WebhookDelivery'>;

export interface WebhookStore {
  list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Webhook'>>>;
  /** @throws registry.webhook-not-found */
  get(scope: ProjectScope, name: string): Promise<Resource<'Webhook'>>;
  idOf(scope: ProjectScope, name: string): Promise<string>;
  /** It is told of events from now on. @throws registry.webhook-exists, registry.webhooks-too-many */
  add(scope: ProjectScope, webhook: NewWebhook, most: number): Promise<void>;
  update(scope: ProjectScope, name: string, change: WebhookChange): Promise<void>;
  replaceSecret(
    scope: ProjectScope,
    name: string,
    sealedSecret: Buffer,
    overlapSeconds: number,
  ): Promise<void>;
  remove(scope: ProjectScope, name: string): Promise<void>;
  deliveries(
    scope: ProjectScope,
    name: string,
    page: PageRequest & { readonly state?: Delivery['state'] | undefined },
  ): Promise<Page<Delivery>>;
  ping(
    scope: ProjectScope,
    name: string,
    delivery: { readonly id: string; readonly body: string },
  ): Promise<Delivery>;
  /** @returns how many wait now */
  replay(scope: ProjectScope, name: string, which: Resource<'WebhookReplay'>, most: number): Promise<number>;
}

export interface WebhookStores {
  readonly webhooks: WebhookStore;
  readonly audit: AuditLog;
}

export interface WebhookLimits {
  readonly maxPerProject: number;
  readonly maxReplay: number;
  /** http, and addresses that are not public. */
  readonly allowPrivate: boolean;
}

/** Bytes of a secret at rest; the context says whose. */
export interface WebhookSealer {
  seal(plain: Uint8Array, context: string): Buffer;
}
export const webhookContext = (projectId: string): string => `webhook ${projectId}`;

const SECRET_BYTES = 32;

export class WebhookService {
  constructor(
    private readonly transact: Transact<WebhookStores>,
    private readonly sealer: WebhookSealer,
    private readonly newId: () => string,
    private readonly limits: WebhookLimits,
  ) {}

  async add(
    actor: string,
    scope: ProjectScope,
    { name, url, events }: Resource<'WebhookCreate'>,
  ): Promise<Resource<'WebhookCreated'>> {
    this.requireUrl(url);
    requireEvents(events);
    const secret = randomBytes(SECRET_BYTES);
    const sealedSecret = this.sealer.seal(secret, webhookContext(scope.id));
    return await this.transact(async ({ webhooks, audit }) => {
      const made = {
        id: this.newId(),
        name,
        url,
        events: [...new Set(events)],
        sealedSecret,
        createdBy: actor,
      };
      await webhooks.add(scope, made, this.limits.maxPerProject);
      await audit.append(scope, { actor, action: 'webhook.made', target: name, detail: { url, events } });
      return { webhook: await webhooks.get(scope, name), secret: shown(secret) };
    });
  }

  async update(
    actor: string,
    scope: ProjectScope,
    name: string,
    change: Resource<'WebhookPatch'>,
  ): Promise<Resource<'Webhook'>> {
    if (change.url !== undefined) this.requireUrl(change.url);
    if (change.events !== undefined) requireEvents(change.events);
    return await this.transact(async ({ webhooks, audit }) => {
      const { url, events, enabled } = await webhooks.get(scope, name);
      await webhooks.update(scope, name, change);
      await audit.append(scope, {
        actor,
        action: 'webhook.updated',
        target: name,
        before: { url, events, enabled },
        after: { ...change },
      });
      return await webhooks.get(scope, name);
    });
  }

  /** A secret that is lost or leaked: both are used for a while, so that the receiver can change over. */
  async replaceSecret(
    actor: string,
    scope: ProjectScope,
    name: string,
    overlapSeconds: number,
  ): Promise<Resource<'WebhookCreated'>> {
    const secret = randomBytes(SECRET_BYTES);
    const sealed = this.sealer.seal(secret, webhookContext(scope.id));
    return await this.transact(async ({ webhooks, audit }) => {
      await webhooks.replaceSecret(scope, name, sealed, overlapSeconds);
      await audit.append(scope, { actor, action: 'webhook.secret-replaced', target: name });
      return { webhook: await webhooks.get(scope, name), secret: shown(secret) };
    });
  }

  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ webhooks, audit }) => {
      const { url, events, enabled } = await webhooks.get(scope, name);
      await webhooks.remove(scope, name);
      await audit.append(scope, {
        actor,
        action: 'webhook.removed',
        target: name,
        before: { url, events, enabled },
      });
    });
  }

  async test(actor: string, scope: ProjectScope, name: string): Promise<Delivery> {
    const at = new Date().toISOString();
    const body = JSON.stringify({
      type: 'webhook.ping',
      timestamp: at,
      project: scope.name,
      number: null,
      data: { webhook: name },
    });
    return await this.transact(async ({ webhooks, audit }) => {
      const delivery = await webhooks.ping(scope, name, { id: `ping_${this.newId()}`, body });
      await audit.append(scope, { actor, action: 'webhook.tested', target: name });
      return delivery;
    });
  }

  async replay(
    actor: string,
    scope: ProjectScope,
    name: string,
    which: Resource<'WebhookReplay'>,
  ): Promise<number> {
    if ('from' in which && which.to - which.from + 1 > this.limits.maxReplay)
      throw new FleetError('registry.webhook-replay-too-long', { limit: this.limits.maxReplay });
    return await this.transact(async ({ webhooks, audit }) => {
      const count = await webhooks.replay(scope, name, which, this.limits.maxReplay);
      await audit.append(scope, {
        actor,
        action: 'webhook.replayed',
        target: name,
        detail: { ...which, count },
      });
      return count;
    });
  }

  private requireUrl(text: string): void {
    const reason = webhookUrlRefusal(new URL(text), this.limits.allowPrivate);
    if (reason !== undefined) throw new FleetError('registry.webhook-url', { reason });
  }
}

function requireEvents(events: readonly string[]): void {
  const unknown = events.find((name) => !Object.hasOwn(eventSchemas, name));
  if (unknown !== undefined)
    throw new FleetError('registry.webhook-event', {
      event: unknown,
      known: Object.keys(eventSchemas).join(', '),
    });
}

const shown = (secret: Buffer): string => WEBHOOK_SECRET_PREFIX + secret.toString('base64');
