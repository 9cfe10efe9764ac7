/** Imports and exports of devices as CSV: bodies and answers are streams. */
import { Readable } from 'node:stream';
import { Controller, StreamableFile } from '@nestjs/common';
import type { Caller as AuthCaller } from '@tinyfleet/auth';
import type { ProjectScope } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import { DeviceImportService } from '@tinyfleet/registry';
import { PgDeviceImportStore } from '@tinyfleet/storage';
import { Api, Caller, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';

const csv = (chunks: AsyncIterable<string>, fileName: string): StreamableFile =>
  new StreamableFile(Readable.from(chunks, { objectMode: false }), {
    type: 'text/csv; charset=utf-8; header=present',
    disposition: `attachment; filename="${fileName}"`,
  });

@Controller()
export class DeviceImportController {
  constructor(
    private readonly imports: DeviceImportService,
    private readonly store: PgDeviceImportStore,
  ) {}

  @Api('deviceImport')
  async run(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { query, body }: ApiInput<'deviceImport'>,
  ): Promise<ApiOutput<'deviceImport'>> {
    return await this.imports.run(caller.actor, scope, body, query);
  }

  @Api('deviceImportList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'deviceImportList'>,
  ): Promise<ApiOutput<'deviceImportList'>> {
    return await this.store.list(scope, query);
  }

  @Api('deviceImportGet')
  async get(
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceImportGet'>,
  ): Promise<ApiOutput<'deviceImportGet'>> {
    return await this.store.get(scope, params.import);
  }

  @Api('deviceImportTokens')
  async tokens(
    @Caller() caller: AuthCaller,
    @Scope() scope: ProjectScope,
    @Input() { params }: ApiInput<'deviceImportTokens'>,
  ): Promise<StreamableFile> {
    return csv(await this.imports.tokens(caller.actor, scope, params.import), 'tokens.csv');
  }

  @Api('deviceExport')
  async export(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'deviceExport'>,
  ): Promise<StreamableFile> {
    return csv(this.imports.export(scope, parseFilter(query.filter ?? '')), `${scope.name}-devices.csv`);
  }
}
