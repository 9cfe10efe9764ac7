/** What people prepare for devices that register themselves: keys, the queue, claim codes, certificate authorities. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { AuthorityService, ProvisioningService } from '@tinyfleet/registry';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class ProvisioningController {
  constructor(
    private readonly provisioning: ProvisioningService,
    private readonly authorities: AuthorityService,
  ) {}

  @Api('provisioningKeyList')
  async listKeys(@Scope() scope: ProjectScope): Promise<ApiOutput<'provisioningKeyList'>> {
    return { items: await this.provisioning.listKeys(scope), nextCursor: null };
  }

  @Api('provisioningKeyCreate')
  async createKey(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'provisioningKeyCreate'>,
  ): Promise<ApiOutput<'provisioningKeyCreate'>> {
    return await this.provisioning.addKey(caller.actor, scope, body);
  }

  @Api('provisioningKeyRevoke')
  async revokeKey(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'provisioningKeyRevoke'>,
  ): Promise<void> {
    await this.provisioning.revokeKey(caller.actor, scope, params.key);
  }

  @Api('enrolmentList')
  async listEnrolments(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'enrolmentList'>,
  ): Promise<ApiOutput<'enrolmentList'>> {
    return await this.provisioning.listEnrolments(scope, query.state, query);
  }

  @Api('enrolmentApprove')
  async approve(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'enrolmentApprove'>,
  ): Promise<void> {
    await this.provisioning.approve(caller.actor, scope, params.device);
  }

  @Api('enrolmentReject')
  async reject(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'enrolmentReject'>,
  ): Promise<void> {
    await this.provisioning.reject(caller.actor, scope, params.device);
  }

  @Api('claimCodeCreate')
  async claimCode(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'claimCodeCreate'>,
  ): Promise<ApiOutput<'claimCodeCreate'>> {
    return await this.provisioning.makeClaimCode(caller.actor, scope, params.device, body);
  }

  @Api('deviceCertificate')
  async sign(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceCertificate'>,
  ): Promise<ApiOutput<'deviceCertificate'>> {
    return await this.authorities.signFor(caller.actor, scope, params.device, body);
  }

  @Api('authorityList')
  async listAuthorities(@Scope() scope: ProjectScope): Promise<ApiOutput<'authorityList'>> {
    return { items: await this.authorities.list(scope), nextCursor: null };
  }

  @Api('authorityCreate')
  async createAuthority(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'authorityCreate'>,
  ): Promise<ApiOutput<'authorityCreate'>> {
    return await this.authorities.add(caller.actor, scope, body);
  }

  @Api('authorityProve')
  async prove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'authorityProve'>,
  ): Promise<ApiOutput<'authorityProve'>> {
    return await this.authorities.prove(caller.actor, scope, params.authority, body.certificate);
  }

  @Api('authorityUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'authorityUpdate'>,
  ): Promise<ApiOutput<'authorityUpdate'>> {
    return await this.authorities.update(caller.actor, scope, params.authority, body);
  }

  @Api('authorityRevokeSerial')
  async revokeSerial(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'authorityRevokeSerial'>,
  ): Promise<void> {
    await this.authorities.revokeSerial(caller.actor, scope, params.authority, body);
  }

  @Api('authorityCrl')
  async takeCrl(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'authorityCrl'>,
  ): Promise<ApiOutput<'authorityCrl'>> {
    return await this.authorities.takeRevocationList(caller.actor, scope, params.authority, body.crl);
  }

  @Api('authorityDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'authorityDelete'>,
  ): Promise<void> {
    await this.authorities.remove(caller.actor, scope, params.authority);
  }
}
