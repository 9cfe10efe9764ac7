/** Credentials of devices: list, rotate, revoke. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { CredentialService } from '@tinyfleet/registry';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class CredentialController {
  constructor(private readonly credentials: CredentialService) {}

  @Api('deviceToken')
  async rotate(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceToken'>,
  ): Promise<ApiOutput<'deviceToken'>> {
    return await this.credentials.rotate(caller.actor, scope, params.device, body);
  }

  @Api('credentialList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'credentialList'>,
  ): Promise<ApiOutput<'credentialList'>> {
    return { items: await this.credentials.list(scope, params.device), nextCursor: null };
  }

  @Api('credentialRevokeAll')
  async revokeAll(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'credentialRevokeAll'>,
  ): Promise<void> {
    await this.credentials.revoke(caller.actor, scope, params.device);
  }

  @Api('credentialRevoke')
  async revoke(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'credentialRevoke'>,
  ): Promise<void> {
    await this.credentials.revoke(caller.actor, scope, params.device, params.credential);
  }
}
