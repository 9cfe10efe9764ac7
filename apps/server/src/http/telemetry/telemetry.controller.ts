/** Telemetry windows and the log of one device; what a project's devices sent in vain; how long all of it is kept; windows out to a file and back. */
import { Readable } from 'node:stream';
import { Controller, StreamableFile } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { PgStores, PgTelemetryReader } from '@tinyfleet/storage';
import { BackfillService, RetentionService } from '@tinyfleet/telemetry';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

@Controller()
export class TelemetryController {
  constructor(
    private readonly telemetry: PgTelemetryReader,
    private readonly stores: PgStores,
    private readonly retention: RetentionService,
    private readonly backfill: BackfillService,
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

  @Api('deviceConnections')
  async connections(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceConnections'>,
  ): Promise<ApiOutput<'deviceConnections'>> {
    return await this.telemetry.connections(scope, params.device, query.days);
  }

  @Api('deviceLog')
  async log(
    @Scope() scope: ProjectScope,
    @Input() { params, query }: ApiInput<'deviceLog'>,
  ): Promise<ApiOutput<'deviceLog'>> {
    return await this.telemetry.log(scope, params.device, query);
  }

  @Api('telemetryRefusalList')
  async refusals(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'telemetryRefusalList'>,
  ): Promise<ApiOutput<'telemetryRefusalList'>> {
    return await this.telemetry.refusals(scope, query);
  }

  @Api('telemetryGapList')
  async gaps(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'telemetryGapList'>,
  ): Promise<ApiOutput<'telemetryGapList'>> {
    return await this.telemetry.gaps(scope, query);
  }

  @Api('retentionGet')
  async kept(@Scope() scope: ProjectScope): Promise<ApiOutput<'retentionGet'>> {
    return await this.retention.get(scope);
  }

  @Api('retentionSet')
  async keep(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'retentionSet'>,
  ): Promise<ApiOutput<'retentionSet'>> {
    return await this.retention.set(caller.actor, scope, body);
  }

  @Api('telemetryExport')
  async export(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'telemetryExport'>,
  ): Promise<StreamableFile> {
    const lines = await this.telemetry.exportLines(scope, query);
    return new StreamableFile(Readable.from(lines, { objectMode: false, highWaterMark: 65_536 }), {
      type: 'application/x-ndjson',
      disposition: `attachment; filename="windows-${scope.name}.ndjson"`,
    });
  }

  @Api('telemetryBackfill')
  async add(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'telemetryBackfill'>,
  ): Promise<ApiOutput<'telemetryBackfill'>> {
    return await this.backfill.add(caller.actor, scope, body);
  }

  @Api('rollupRebuild')
  async rebuild(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { body }: ApiInput<'rollupRebuild'>,
  ): Promise<ApiOutput<'rollupRebuild'>> {
    return await this.backfill.rebuild(caller.actor, scope, body.day);
  }
}
