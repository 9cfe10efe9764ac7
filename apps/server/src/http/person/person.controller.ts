/** People of the instance, members of projects, invitations. */
import { Controller, Req, Res } from '@nestjs/common';
import { AuthService, PeopleService, type Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { PgStores } from '@tinyfleet/storage';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';
import { BrowserSessions } from '../session/browser-sessions.js';

@Controller()
export class PersonController {
  constructor(
    private readonly people: PeopleService,
    private readonly auth: AuthService,
    private readonly browsers: BrowserSessions,
    private readonly stores: PgStores,
  ) {}

  @Api('personList')
  async list(@Input() { query }: ApiInput<'personList'>): Promise<ApiOutput<'personList'>> {
    return await this.stores.people.list(query);
  }

  @Api('personGet')
  async get(@Input() { params }: ApiInput<'personGet'>): Promise<ApiOutput<'personGet'>> {
    return await this.stores.people.get(params.email.toLowerCase());
  }

  @Api('personUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Input() { params, body }: ApiInput<'personUpdate'>,
  ): Promise<ApiOutput<'personUpdate'>> {
    return await this.people.update(caller, params.email, body);
  }

  @Api('personReset')
  async reset(
    @Caller() caller: AuthCaller,
    @Input() { params }: ApiInput<'personReset'>,
  ): Promise<ApiOutput<'personReset'>> {
    return await this.people.makeReset(caller, params.email);
  }

  @Api('instanceInvitationList')
  async instanceInvitations(): Promise<ApiOutput<'instanceInvitationList'>> {
    return await this.stores.people.invitations(null, this.auth.now());
  }

  @Api('instanceInvitationCreate')
  async inviteToInstance(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'instanceInvitationCreate'>,
  ): Promise<ApiOutput<'instanceInvitationCreate'>> {
    return await this.people.invite(caller, null, body);
  }

  @Api('instanceInvitationDelete')
  async revokeInstanceInvitation(
    @Caller() caller: AuthCaller,
    @Input() { params }: ApiInput<'instanceInvitationDelete'>,
  ): Promise<void> {
    await this.people.revokeInvitation(caller, null, params.id);
  }

  @Api('invitationPreview')
  async preview(
    @Input() { body }: ApiInput<'invitationPreview'>,
    @Req() request: FastifyRequest,
  ): Promise<ApiOutput<'invitationPreview'>> {
    return await this.people.preview(body.token, request.ip);
  }

  @Api('invitationAccept')
  async accept(
    @Input() { body }: ApiInput<'invitationAccept'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'invitationAccept'>> {
    const signedInAs = await this.browsers.personIdOf(request);
    const person = await this.people.accept({ ...body, signedInAs, address: request.ip });
    return await this.browsers.open(request, reply, person, 'link');
  }

  @Api('memberList')
  async members(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'memberList'>,
  ): Promise<ApiOutput<'memberList'>> {
    return await this.stores.people.members(scope, query);
  }

  @Api('memberPut')
  async putMember(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'memberPut'>,
  ): Promise<ApiOutput<'memberPut'>> {
    return await this.people.putMember(caller, scope, params.email, body.role);
  }

  @Api('memberDelete')
  async removeMember(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'memberDelete'>,
  ): Promise<void> {
    await this.people.removeMember(caller, scope, params.email);
  }

  @Api('invitationList')
  async invitations(@Scope() scope: ProjectScope): Promise<ApiOutput<'invitationList'>> {
    return await this.stores.people.invitations(scope, this.auth.now());
  }

  @Api('invitationCreate')
  async invite(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'invitationCreate'>,
  ): Promise<ApiOutput<'invitationCreate'>> {
    return await this.people.invite(caller, scope, body);
  }

  @Api('invitationDelete')
  async revokeInvitation(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'invitationDelete'>,
  ): Promise<void> {
    await this.people.revokeInvitation(caller, scope, params.id);
  }
}
