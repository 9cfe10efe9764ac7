/** Models and their versions; blob rows are made with the version that names them. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type {
  ModelContract,
  ModelStore,
  NamedBuild,
  NewModelVersion,
  ValidationPart,
} from '@tinyfleet/registry';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { listNamed, lockName } from './named-versions.js';
import { cursorKey, iso, toPage } from './page.js';

interface VersionListRow {
  model: string;
  version: string;
  version_order: string;
  created_at: Date;
  created_by: string;
  file_name: string;
  format: string;
  source_digest: Buffer;
  source_bytes: string;
  labels: string[];
  contract: ModelContract;
  has_validation: boolean;
  has_calibration: boolean;
}
const VERSION_FROM = `
  select m.name as model, v.version, v.version_order, v.created_at, v.created_by, v.file_name, v.format, v.source_digest,
    v.source_bytes, v.labels, v.contract,
    (v.validation_inputs is not null and v.validation_labels is not null) as has_validation,
    v.validation_calibration is not null as has_calibration
  from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id and m.component = 'model'`;

export class PgModelStore implements ModelStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Model'>>> {
    return await listNamed(this.db, 'model', scope, page);
  }

  async versions(
    scope: ProjectScope,
    model: string,
    page: PageRequest,
  ): Promise<Page<Resource<'ModelVersion'>>> {
    const after = cursorKey(page)?.[0];
    const rows = await this.db.query<VersionListRow>(
      `${VERSION_FROM} where m.project_id = $1 and m.name = $2 and ($3::text is null or v.version_order < $3)
       order by v.version_order desc limit $4`,
      [scope.id, model, after ?? null, page.limit + 1],
    );
    if (rows.length === 0 && after === undefined) await this.requireModel(scope, model);
    return toPage(rows, page.limit, (row) => [row.version_order], toVersion);
  }

  async version(scope: ProjectScope, model: string, version: string): Promise<Resource<'ModelVersion'>> {
    const [row] = await this.db.query<VersionListRow>(
      `${VERSION_FROM} where m.project_id = $1 and m.name = $2 and v.version = $3`,
      [scope.id, model, version],
    );
    if (row) return toVersion(row);
    await this.requireModel(scope, model);
    throw new FleetError('models.version-not-found', { model, version });
  }

  async newestVersion(scope: ProjectScope, model: string): Promise<string | undefined> {
    const [row] = await this.db.query<{ version: string }>(
      `select v.version from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id
       where m.project_id = $1 and m.name = $2 order by v.version_order desc limit 1`,
      [scope.id, model],
    );
    return row?.version;
  }

  async lock(scope: ProjectScope, model: string): Promise<void> {
    await lockName(this.db, scope, model, 'model');
  }

  async addVersion(scope: ProjectScope, version: NewModelVersion): Promise<void> {
    await addBlob(this.db, scope, { ...version.source, kind: 'model' });
    const model = await this.db.manager
      .getRepository(entities.Model)
      .findOneByOrFail({ projectId: scope.id, name: version.model });
    try {
      await this.db.manager.getRepository(entities.ModelVersion).insert({
        projectId: scope.id,
        id: uuidv7(),
        modelId: model.id,
        version: version.version,
        versionOrder: version.versionOrder,
        format: version.format,
        fileName: version.fileName,
        sourceDigest: Buffer.from(version.source.digest, 'hex'),
        sourceBytes: version.source.bytes,
        contract: { ...version.contract },
        inspection: version.inspection as never,
        labels: [...version.labels],
        createdBy: version.createdBy,
      });
    } catch (error) {
      if (!isDuplicate(error)) throw error;
      throw new FleetError('models.version-exists', { model: version.model, version: version.version });
    }
  }

  async setValidation(
    scope: ProjectScope,
    ref: { readonly model: string; readonly version: string },
    part: ValidationPart,
    blob: { readonly digest: string; readonly bytes: number; readonly count: number },
  ): Promise<void> {
    await addBlob(this.db, scope, { ...blob, kind: `validation-${part}` });
    await this.db.execute(
      `update model_version v set validation_${part} = $4,
         validation_count = case when $6 then validation_count else $5 end
       from model m where m.project_id = $1 and m.name = $2 and v.project_id = m.project_id
         and v.model_id = m.id and v.version = $3`,
      [scope.id, ref.model, ref.version, Buffer.from(blob.digest, 'hex'), blob.count, part === 'calibration'],
    );
  }

  async nameBuild(
    scope: ProjectScope,
    { model, version }: { readonly model: string; readonly version: string },
    { prefix, deviceType, classes }: Parameters<ModelStore['nameBuild']>[2],
  ): Promise<NamedBuild> {
    const [type] = await this.db.query<{ id: string }>(
      'select id from device_type where project_id = $1 and name = $2',
      [scope.id, deviceType],
    );
    if (!type) throw new FleetError('registry.type-not-found', { type: deviceType });
    // Its digest is not known: the bytes that are, and nothing behind them.
    const made = await this.db.execute(
      `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
       select $1, $4, $4 || decode(repeat('00', 24), 'hex'), v.id, $5, $6, 0
       from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id
       where m.project_id = $1 and m.name = $2 and v.version = $3 on conflict (project_id, prefix) do nothing`,
      [scope.id, model, version, prefix, type.id, classes],
    );
    const [known] = await this.db.query<Omit<NamedBuild, 'isNew'>>(
      `select m.name || '@' || v.version as release, t.name as "deviceType", b.classes::int as classes from bundle_name b
       join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       join device_type t on t.project_id = b.project_id and t.id = b.type_id
       where b.project_id = $1 and b.prefix = $2`,
      [scope.id, prefix],
    );
    return { ...known!, isNew: made > 0 };
  }

  private async requireModel(scope: ProjectScope, model: string): Promise<void> {
    const found = await this.db.manager
      .getRepository(entities.Model)
      .existsBy({ projectId: scope.id, name: model, component: 'model' });
    if (!found) throw new FleetError('models.not-found', { model });
  }
}

/** The project's right to read a blob. */
export async function addBlob(
  db: Db,
  scope: ProjectScope,
  blob: { readonly digest: string; readonly bytes: number; readonly kind: string },
): Promise<void> {
  await db.query(
    `insert into blob (project_id, digest, kind, bytes) values ($1, $2, $3, $4)
     on conflict (project_id, digest) do update set created_at = now()`,
    [scope.id, Buffer.from(blob.digest, 'hex'), blob.kind, blob.bytes],
  );
}

const toVersion = (row: VersionListRow): Resource<'ModelVersion'> => ({
  model: row.model,
  version: row.version,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
  fileName: row.file_name,
  format: row.format,
  sourceDigest: row.source_digest.toString('hex'),
  sourceBytes: Number(row.source_bytes),
  labels: row.labels,
  inputs: row.contract.inputs,
  outputs: row.contract.outputs,
  operators: row.contract.operators,
  macs: row.contract.macs,
  hasValidationData: row.has_validation,
  hasCalibrationData: row.has_calibration,
});
