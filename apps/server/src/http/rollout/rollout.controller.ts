/** Rollouts and their deployments. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { RolloutService } from '@tinyfleet/rollouts';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class RolloutController {
  constructor(
    private readonly rollouts: RolloutService,
    private readonly stores: PgStores,
  ) {}

  @Api('rolloutList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'rolloutList'>,
  ): Promise<ApiOutput<'rolloutList'>> {
    return await this.stores.rollouts.list(scope, query);
  }

  @Api('rolloutCreate')
  async start(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'rolloutCreate'>,
  ): Promise<ApiOutput<'rolloutCreate'>> {
    return await this.rollouts.start(caller.actor, scope, body);
  }

  @Api('rolloutGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutGet'>,
  ): Promise<ApiOutput<'rolloutGet'>> {
    return await this.stores.rollouts.get(scope, params.number);
  }

  @Api('rolloutDeployments')
  async deployments(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'rolloutDeployments'>,
  ): Promise<ApiOutput<'rolloutDeployments'>> {
    return await this.stores.rollouts.deployments(scope, params.number, query);
  }

  @Api('rolloutPause')
  async pause(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutPause'>,
  ): Promise<ApiOutput<'rolloutPause'>> {
    return await this.rollouts.pause(caller.actor, scope, params.number);
  }

  @Api('rolloutResume')
  async resume(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutResume'>,
  ): Promise<ApiOutput<'rolloutResume'>> {
    return await this.rollouts.resume(caller.actor, scope, params.number);
  }

  @Api('rolloutAbort')
  async abort(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutAbort'>,
  ): Promise<ApiOutput<'rolloutAbort'>> {
    return await this.rollouts.abort(caller.actor, scope, params.number);
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
}
