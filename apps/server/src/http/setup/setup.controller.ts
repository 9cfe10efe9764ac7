/** The first administrator, where devices connect, and the effective configuration. */
import { Controller, Req, Res } from '@nestjs/common';
import { AuthService, type Caller as AuthCaller } from '@tinyfleet/auth';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Server } from '../../platform/server.js';
import { Api, Caller, Input, type ApiInput, type ApiOutput } from '../api.js';
import { BrowserSessions } from '../session/browser-sessions.js';
import { setupPath } from './setup-path.js';

@Controller()
export class SetupController {
  constructor(
    private readonly auth: AuthService,
    private readonly browsers: BrowserSessions,
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
    return await this.browsers.open(request, reply, person, 'link');
  }

  @Api('setupLink')
  async link(@Caller() caller: AuthCaller): Promise<ApiOutput<'setupLink'>> {
    return { path: setupPath(await this.auth.makeSetupToken(caller.actor)) };
  }

  @Api('deviceEndpointGet')
  endpoint(): ApiOutput<'deviceEndpointGet'> {
    return this.server.devicePorts;
  }

  @Api('config')
  config(): ApiOutput<'config'> {
    return this.server.describeConfig();
  }
}
