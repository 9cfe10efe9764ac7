/** Signing in and out in a browser. */
import { Controller, Req, Res } from '@nestjs/common';
import { AuthService, type Caller as AuthCaller } from '@tinyfleet/auth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Server } from '../../platform/server.js';
import { Api, Caller, Input, type ApiInput, type ApiOutput } from '../api.js';
import { SESSION_COOKIE, clearSessionCookie, readCookie, setSessionCookie } from './cookie.js';

@Controller()
export class SessionController {
  constructor(
    private readonly auth: AuthService,
    private readonly server: Server,
  ) {}

  @Api('login')
  async logIn(
    @Input() { body }: ApiInput<'login'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'login'>> {
    const { secret } = await this.auth.logIn(body.email, body.password, request.ip);
    setSessionCookie(request, reply, secret, this.server.config.sessionDays);
    return await this.auth.describe(await this.auth.callerOf({ sessionSecret: secret }));
  }

  @Api('logout')
  async logOut(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<void> {
    const secret = readCookie(request, SESSION_COOKIE);
    if (secret !== undefined) await this.auth.logOut(secret);
    clearSessionCookie(request, reply);
  }

  @Api('me')
  async me(@Caller() caller: AuthCaller): Promise<ApiOutput<'me'>> {
    return await this.auth.describe(caller);
  }
}
