/** Telemetry windows of one device. */
import { Controller } from '@nestjs/common';
import type { ProjectScope } from '@tinyfleet/contracts';
import { PgStores, PgTelemetryReader } from '@tinyfleet/storage';
import { Api, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class TelemetryController {
  constructor(
    private readonly telemetry: PgTelemetryReader,
    private readonly stores: PgStores,
  ) {}

  @Api('deviceTelemetry')
  async windows(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceTelemetry'>,
  ): Promise<ApiOutput<'deviceTelemetry'>> {
    const page = await this.telemetry.windows(scope, params.device, query);
    // An empty page of an unknown device is a mistake of the asker.
    if (page.items.length === 0) await this.stores.devices.get(scope, params.device);
    return page;
  }
}
