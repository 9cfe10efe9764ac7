/** Device types: built in and own. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { DeviceTypeService } from '@tinyfleet/registry';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class DeviceTypeController {
  constructor(
    private readonly types: DeviceTypeService,
    private readonly stores: PgStores,
  ) {}

  @Api('deviceTypeList')
  async list(@Scope() scope: ProjectScope): Promise<ApiOutput<'deviceTypeList'>> {
    return { items: await this.stores.types.list(scope), nextCursor: null };
  }

  @Api('deviceTypeCreate')
  async add(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'deviceTypeCreate'>,
  ): Promise<ApiOutput<'deviceTypeCreate'>> {
    return await this.types.add(caller.actor, scope, body);
  }

  @Api('deviceTypeGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceTypeGet'>,
  ): Promise<ApiOutput<'deviceTypeGet'>> {
    return await this.types.get(scope, params.deviceType);
  }

  @Api('deviceTypeUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceTypeUpdate'>,
  ): Promise<ApiOutput<'deviceTypeUpdate'>> {
    return await this.types.update(caller.actor, scope, params.deviceType, body);
  }

  @Api('deviceTypeDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceTypeDelete'>,
  ): Promise<void> {
    await this.types.remove(caller.actor, scope, params.deviceType);
  }
}
