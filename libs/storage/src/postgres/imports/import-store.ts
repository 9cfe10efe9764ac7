/** The log of imports, their stages, and reads of many devices in pages for exports. */
import type { Page, PageRequest, ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import type {
  DeviceImport,
  DeviceImportStore,
  ExportRow,
  ImportOutcome,
  ImportProgress,
  ImportStage,
  NewImport,
} from '@tinyfleet/registry';
import { isDuplicate, type Database } from '../database.js';
import { DEVICE_FROM } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { namedQuery } from '../queries/index.js';
import { cursorId, iso, isoOrNull, toPage } from '../stores/page.js';
import { PgImportStage } from './import-stage.js';

const PAGE = 2_000;
/** An import that has not reported for so long has ended with its process. */
const DEAD_SECONDS = 60;
/** Imports shown in lists; older ones are forgotten when a new one begins. */
const KEPT = 1_000;

interface ImportRecord {
  id: string;
  state: DeviceImport['state'];
  dead: boolean;
  dry_run: boolean;
  on_conflict: DeviceImport['onConflict'];
  row_count: string;
  added: string;
  updated: string;
  skipped: string;
  error_count: string;
  errors: DeviceImport['errors'];
  problem: DeviceImport['problem'];
  tokens_until: Date | null;
  created_by: string;
  created_at: Date;
  finished_at: Date | null;
}
const COLUMNS = `id, state, finished_at is null and updated_at < now() - make_interval(secs => ${DEAD_SECONDS}) as dead, dry_run,
  on_conflict, row_count, added, updated, skipped, error_count, errors, problem,
  case when tokens_until > now() and sealed_secret is not null then tokens_until end as tokens_until, created_by,
  created_at, finished_at`;

export class PgDeviceImportStore implements DeviceImportStore {
  constructor(
    private readonly database: Database,
    private readonly maxAttributes: number,
  ) {}

  async add(scope: ProjectScope, { id, dryRun, onConflict, createdBy }: NewImport): Promise<void> {
    try {
      await this.database.query(
        `insert into device_import (project_id, id, state, dry_run, on_conflict, created_by) values ($1, $2, 'reading', $3, $4, $5)`,
        [scope.id, id, dryRun, onConflict, createdBy],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('registry.import-exists', { import: id }) : error;
    }
    await this.database.execute(
      `delete from device_import where project_id = $1 and finished_at is not null and id in (
         select id from device_import where project_id = $1 order by created_at desc offset $2)`,
      [scope.id, KEPT],
    );
  }

  async report(scope: ProjectScope, id: string, now: ImportProgress): Promise<void> {
    await this.database.execute(
      `update device_import set state = $3, row_count = $4, added = $5, updated = $6, skipped = $7, updated_at = now()
       where project_id = $1 and id = $2 and finished_at is null`,
      [scope.id, id, now.state, now.rows, now.added, now.updated, now.skipped],
    );
  }

  async finish(scope: ProjectScope, id: string, outcome: ImportOutcome): Promise<void> {
    const { state, rows, added, updated, skipped, errorCount, errors, problem, tokens } = outcome;
    await this.database.execute(
      `update device_import set state = $3, row_count = $4, added = $5, updated = $6, skipped = $7, error_count = $8,
         errors = $9, problem = $10, sealed_secret = $11, tokens_until = $12, updated_at = now(), finished_at = now()
       where project_id = $1 and id = $2`,
      [
        scope.id,
        id,
        state,
        rows,
        added,
        updated,
        skipped,
        errorCount,
        JSON.stringify(errors),
        problem === null ? null : JSON.stringify(problem),
        tokens?.sealedSecret ?? null,
        tokens?.until ?? null,
      ],
    );
  }

  async get(scope: ProjectScope, id: string): Promise<DeviceImport> {
    const [row] = await this.database.query<ImportRecord>(
      `select ${COLUMNS} from device_import where project_id = $1 and id = $2`,
      [scope.id, id],
    );
    if (!row) throw new FleetError('registry.import-not-found', { import: id });
    return toImport(row);
  }

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<DeviceImport>> {
    const rows = await this.database.query<ImportRecord>(
      `select ${COLUMNS} from device_import
       where project_id = $1 and ($2::uuid is null or (created_at, id) <
         (select created_at, id from device_import where project_id = $1 and id = $2::uuid))
       order by created_at desc, id desc limit $3`,
      [scope.id, cursorId(page) ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.id], toImport);
  }

  async staged<T>(
    scope: ProjectScope,
    createdBy: string,
    work: (stage: ImportStage) => Promise<T>,
  ): Promise<T> {
    return await this.database.session(async (session) => {
      await session.query('drop table if exists pg_temp.device_import_stage');
      await session.query(namedQuery('registry/import-stage'));
      try {
        return await work(new PgImportStage(session, scope, createdBy, this.maxAttributes));
      } finally {
        await session.query('drop table if exists pg_temp.device_import_stage').catch(() => {});
      }
    });
  }

  async sealedSecret(scope: ProjectScope, id: string): Promise<Buffer | undefined> {
    const [row] = await this.database.query<{ sealed_secret: Buffer | null }>(
      `select sealed_secret from device_import where project_id = $1 and id = $2 and tokens_until > now()`,
      [scope.id, id],
    );
    return row?.sealed_secret ?? undefined;
  }

  async forgetSecret(scope: ProjectScope, id: string): Promise<void> {
    await this.database.execute(
      'update device_import set sealed_secret = null where project_id = $1 and id = $2',
      [scope.id, id],
    );
  }

  async *tokenHashes(scope: ProjectScope, id: string) {
    let after: { created_at: string; name: string } | undefined;
    for (;;) {
      const rows = await this.database.query<{ name: string; hash: Buffer; created_at: string }>(
        namedQuery('registry/import-token-hashes'),
        [scope.id, id, after?.created_at ?? null, after?.name ?? null, PAGE],
      );
      if (rows.length > 0) yield rows;
      after = rows.at(-1);
      if (rows.length < PAGE) return;
    }
  }

  async attributeKeys(scope: ProjectScope, filter: Filter): Promise<string[]> {
    const parameters = new Parameters([scope.id]);
    const names = await loadFilterNames(this.database, scope, filter);
    const rows = await this.database.query<{ key: string }>(
      `select distinct key ${DEVICE_FROM} cross join lateral jsonb_object_keys(d.desired) as key
       where d.project_id = $1 and d.desired <> '{}' and ${filterSql(filter, parameters, names)} order by key`,
      parameters.values,
    );
    return rows.map(({ key }) => key);
  }

  async *export(scope: ProjectScope, filter: Filter): AsyncGenerator<ExportRow[]> {
    let after: string | null = null;
    const names = await loadFilterNames(this.database, scope, filter);
    for (;;) {
      const parameters: Parameters = new Parameters([scope.id, after, PAGE]);
      const rows: ExportRow[] = await this.database.query<ExportRow>(
        `select d.name, t.name as type, d.tags, d.site, d.hardware_revision as "hardwareRevision", d.notes, d.desired as attributes
         ${DEVICE_FROM} where d.project_id = $1 and ($2::text is null or d.name > $2) and ${filterSql(filter, parameters, names)}
         order by d.name limit $3`,
        parameters.values,
      );
      if (rows.length > 0) yield rows;
      after = rows.at(-1)?.name ?? null;
      if (rows.length < PAGE) return;
    }
  }
}

function toImport(row: ImportRecord): DeviceImport {
  return {
    id: row.id,
    state: row.dead ? 'failed' : row.state,
    dryRun: row.dry_run,
    onConflict: row.on_conflict,
    rows: Number(row.row_count),
    added: row.dead ? 0 : Number(row.added),
    updated: row.dead ? 0 : Number(row.updated),
    skipped: Number(row.skipped),
    errorCount: Number(row.error_count),
    errors: row.errors,
    problem: row.dead ? new FleetError('registry.import-interrupted').toProblem() : row.problem,
    tokensUntil: isoOrNull(row.tokens_until),
    createdBy: row.created_by,
    createdAt: iso(row.created_at),
    finishedAt: isoOrNull(row.finished_at),
  };
}
