/** Deployments across rollouts, rules of single devices, and what holds for every rollout of a project. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { UpdateRuleService } from '@tinyfleet/rollouts';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class DeploymentController {
  constructor(
    private readonly rules: UpdateRuleService,
    private readonly stores: PgStores,
  ) {}

  @Api('deploymentList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'deploymentList'>,
  ): Promise<ApiOutput<'deploymentList'>> {
    return await this.stores.rollouts.allDeployments(scope, query);
  }

  @Api('deploymentGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deploymentGet'>,
  ): Promise<ApiOutput<'deploymentGet'>> {
    return await this.stores.rollouts.deployment(scope, params.deployment);
  }

  @Api('deviceDeployments')
  async ofDevice(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceDeployments'>,
  ): Promise<ApiOutput<'deviceDeployments'>> {
    const page = await this.stores.rollouts.ofDevice(scope, params.device, query);
    if (page.items.length === 0) await this.stores.devices.get(scope, params.device);
    return page;
  }

  @Api('updateRuleList')
  async ruleList(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'updateRuleList'>,
  ): Promise<ApiOutput<'updateRuleList'>> {
    return await this.stores.updateRules.list(scope, query);
  }

  @Api('updateRuleSet')
  async setRule(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'updateRuleSet'>,
  ): Promise<ApiOutput<'updateRuleSet'>> {
    return await this.rules.set(caller.actor, scope, params.device, body);
  }

  @Api('updateRuleRemove')
  async removeRule(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'updateRuleRemove'>,
  ): Promise<void> {
    await this.rules.remove(caller.actor, scope, params.device);
  }

  @Api('rolloutSettingsGet')
  async settings(@Scope() scope: ProjectScope): Promise<ApiOutput<'rolloutSettingsGet'>> {
    return await this.stores.updateRules.settings(scope);
  }

  @Api('rolloutSettingsSet')
  async setSettings(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'rolloutSettingsSet'>,
  ): Promise<ApiOutput<'rolloutSettingsSet'>> {
    return await this.rules.setSettings(caller.actor, scope, body);
  }
}
