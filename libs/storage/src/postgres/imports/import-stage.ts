/** The stage of one import: a temporary table of one connection, filled by COPY, checked and written from by sets. */
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError, isErrorCode } from '@tinyfleet/errors';
import type { ImportStage, OnConflict, RowError, StagedRow, StageErrors, Written } from '@tinyfleet/registry';
import { BinaryCopy, bytea, int4, nullable, text, uuid } from '../binary-copy.js';
import type { Session, Tx } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { PgAuditLog } from '../stores/audit-store.js';
import { PgEventSink } from '../stores/events.js';

/** Pages of the stage that one statement writes: some 2,000 rows, so progress is seen and triggers queue little. */
const PAGES_AT_ONCE = 32;
const PAGE_BYTES = 8_192;

interface CopyRow {
  readonly line: number;
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly tags: string | undefined;
  readonly site: string | undefined;
  readonly hardwareRevision: string | undefined;
  readonly notes: string | undefined;
  readonly attributes: string | undefined;
  readonly tokenHash: Buffer | undefined;
}

/** Length words, line, id and hash. */
const FIXED_BYTES = 2 + 10 * 4 + 4 + 16 + 32;

interface ErrorRow {
  line: number;
  column: string | null;
  code: string;
  name: string;
  type: string;
  first_line: number | null;
  total: number;
}

export class PgImportStage implements ImportStage {
  private readonly writer = new BinaryCopy<CopyRow>(
    'pg_temp.device_import_stage',
    {
      line: { column: 'line', type: int4 },
      id: { column: 'id', type: uuid },
      name: { column: 'name', type: text },
      type: { column: 'type', type: text },
      tags: { column: 'tags', type: nullable(text) },
      site: { column: 'site', type: nullable(text) },
      hardwareRevision: { column: 'hardware_revision', type: nullable(text) },
      notes: { column: 'notes', type: nullable(text) },
      attributes: { column: 'attributes', type: nullable(text) },
      tokenHash: { column: 'token_hash', type: nullable(bytea) },
    },
    (row) =>
      FIXED_BYTES +
      3 *
        (row.name.length +
          row.type.length +
          (row.tags?.length ?? 0) +
          (row.site?.length ?? 0) +
          (row.hardwareRevision?.length ?? 0) +
          (row.notes?.length ?? 0) +
          (row.attributes?.length ?? 0)),
  );

  constructor(
    private readonly session: Session,
    private readonly scope: ProjectScope,
    private readonly createdBy: string,
    private readonly maxAttributes: number,
  ) {}

  async append(rows: readonly StagedRow[]): Promise<void> {
    await this.writer.write(
      this.session.client,
      rows.map((row) => ({
        ...row,
        tags: row.tags?.join(','),
        attributes: row.attributes && JSON.stringify(row.attributes),
      })),
    );
  }

  async check(onConflict: OnConflict, most: number): Promise<StageErrors> {
    await this.session.query('analyze pg_temp.device_import_stage');
    const rows = await this.session.query<ErrorRow>(namedQuery('registry/import-check'), [
      this.scope.id,
      onConflict,
      most,
      this.maxAttributes,
    ]);
    return {
      count: rows[0]?.total ?? 0,
      errors: rows.map((row) => toError(row, this.maxAttributes)),
    };
  }

  async count(): Promise<{ known: number; unknown: number }> {
    const [row] = await this.session.query<{ known: number; unknown: number }>(
      namedQuery('registry/import-count'),
      [this.scope.id],
    );
    return row ?? { known: 0, unknown: 0 };
  }

  async write(
    onConflict: OnConflict,
    progress: (written: Written) => void,
    settle: Parameters<ImportStage['write']>[2],
  ): Promise<Written> {
    return await this.session.transaction(async (tx) => {
      const pages = await this.pages(tx);
      let added = 0;
      let updated = 0;
      for (let page = 0; page < pages; page += PAGES_AT_ONCE) {
        const part = [this.scope.id, `(${page},0)`, `(${page + PAGES_AT_ONCE},0)`];
        if (onConflict === 'update') updated += await tx.execute(namedQuery('registry/import-update'), part);
        const [made] = await tx.query<{ count: number }>(namedQuery('registry/import-insert'), [
          ...part,
          this.createdBy,
        ]);
        added += made?.count ?? 0;
        progress({ added, updated });
      }
      await settle({ audit: new PgAuditLog(tx), events: new PgEventSink(tx) }, { added, updated });
      return { added, updated };
    });
  }

  private async pages(tx: Tx): Promise<number> {
    const [row] = await tx.query<{ bytes: number }>(
      `select pg_relation_size('pg_temp.device_import_stage')::float8 as bytes`,
    );
    return Math.ceil((row?.bytes ?? 0) / PAGE_BYTES);
  }
}

/** The registered text of a code, with what it needs of the row. */
function toError(row: ErrorRow, maxAttributes: number): RowError {
  const { line, column, code, name, type } = row;
  const data = { device: name, type, line: row.first_line, count: row.first_line, limit: maxAttributes };
  const message = isErrorCode(code) ? new FleetError(code as 'registry.device-exists', data).message : code;
  return { line, column, code, message };
}
