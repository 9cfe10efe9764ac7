/** Devices: registration, list, tags, commands. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import { CommandService, DeviceService } from '@tinyfleet/registry';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class DeviceController {
  constructor(
    private readonly devices: DeviceService,
    private readonly commands: CommandService,
    private readonly stores: PgStores,
  ) {}

  @Api('deviceList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'deviceList'>,
  ): Promise<ApiOutput<'deviceList'>> {
    return await this.stores.devices.list(scope, parseFilter(query.filter ?? ''), query);
  }

  @Api('deviceRegister')
  async register(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'deviceRegister'>,
  ): Promise<ApiOutput<'deviceRegister'>> {
    const [registered] = await this.devices.register(caller.actor, scope, [body]);
    return registered!;
  }

  @Api('deviceRegisterMany')
  async registerMany(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'deviceRegisterMany'>,
  ): Promise<ApiOutput<'deviceRegisterMany'>> {
    return { items: await this.devices.register(caller.actor, scope, body.devices) };
  }

  @Api('deviceGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceGet'>,
  ): Promise<ApiOutput<'deviceGet'>> {
    return await this.stores.devices.detail(scope, params.device);
  }

  @Api('deviceUpdate')
  async update(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceUpdate'>,
  ): Promise<ApiOutput<'deviceUpdate'>> {
    return await this.devices.update(caller.actor, scope, params.device, body);
  }

  @Api('deviceAttributes')
  async attributes(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceAttributes'>,
  ): Promise<ApiOutput<'deviceAttributes'>> {
    return await this.devices.setAttributes(caller.actor, scope, params.device, body);
  }

  @Api('deviceAttributeChanges')
  async attributeChanges(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceAttributeChanges'>,
  ): Promise<ApiOutput<'deviceAttributeChanges'>> {
    return await this.stores.devices.attributeChanges(scope, params.device, query);
  }

  @Api('deviceSuspend')
  async suspend(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceSuspend'>,
  ): Promise<ApiOutput<'deviceSuspend'>> {
    return await this.devices.move(caller.actor, scope, params.device, 'suspend');
  }

  @Api('deviceResume')
  async resume(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceResume'>,
  ): Promise<ApiOutput<'deviceResume'>> {
    return await this.devices.move(caller.actor, scope, params.device, 'resume');
  }

  @Api('deviceRetire')
  async retire(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceRetire'>,
  ): Promise<ApiOutput<'deviceRetire'>> {
    return await this.devices.move(caller.actor, scope, params.device, 'retire');
  }

  @Api('deviceDelete')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceDelete'>,
  ): Promise<void> {
    await this.devices.remove(caller.actor, scope, params.device);
  }

  @Api('deviceCommandSend')
  async send(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, body }: ApiInput<'deviceCommandSend'>,
  ): Promise<ApiOutput<'deviceCommandSend'>> {
    return await this.commands.send(caller.actor, scope, params.device, body);
  }

  @Api('deviceCommandList')
  async listCommands(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceCommandList'>,
  ): Promise<ApiOutput<'deviceCommandList'>> {
    return await this.stores.commands.list(scope, params.device, query);
  }
}
