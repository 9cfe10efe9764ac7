/** Alerts, where they go, and what drift is judged by. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { AlertRouteService, AlertService } from '@tinyfleet/quality';
import { PgStores } from '@tinyfleet/storage';
import { testMessage } from '../../alert/message.js';
import { MessageTransport } from '../../alert/transport.js';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class AlertController {
  constructor(
    private readonly alerts: AlertService,
    private readonly routes: AlertRouteService,
    private readonly transport: MessageTransport,
    private readonly stores: PgStores,
  ) {}

  @Api('alertList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'alertList'>,
  ): Promise<ApiOutput<'alertList'>> {
    return await this.stores.alerts.list(scope, query);
  }

  @Api('alertGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'alertGet'>,
  ): Promise<ApiOutput<'alertGet'>> {
    return await this.stores.alerts.get(scope, params.alert);
  }

  @Api('alertAcknowledge')
  async acknowledge(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'alertAcknowledge'>,
  ): Promise<ApiOutput<'alertAcknowledge'>> {
    return await this.alerts.acknowledge(caller.actor, scope, params.alert, body);
  }

  @Api('alertResolve')
  async resolve(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'alertResolve'>,
  ): Promise<ApiOutput<'alertResolve'>> {
    return await this.alerts.resolve(caller.actor, scope, params.alert, body);
  }

  @Api('alertMute')
  async mute(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'alertMute'>,
  ): Promise<ApiOutput<'alertMute'>> {
    return await this.alerts.mute(caller.actor, scope, params.alert, body);
  }

  @Api('alertComment')
  async comment(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'alertComment'>,
  ): Promise<ApiOutput<'alertComment'>> {
    return await this.alerts.comment(caller.actor, scope, params.alert, body);
  }

  @Api('alertRouteList')
  async listRoutes(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'alertRouteList'>,
  ): Promise<ApiOutput<'alertRouteList'>> {
    return await this.stores.alertRoutes.list(scope, query);
  }

  @Api('alertRouteCreate')
  async addRoute(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'alertRouteCreate'>,
  ): Promise<ApiOutput<'alertRouteCreate'>> {
    return await this.routes.add(caller.actor, scope, body);
  }

  @Api('alertRouteTest')
  async testRoute(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'alertRouteTest'>,
  ): Promise<ApiOutput<'alertRouteTest'>> {
    const target = await this.routes.test(caller.actor, scope, params.route);
    const { message, id } = testMessage(scope.name);
    const error = await this.transport.send(target, message, id);
    const state = error === null ? 'delivered' : 'failed';
    return { route: params.route, event: 'test', state, attempts: 1, error, at: new Date().toISOString() };
  }

  @Api('alertRouteDelete')
  async removeRoute(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'alertRouteDelete'>,
  ): Promise<void> {
    await this.routes.remove(caller.actor, scope, params.route);
  }

  @Api('qualitySettingsGet')
  async settings(@Scope() scope: ProjectScope): Promise<ApiOutput<'qualitySettingsGet'>> {
    return await this.stores.qualitySettings.get(scope);
  }

  @Api('qualitySettingsPut')
  async configure(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'qualitySettingsPut'>,
  ): Promise<ApiOutput<'qualitySettingsPut'>> {
    return await this.alerts.configure(caller.actor, scope, body);
  }

  @Api('qualityBudget')
  async budget(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'qualityBudget'>,
  ): Promise<ApiOutput<'qualityBudget'>> {
    return await this.alerts.budgetCost(scope, query.budget);
  }

  @Api('qualityBaselineList')
  async baselines(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'qualityBaselineList'>,
  ): Promise<ApiOutput<'qualityBaselineList'>> {
    return await this.stores.qualitySettings.baselines(scope, query);
  }

  @Api('qualityBaselineDeclare')
  async declare(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'qualityBaselineDeclare'>,
  ): Promise<ApiOutput<'qualityBaselineDeclare'>> {
    return await this.alerts.declare(caller.actor, scope, body);
  }

  @Api('qualityWatchList')
  async watches(@Scope() scope: ProjectScope): Promise<ApiOutput<'qualityWatchList'>> {
    return { items: await this.stores.qualitySettings.watches(scope) };
  }
}
