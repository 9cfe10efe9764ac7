/** Firmware: images, by version and device type. */
import { Controller } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FirmwareService } from '@tinyfleet/releases';
import { PgStores } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class FirmwareController {
  constructor(
    private readonly firmware: FirmwareService,
    private readonly stores: PgStores,
  ) {}

  @Api('firmwareList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'firmwareList'>,
  ): Promise<ApiOutput<'firmwareList'>> {
    return await this.stores.firmware.list(scope, query);
  }

  @Api('firmwareImageList')
  async images(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'firmwareImageList'>,
  ): Promise<ApiOutput<'firmwareImageList'>> {
    return await this.stores.firmware.images(scope, params.firmware, query);
  }

  @Api('firmwareImport')
  async import(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params, query, body }: ApiInput<'firmwareImport'>,
  ): Promise<ApiOutput<'firmwareImport'>> {
    const { version, deviceType, fileName, from, ops, sensors, ...provides } = query;
    return await this.firmware.import(caller.actor, scope, {
      firmware: params.firmware,
      version,
      type: await this.stores.types.get(scope, deviceType),
      fileName,
      provides: {
        ...provides,
        ...(ops === undefined ? {} : { ops: words(ops) }),
        ...(sensors === undefined ? {} : { sensors: words(sensors) }),
      },
      from: from ?? null,
      content: body,
    });
  }

  @Api('firmwareRemove')
  async remove(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'firmwareRemove'>,
  ): Promise<void> {
    await this.firmware.remove(caller.actor, scope, params.firmware, params.firmwareVersion);
  }
}

const words = (text: string): string[] =>
  text
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '');
