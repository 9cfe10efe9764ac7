/** API tokens of the caller. */
import { Controller } from '@nestjs/common';
import { TokenService, type Caller as AuthCaller } from '@tinyfleet/auth';
import { Api, Caller, Input, type ApiInput, type ApiOutput } from '../api.js';
import { ProjectAccess } from '../project-access.js';

@Controller()
export class TokenController {
  constructor(
    private readonly tokens: TokenService,
    private readonly access: ProjectAccess,
  ) {}

  @Api('tokenList')
  async list(@Caller() caller: AuthCaller): Promise<ApiOutput<'tokenList'>> {
    return await this.tokens.list(caller);
  }

  @Api('tokenCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'tokenCreate'>,
  ): Promise<ApiOutput<'tokenCreate'>> {
    const project = body.project === null ? null : (await this.access.admit(caller, body.project)).scope;
    return await this.tokens.add(caller, body, project);
  }

  @Api('tokenDelete')
  async remove(@Caller() caller: AuthCaller, @Input() { params }: ApiInput<'tokenDelete'>): Promise<void> {
    await this.tokens.remove(caller, params.name);
  }
}
