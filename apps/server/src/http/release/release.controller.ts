/** Releases and the keys that sign them. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { KeyRotationService, ReleaseService, SigningKeyService } from '@tinyfleet/releases';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class ReleaseController {
  constructor(
    private readonly releases: ReleaseService,
    private readonly keys: SigningKeyService,
    private readonly rotation: KeyRotationService,
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

  @Api('signingKeyList')
  async signingKeys(@Scope() scope: ProjectScope): Promise<ApiOutput<'signingKeyList'>> {
    return { items: await this.keys.list(scope), nextCursor: null };
  }

  @Api('signingKeyRotate')
  async rotate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
  ): Promise<ApiOutput<'signingKeyRotate'>> {
    return await this.rotation.rotate(caller.actor, scope);
  }

  @Api('signingKeyActivate')
  async activate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'signingKeyActivate'>,
  ): Promise<ApiOutput<'signingKeyActivate'>> {
    return await this.rotation.activate(caller.actor, scope, { keyId: params.keyId, force: body.force });
  }
}
