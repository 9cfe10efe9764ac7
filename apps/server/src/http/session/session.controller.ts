/** Signing in and out in a browser, one's sessions and password. */
import { Controller, Req, Res } from '@nestjs/common';
import { AuthService, CliLoginService, PeopleService, type Caller as AuthCaller } from '@tinyfleet/auth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Server } from '../../platform/server.js';
import { Api, Caller, Input, type ApiInput, type ApiOutput } from '../api.js';
import { OIDC_LOGIN_PATH } from '../oidc/oidc-path.js';
import { BrowserSessions } from './browser-sessions.js';

@Controller()
export class SessionController {
  constructor(
    private readonly auth: AuthService,
    private readonly people: PeopleService,
    private readonly cli: CliLoginService,
    private readonly browsers: BrowserSessions,
    private readonly server: Server,
  ) {}

  @Api('loginOptions')
  options(): ApiOutput<'loginOptions'> {
    const { config } = this.server;
    const provider = { name: config['oidc.name'], path: OIDC_LOGIN_PATH };
    return { provider: config['oidc.issuer'] === undefined ? null : provider };
  }

  @Api('login')
  async logIn(
    @Input() { body }: ApiInput<'login'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'login'>> {
    const { secret } = await this.auth.logIn(body.email, body.password, this.browsers.clientOf(request));
    return await this.browsers.keep(request, reply, secret);
  }

  @Api('logout')
  async logOut(
    @Caller() caller: AuthCaller,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const secret = this.browsers.secretOf(request);
    if (secret !== undefined && caller.credential.via === 'session') await this.auth.logOut(caller, secret);
    this.browsers.clear(request, reply);
  }

  @Api('me')
  async me(@Caller() caller: AuthCaller): Promise<ApiOutput<'me'>> {
    return await this.auth.describe(caller);
  }

  @Api('cliLoginApprove')
  async approveCli(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'cliLoginApprove'>,
  ): Promise<ApiOutput<'cliLoginApprove'>> {
    return await this.cli.approve(caller, body);
  }

  @Api('cliLoginRedeem')
  async redeemCli(
    @Input() { body }: ApiInput<'cliLoginRedeem'>,
    @Req() request: FastifyRequest,
  ): Promise<ApiOutput<'cliLoginRedeem'>> {
    const client = { address: request.ip, userAgent: request.headers['user-agent'] };
    return await this.cli.redeem(body, client);
  }

  @Api('passwordChange')
  async changePassword(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'passwordChange'>,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.auth.changePassword(caller, body.current, body.password, request.ip);
  }

  @Api('passwordReset')
  async resetPassword(
    @Input() { body }: ApiInput<'passwordReset'>,
    @Req() request: FastifyRequest,
  ): Promise<void> {
    await this.people.redeemReset(body.token, body.password, request.ip);
  }

  @Api('sessionList')
  async sessions(@Caller() caller: AuthCaller): Promise<ApiOutput<'sessionList'>> {
    return { items: await this.auth.listSessions(caller), nextCursor: null };
  }

  @Api('sessionDelete')
  async endSession(
    @Caller() caller: AuthCaller,
    @Input() { params }: ApiInput<'sessionDelete'>,
  ): Promise<void> {
    await this.auth.endSession(caller, params.id);
  }

  @Api('sessionDeleteOthers')
  async endOthers(@Caller() caller: AuthCaller): Promise<void> {
    await this.auth.endOtherSessions(caller);
  }
}
