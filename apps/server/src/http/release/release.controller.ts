/** Releases and the keys that sign them. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  HandoverService,
  KeyRotationService,
  OfflineSigningService,
  ReleaseLifecycleService,
  ReleaseService,
  SigningKeyService,
  envelopeOf,
  keptBom,
} from '@tinyfleet/releases';
import { RolloutService } from '@tinyfleet/rollouts';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class ReleaseController {
  constructor(
    private readonly releases: ReleaseService,
    private readonly lifecycle: ReleaseLifecycleService,
    private readonly offline: OfflineSigningService,
    private readonly keys: SigningKeyService,
    private readonly rotation: KeyRotationService,
    private readonly handover: HandoverService,
    private readonly rollouts: RolloutService,
    private readonly stores: PgStores,
  ) {}

  @Api('releaseList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'releaseList'>,
  ): Promise<ApiOutput<'releaseList'>> {
    return await this.stores.releases.list(scope, query);
  }

  @Api('releaseCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'releaseCreate'>,
  ): Promise<ApiOutput<'releaseCreate'>> {
    return await this.releases.add(caller.actor, scope, body);
  }

  @Api('releaseGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'releaseGet'>,
  ): Promise<ApiOutput<'releaseGet'>> {
    return await this.stores.releases.get(scope, params.release);
  }

  @Api('releaseSign')
  async sign(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'releaseSign'>,
  ): Promise<ApiOutput<'releaseSign'>> {
    return await this.releases.sign(caller.actor, scope, params.release);
  }

  @Api('releaseSigningRequest')
  async signingRequest(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'releaseSigningRequest'>,
  ): Promise<ApiOutput<'releaseSigningRequest'>> {
    return await this.offline.request(scope, params.release, query.keyId);
  }

  @Api('releaseSignatures')
  async signatures(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'releaseSignatures'>,
  ): Promise<ApiOutput<'releaseSignatures'>> {
    return await this.offline.accept(caller.actor, scope, params.release, body);
  }

  @Api('releaseValidate')
  async validate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'releaseValidate'>,
  ): Promise<ApiOutput<'releaseValidate'>> {
    return await this.lifecycle.validate(caller.actor, scope, params.release, body);
  }

  @Api('releaseApprove')
  async approve(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'releaseApprove'>,
  ): Promise<ApiOutput<'releaseApprove'>> {
    return await this.lifecycle.approve(caller.actor, scope, params.release, body.reason);
  }

  @Api('releaseDeprecate')
  async deprecate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'releaseDeprecate'>,
  ): Promise<ApiOutput<'releaseDeprecate'>> {
    return await this.lifecycle.deprecate(caller.actor, scope, params.release, body.reason);
  }

  @Api('releaseRevoke')
  async revoke(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'releaseRevoke'>,
  ): Promise<ApiOutput<'releaseRevoke'>> {
    return await this.lifecycle.revoke(caller.actor, scope, params.release, body.reason);
  }

  @Api('releaseCompatibility')
  async compatibility(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'releaseCompatibility'>,
  ): Promise<ApiOutput<'releaseCompatibility'>> {
    return await this.rollouts.check(scope, params.release, query);
  }

  @Api('releaseComponents')
  async components(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'releaseComponents'>,
  ): Promise<ApiOutput<'releaseComponents'>> {
    const bom = await keptBom(this.stores, scope, params.release);
    return JSON.parse(bom) as ApiOutput<'releaseComponents'>;
  }

  @Api('releaseProvenance')
  async provenance(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'releaseProvenance'>,
  ): Promise<ApiOutput<'releaseProvenance'>> {
    const { release } = params;
    const envelope = envelopeOf(await this.stores.releases.statement(scope, release));
    if (!envelope) throw new FleetError('releases.no-provenance', { release });
    return envelope;
  }

  @Api('signingKeyList')
  async signingKeys(@Scope() scope: ProjectScope): Promise<ApiOutput<'signingKeyList'>> {
    return { items: await this.keys.list(scope), nextCursor: null };
  }

  @Api('signingKeyRotate')
  async rotate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'signingKeyRotate'>,
  ): Promise<ApiOutput<'signingKeyRotate'>> {
    return await this.rotation.rotate(caller.actor, scope, body.publicKeyHex);
  }

  @Api('keyHandoverList')
  async handovers(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'keyHandoverList'>,
  ): Promise<ApiOutput<'keyHandoverList'>> {
    return await this.handover.list(scope, params.keyId, query);
  }

  @Api('keyHandoverAdd')
  async addHandovers(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'keyHandoverAdd'>,
  ): Promise<ApiOutput<'keyHandoverAdd'>> {
    return await this.handover.accept(caller.actor, scope, params.keyId, body);
  }

  @Api('signingKeyActivate')
  async activate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'signingKeyActivate'>,
  ): Promise<ApiOutput<'signingKeyActivate'>> {
    return await this.rotation.activate(caller.actor, scope, { keyId: params.keyId, force: body.force });
  }

  @Api('signingKeyWithdraw')
  async withdraw(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'signingKeyWithdraw'>,
  ): Promise<ApiOutput<'signingKeyWithdraw'>> {
    return await this.rotation.withdraw(caller.actor, scope, params.keyId, body.reason);
  }

  @Api('signingKeyRevoke')
  async revokeKey(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'signingKeyRevoke'>,
  ): Promise<ApiOutput<'signingKeyRevoke'>> {
    return await this.rotation.revoke(caller.actor, scope, params.keyId, body.reason);
  }
}
