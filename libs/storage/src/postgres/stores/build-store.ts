/** Builds: rows of jobs. Every change of state is one statement that names the state it leaves. */
import {
  Baseline,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { BuildJob, BuildOutcome, BuildRef, BuildSource, BuildStore } from '@tinyfleet/releases';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { specOf, type StoredSpec } from './device-store.js';
import { addBlob } from './model-store.js';
import { cursorId, iso, isoOrNull, toPage } from './page.js';

interface BuildListRow {
  id: string;
  model: string;
  version: string;
  type: string;
  state: Resource<'BuildState'>;
  stage: string;
  progress: number;
  created_at: Date;
  finished_at: Date | null;
  bundle_digest: Buffer | null;
  bundle_bytes: string | null;
  arena_bytes: number | null;
  error: Resource<'Problem'> | null;
}
const BUILD_FROM = `
  from build b
  join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'model'
  join device_type t on t.project_id = b.project_id and t.id = b.type_id`;
const BUILD_COLUMNS = `b.id, m.name as model, v.version, t.name as type, b.state, b.stage, b.progress, b.created_at,
  b.finished_at, b.bundle_digest, b.bundle_bytes, (b.report ->> 'arenaBytes')::int as arena_bytes, b.error`;
const NEWEST = `order by b.created_at desc, b.id desc limit 1`;

interface SourceRow {
  labels: string[];
  file_name: string;
  source_digest: Buffer;
  validation_inputs: Buffer | null;
  validation_labels: Buffer | null;
  validation_calibration: Buffer | null;
  type_name: string;
  builtin: boolean;
  spec: StoredSpec;
}
const SOURCE_COLUMNS = `v.labels, v.file_name, v.source_digest, v.validation_inputs, v.validation_labels,
  v.validation_calibration,   t.name as type_name, t.builtin, t.spec`;

export class PgBuildStore implements BuildStore {
  constructor(private readonly db: Db) {}

  async list(
    scope: ProjectScope,
    filter: { readonly model?: string | undefined; readonly version?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Resource<'Build'>>> {
    const after = cursorId(page);
    const rows = await this.db.query<BuildListRow>(
      `select ${BUILD_COLUMNS} ${BUILD_FROM}
       where b.project_id = $1 and ($2::uuid is null or b.id < $2::uuid)
         and ($3::text is null or m.name = $3) and ($4::text is null or v.version = $4)
       order by b.id desc limit $5`,
      [scope.id, after ?? null, filter.model ?? null, filter.version ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.id], toBuild);
  }

  async get(scope: ProjectScope, ref: BuildRef): Promise<Resource<'Build'>> {
    return (await this.locate(scope, ref)).build;
  }

  async locate(
    scope: ProjectScope,
    ref: BuildRef,
  ): Promise<{ readonly id: string; readonly build: Resource<'Build'> }> {
    const row = await this.newest<BuildListRow>(scope, ref, BUILD_COLUMNS);
    return { id: row.id, build: toBuild(row) };
  }

  async report(scope: ProjectScope, ref: BuildRef): Promise<Record<string, unknown>> {
    const row = await this.newest<{ state: string; report: Record<string, unknown> | null }>(
      scope,
      ref,
      'b.state, b.report',
    );
    if (row.report === null) throw new FleetError('builds.not-finished', { ...ref, state: row.state });
    return row.report;
  }

  async source(scope: ProjectScope, ref: BuildRef): Promise<BuildSource> {
    const [row] = await this.db.query<SourceRow>(
      `select ${SOURCE_COLUMNS} from model m
       join model_version v on v.project_id = m.project_id and v.model_id = m.id
       join device_type t on t.project_id = m.project_id
       where m.project_id = $1 and m.component = 'model' and m.name = $2 and v.version = $3 and t.name = $4`,
      [scope.id, ref.model, ref.version, ref.type],
    );
    if (row) return toSource(ref, row);
    const [type] = await this.db.query('select from device_type where project_id = $1 and name = $2', [
      scope.id,
      ref.type,
    ]);
    if (!type) throw new FleetError('registry.type-not-found', { type: ref.type });
    throw new FleetError('models.version-not-found', { model: ref.model, version: ref.version });
  }

  async ensure(
    scope: ProjectScope,
    build: BuildSource & {
      readonly options: Record<string, unknown>;
      readonly optionsDigest: string;
      readonly createdBy: string;
    },
  ): Promise<{ readonly id: string; readonly made: boolean; readonly state: Resource<'BuildState'> }> {
    const id = uuidv7();
    const [row] = await this.db.query<{ id: string; state: Resource<'BuildState'> }>(
      `insert into build (project_id, id, model_version_id, type_id, state, stage, options, source_digest, options_digest, created_by)
       select v.project_id, $5, v.id, t.id, 'queued', 'queued', $6, v.source_digest, $7, $8
       from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id
       join device_type t on t.project_id = m.project_id and t.name = $4
       where m.project_id = $1 and m.name = $2 and v.version = $3
       on conflict (project_id, model_version_id, type_id, options_digest) do nothing
       returning id, state`,
      [
        scope.id,
        build.model,
        build.version,
        build.type,
        id,
        JSON.stringify(build.options),
        Buffer.from(build.optionsDigest, 'hex'),
        build.createdBy,
      ],
    );
    if (row) return { id: row.id, made: true, state: row.state };
    const [known] = await this.db.query<{ id: string; state: Resource<'BuildState'> }>(
      `select b.id, b.state from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id
       join device_type t on t.project_id = m.project_id and t.name = $4
       join build b on b.project_id = v.project_id and b.model_version_id = v.id and b.type_id = t.id
       where m.project_id = $1 and m.name = $2 and v.version = $3 and b.options_digest = $5 for update of b`,
      [scope.id, build.model, build.version, build.type, Buffer.from(build.optionsDigest, 'hex')],
    );
    if (!known)
      throw new FleetError('models.version-not-found', { model: build.model, version: build.version });
    return { ...known, made: false };
  }

  async requeue(scope: ProjectScope, id: string): Promise<void> {
    await this.db.execute(
      `update build set state = 'queued', stage = 'queued', progress = 0, attempt = attempt + 1, error = null,
         report = null, created_at = now(), started_at = null, finished_at = null
       where project_id = $1 and id = $2 and state in ('failed', 'cancelled')`,
      [scope.id, id],
    );
  }

  async cancel(scope: ProjectScope, id: string): Promise<boolean> {
    const changed = await this.db.execute(
      `update build set state = 'cancelled', stage = 'cancelled', finished_at = now()
       where project_id = $1 and id = $2 and state in ('queued', 'running')`,
      [scope.id, id],
    );
    return changed > 0;
  }

  async begin(scope: ProjectScope, id: string): Promise<BuildJob | undefined> {
    const changed = await this.db.execute(
      `update build set state = 'running', started_at = now(), progress = 0
       where project_id = $1 and id = $2 and state in ('queued', 'running')`,
      [scope.id, id],
    );
    if (changed === 0) return undefined;
    const [row] = await this.db.query<
      SourceRow & { model: string; version: string; options: Record<string, unknown>; attempt: number }
    >(
      `select ${SOURCE_COLUMNS}, m.name as model, v.version, b.options, b.attempt ${BUILD_FROM}
       where b.project_id = $1 and b.id = $2`,
      [scope.id, id],
    );
    if (!row) return undefined;
    const ref = { model: row.model, version: row.version, type: row.type_name };
    return { ...toSource(ref, row), buildId: id, options: row.options, attempt: row.attempt };
  }

  async progress(scope: ProjectScope, id: string, stage: string, progress: number): Promise<boolean> {
    const changed = await this.db.execute(
      `update build set stage = $3, progress = $4 where project_id = $1 and id = $2 and state = 'running'`,
      [scope.id, id, stage, progress],
    );
    return changed > 0;
  }

  async succeed(scope: ProjectScope, id: string, { bundle, report, needs }: BuildOutcome): Promise<boolean> {
    await addBlob(this.db, scope, { ...bundle, kind: 'bundle' });
    const digest = Buffer.from(bundle.digest, 'hex');
    const changed = await this.db.query<{ model_version_id: string; type_id: string }>(
      `update build set state = 'succeeded', stage = 'done', progress = 1, bundle_digest = $3, bundle_bytes = $4,
         report = $5, error = null, finished_at = now()
       where project_id = $1 and id = $2 and state = 'running' returning model_version_id, type_id`,
      [scope.id, id, digest, bundle.bytes, JSON.stringify({ ...report, needs })],
    );
    const [row] = changed;
    if (!row) return false;
    if (report['validation'])
      await this.db.execute(
        `insert into build_baseline (project_id, build_id, model_version_id, schema_crc, data) values ($1, $2, $3, $4, $5)
         on conflict (project_id, build_id) do update set schema_crc = excluded.schema_crc, data = excluded.data`,
        [
          scope.id,
          id,
          row.model_version_id,
          needs.schemaCrc,
          JSON.stringify(Baseline.parse(report['validation'])),
        ],
      );
    await this.db.query(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict (project_id, prefix) do nothing`,
      [
        scope.id,
        digest.subarray(0, 8),
        digest,
        row.model_version_id,
        row.type_id,
        needs.classes,
        needs.schemaCrc,
      ],
    );
    return true;
  }

  async fail(scope: ProjectScope, id: string, problem: Record<string, unknown>): Promise<boolean> {
    const changed = await this.db.execute(
      `update build set state = 'failed', stage = 'failed', error = $3, finished_at = now()
       where project_id = $1 and id = $2 and state in ('queued', 'running')`,
      [scope.id, id, JSON.stringify(problem)],
    );
    return changed > 0;
  }

  private async newest<Row extends object>(
    scope: ProjectScope,
    ref: BuildRef,
    columns: string,
  ): Promise<Row> {
    const [row] = await this.db.query<Row>(
      `select ${columns} ${BUILD_FROM}
       where b.project_id = $1 and m.name = $2 and v.version = $3 and t.name = $4 ${NEWEST}`,
      [scope.id, ref.model, ref.version, ref.type],
    );
    if (!row) throw new FleetError('builds.not-found', { ...ref });
    return row;
  }
}

function toSource(ref: BuildRef, row: SourceRow): BuildSource {
  const { validation_inputs: inputs, validation_labels: labels, validation_calibration: calibration } = row;
  return {
    ...ref,
    typeSpec: { ...specOf(row.spec), name: row.type_name, builtIn: row.builtin },
    labels: row.labels,
    fileName: row.file_name,
    sourceDigest: row.source_digest.toString('hex'),
    validation: inputs && labels ? { inputs: inputs.toString('hex'), labels: labels.toString('hex') } : null,
    calibration: calibration?.toString('hex') ?? null,
  };
}

const toBuild = (row: BuildListRow): Resource<'Build'> => ({
  model: row.model,
  version: row.version,
  deviceType: row.type,
  state: row.state,
  progress: row.progress,
  stage: row.stage,
  createdAt: iso(row.created_at),
  finishedAt: isoOrNull(row.finished_at),
  bundleDigest: row.bundle_digest?.toString('hex') ?? null,
  bundleBytes: row.bundle_bytes === null ? null : Number(row.bundle_bytes),
  arenaBytes: row.arena_bytes,
  error: row.error,
});
