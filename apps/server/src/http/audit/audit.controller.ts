/** The audit log of a project and of the instance: searched by pages, exported as a stream. */
import { Readable } from 'node:stream';
import { Controller, StreamableFile } from '@nestjs/common';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { PgStores } from '@tinyfleet/storage';
import { Api, Input, Scope, type ApiInput, type ApiOutput } from '../api.js';
import { exportLines } from './audit-export.js';

@Controller()
export class AuditController {
  constructor(private readonly stores: PgStores) {}

  @Api('auditList')
  async list(
    @Scope() scope: ProjectScope,
    @Input() { query }: ApiInput<'auditList'>,
  ): Promise<ApiOutput<'auditList'>> {
    return await this.stores.audit.list(scope, query);
  }

  @Api('instanceAuditList')
  async listAll(@Input() { query }: ApiInput<'instanceAuditList'>): Promise<ApiOutput<'instanceAuditList'>> {
    return await this.stores.audit.list(null, query);
  }

  @Api('auditExport')
  export(@Scope() scope: ProjectScope, @Input() { query }: ApiInput<'auditExport'>): StreamableFile {
    return this.stream(scope, query);
  }

  @Api('instanceAuditExport')
  exportAll(@Input() { query }: ApiInput<'instanceAuditExport'>): StreamableFile {
    return this.stream(null, query);
  }

  private stream(
    scope: ProjectScope | null,
    { format, ...filter }: Resource<'AuditExportQuery'>,
  ): StreamableFile {
    const lines = exportLines(
      async (page) => await this.stores.audit.list(scope, { ...filter, ...page }),
      format,
    );
    const type = format === 'csv' ? 'text/csv; charset=utf-8' : 'application/x-ndjson';
    const name = `audit-${scope?.name ?? 'instance'}.${format}`;
    return new StreamableFile(Readable.from(lines, { objectMode: false, highWaterMark: 65_536 }), {
      type,
      disposition: `attachment; filename="${name}"`,
    });
  }
}
