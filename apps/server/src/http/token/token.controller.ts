/** API tokens of the caller. */
import { Controller } from '@nestjs/common';
import { AuthService, type Caller as AuthCaller } from '@tinyfleet/auth';
import { Api, Caller, Input, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class TokenController {
  constructor(private readonly auth: AuthService) {}

  @Api('tokenList')
  async list(@Caller() caller: AuthCaller): Promise<ApiOutput<'tokenList'>> {
    return await this.auth.listTokens(caller);
  }

  @Api('tokenCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Input() { body }: ApiInput<'tokenCreate'>,
  ): Promise<ApiOutput<'tokenCreate'>> {
    return await this.auth.addToken(caller, body.name);
  }

  @Api('tokenDelete')
  async remove(@Caller() caller: AuthCaller, @Input() { params }: ApiInput<'tokenDelete'>): Promise<void> {
    await this.auth.removeToken(caller, params.name);
  }
}
