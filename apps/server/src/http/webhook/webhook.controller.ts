/** Webhooks of a project. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { WebhookService } from '@tinyfleet/registry';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class WebhookController {
  constructor(
    private readonly webhooks: WebhookService,
    private readonly stores: PgStores,
  ) {}

  @Api('webhookList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'webhookList'>,
  ): Promise<ApiOutput<'webhookList'>> {
    return await this.stores.webhooks.list(scope, query);
  }

  @Api('webhookCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'webhookCreate'>,
  ): Promise<ApiOutput<'webhookCreate'>> {
    return await this.webhooks.add(caller.actor, scope, body);
  }

  @Api('webhookGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'webhookGet'>,
  ): Promise<ApiOutput<'webhookGet'>> {
    return await this.stores.webhooks.get(scope, params.webhook);
  }

  @Api('webhookUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'webhookUpdate'>,
  ): Promise<ApiOutput<'webhookUpdate'>> {
    return await this.webhooks.update(caller.actor, scope, params.webhook, body);
  }

  @Api('webhookDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'webhookDelete'>,
  ): Promise<void> {
    await this.webhooks.remove(caller.actor, scope, params.webhook);
  }

  @Api('webhookSecret')
  async secret(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'webhookSecret'>,
  ): Promise<ApiOutput<'webhookSecret'>> {
    return await this.webhooks.replaceSecret(caller.actor, scope, params.webhook, body.overlapSeconds);
  }

  @Api('webhookTest')
  async test(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'webhookTest'>,
  ): Promise<ApiOutput<'webhookTest'>> {
    return await this.webhooks.test(caller.actor, scope, params.webhook);
  }

  @Api('webhookDeliveries')
  async deliveries(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'webhookDeliveries'>,
  ): Promise<ApiOutput<'webhookDeliveries'>> {
    return await this.stores.webhooks.deliveries(scope, params.webhook, query);
  }

  @Api('webhookReplay')
  async replay(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'webhookReplay'>,
  ): Promise<ApiOutput<'webhookReplay'>> {
    return { count: await this.webhooks.replay(caller.actor, scope, params.webhook, body) };
  }
}
