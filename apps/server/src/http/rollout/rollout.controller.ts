/** Rollouts: planning, starting and steering. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { RolloutOperator, RolloutService, RolloutSimulations } from '@tinyfleet/rollouts';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class RolloutController {
  constructor(
    private readonly rollouts: RolloutService,
    private readonly simulations: RolloutSimulations,
    private readonly operator: RolloutOperator,
    private readonly stores: PgStores,
  ) {}

  @Api('rolloutList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'rolloutList'>,
  ): Promise<ApiOutput<'rolloutList'>> {
    return await this.stores.rollouts.list(scope, query);
  }

  @Api('rolloutPlan')
  async plan(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'rolloutPlan'>,
  ): Promise<ApiOutput<'rolloutPlan'>> {
    return await this.simulations.plan(caller.actor, scope, body);
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

  @Api('rolloutDecisions')
  async decisions(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'rolloutDecisions'>,
  ): Promise<ApiOutput<'rolloutDecisions'>> {
    return await this.stores.rollouts.decisions(scope, params.number, query);
  }

  @Api('rolloutHistory')
  async history(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'rolloutHistory'>,
  ): Promise<ApiOutput<'rolloutHistory'>> {
    return await this.stores.rollouts.history(scope, params.number, query.points);
  }

  @Api('rolloutReport')
  async report(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutReport'>,
  ): Promise<ApiOutput<'rolloutReport'>> {
    return await this.rollouts.report(scope, params.number);
  }

  @Api('rolloutApprove')
  async approve(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'rolloutApprove'>,
  ): Promise<ApiOutput<'rolloutApprove'>> {
    return await this.operator.approve(caller.actor, scope, params.number, body.reason);
  }

  @Api('rolloutPause')
  async pause(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutPause'>,
  ): Promise<ApiOutput<'rolloutPause'>> {
    return await this.operator.pause(caller.actor, scope, params.number);
  }

  @Api('rolloutResume')
  async resume(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutResume'>,
  ): Promise<ApiOutput<'rolloutResume'>> {
    return await this.operator.resume(caller.actor, scope, params.number);
  }

  @Api('rolloutSkip')
  async skip(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'rolloutSkip'>,
  ): Promise<ApiOutput<'rolloutSkip'>> {
    return await this.operator.skip(caller.actor, scope, params.number, body.reason);
  }

  @Api('rolloutRetry')
  async retry(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'rolloutRetry'>,
  ): Promise<ApiOutput<'rolloutRetry'>> {
    return await this.operator.retry(caller.actor, scope, params.number, body.reason);
  }

  @Api('rolloutRollback')
  async rollBack(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'rolloutRollback'>,
  ): Promise<ApiOutput<'rolloutRollback'>> {
    return await this.operator.rollBack(caller.actor, scope, params.number, body);
  }

  @Api('rolloutAbort')
  async abort(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'rolloutAbort'>,
  ): Promise<ApiOutput<'rolloutAbort'>> {
    return await this.operator.abort(caller.actor, scope, params.number);
  }
}
