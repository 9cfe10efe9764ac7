/** The first administrator, and the effective configuration. */
import { Controller, Req, Res } from '@nestjs/common';
import { AuthService } from '@tinyfleet/auth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Server } from '../../platform/server.js';
import { Api, Input, type ApiInput, type ApiOutput } from '../api.js';
import { setSessionCookie } from '../session/cookie.js';
import { setupPath } from './setup-path.js';

@Controller()
export class SetupController {
  constructor(
    private readonly auth: AuthService,
    private readonly server: Server,
  ) {}

  @Api('setupState')
  async state(): Promise<ApiOutput<'setupState'>> {
    return { done: await this.auth.isSetUp(), serverVersion: this.server.version };
  }

  @Api('setup')
  async setUp(
    @Input() { body }: ApiInput<'setup'>,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ApiOutput<'setup'>> {
    const person = await this.auth.setUp(body, request.ip);
    const secret = await this.auth.openSession(person);
    setSessionCookie(request, reply, secret, this.server.config.sessionDays);
    return await this.auth.describe(await this.auth.callerOf({ sessionSecret: secret }));
  }

  @Api('setupLink')
  async link(): Promise<ApiOutput<'setupLink'>> {
    return { path: setupPath(await this.auth.makeSetupToken()) };
  }

  @Api('config')
  config(): ApiOutput<'config'> {
    return this.server.describeConfig();
  }
}
