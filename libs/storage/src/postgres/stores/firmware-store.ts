/** Firmware: kept where models are, under names of their own; an image is a build that was brought in. */
import type { Page, PageRequest, ProjectScope, Resource, UnnamedBlob } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { FirmwareStore, NewFirmwareImage } from '@tinyfleet/releases';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { addBlob } from './model-store.js';
import { listNamed, lockName } from './named-versions.js';
import { cursorKey, iso, toPage } from './page.js';

interface ImageRow {
  firmware: string;
  version: string;
  version_order: string;
  type: string;
  file_name: string;
  digest: Buffer;
  bytes: string;
  provides: Resource<'FirmwareProvides'>;
  from: string | null;
  created_at: Date;
  created_by: string;
}
const IMAGE_SELECT = `
  select m.name as firmware, v.version, v.version_order, t.name as type, b.report ->> 'fileName' as file_name,
    b.bundle_digest as digest, b.bundle_bytes as bytes, b.report -> 'provides' as provides, b.report ->> 'from' as from,
    b.created_at, b.created_by
  from model m
  join model_version v on v.project_id = m.project_id and v.model_id = m.id
  join build b on b.project_id = v.project_id and b.model_version_id = v.id
  join device_type t on t.project_id = b.project_id and t.id = b.type_id
  where m.project_id = $1 and m.component = 'firmware' and m.name = $2`;

export class PgFirmwareStore implements FirmwareStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Firmware'>>> {
    return await listNamed(this.db, 'firmware', scope, page);
  }

  async images(
    scope: ProjectScope,
    firmware: string,
    page: PageRequest,
  ): Promise<Page<Resource<'FirmwareImage'>>> {
    const [order, type] = cursorKey(page) ?? [];
    const rows = await this.db.query<ImageRow>(
      `${IMAGE_SELECT} and ($3::text is null or v.version_order < $3 or v.version_order = $3 and t.name > $4)
       order by v.version_order desc, t.name limit $5`,
      [scope.id, firmware, order ?? null, type ?? null, page.limit + 1],
    );
    if (rows.length === 0 && order === undefined) await this.require(scope, firmware);
    return toPage(rows, page.limit, (row) => [row.version_order, row.type], toImage);
  }

  async image(
    scope: ProjectScope,
    ref: { readonly firmware: string; readonly version: string; readonly deviceType: string },
  ): Promise<Resource<'FirmwareImage'> | undefined> {
    const [row] = await this.db.query<ImageRow>(`${IMAGE_SELECT} and v.version = $3 and t.name = $4`, [
      scope.id,
      ref.firmware,
      ref.version,
      ref.deviceType,
    ]);
    return row && toImage(row);
  }

  async add(scope: ProjectScope, image: NewFirmwareImage): Promise<void> {
    const { firmware, version, digest, bytes } = image;
    await lockName(this.db, scope, firmware, 'firmware');
    await addBlob(this.db, scope, { digest, bytes, kind: 'firmware' });
    const digestBytes = Buffer.from(digest, 'hex');
    await this.db.execute(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest, source_bytes,
         contract, inspection, labels, created_by)
       select $1, $3, m.id, $4, $5, 'firmware', $6, $7, $8, '{"inputs":[],"outputs":[],"operators":{},"macs":0}', '{}', '{}', $9
       from model m where m.project_id = $1 and m.name = $2
       on conflict (project_id, model_id, version) do nothing`,
      [
        scope.id,
        firmware,
        uuidv7(),
        version,
        image.versionOrder,
        image.fileName,
        digestBytes,
        bytes,
        image.createdBy,
      ],
    );
    const { provides, needs, from, fileName } = image;
    const added = await this.db.execute(
      `insert into build (project_id, id, model_version_id, type_id, state, stage, progress, source_digest, options_digest,
         bundle_digest, bundle_bytes, report, created_by, started_at, finished_at)
       select $1, $5, v.id, t.id, 'succeeded', 'brought in', 1, $6, $6, $6, $7, $8, $9, now(), now()
       from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id and v.version = $3
       join device_type t on t.project_id = m.project_id and t.name = $4
       where m.project_id = $1 and m.name = $2`,
      [
        scope.id,
        firmware,
        version,
        image.deviceType,
        uuidv7(),
        digestBytes,
        bytes,
        JSON.stringify({ needs, provides, from, fileName, compilerVersion: '' }),
        image.createdBy,
      ],
    );
    if (added === 0) throw new FleetError('registry.type-not-found', { type: image.deviceType });
  }

  async remove(
    scope: ProjectScope,
    firmware: string,
    version: string,
  ): Promise<{ images: Record<string, string>; orphans: UnnamedBlob[] }> {
    await this.require(scope, firmware);
    const [row] = await this.db.query<{ id: string; release: string | null }>(
      `select v.id, (
         select rm.name || '@' || rv.version from release r
         join model_version rv on rv.project_id = r.project_id and rv.id = r.model_version_id
         join model rm on rm.project_id = rv.project_id and rm.id = rv.model_id
         where r.project_id = $1 and (r.model_version_id = v.id or r.firmware_version_id = v.id)
         order by r.sequence limit 1) as release
       from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id and v.version = $3
       where m.project_id = $1 and m.name = $2 for update of m, v`,
      [scope.id, firmware, version],
    );
    if (!row) throw new FleetError('firmware.version-not-found', { firmware, version });
    if (row.release !== null)
      throw new FleetError('firmware.in-release', { firmware, version, release: row.release });
    const gone = await this.db.query<{ type: string | null; digest: Buffer }>(
      `select t.name as type, b.bundle_digest as digest
       from build b join device_type t on t.project_id = b.project_id and t.id = b.type_id
       where b.project_id = $1 and b.model_version_id = $2
       union select null, source_digest from model_version where project_id = $1 and id = $2`,
      [scope.id, row.id],
    );
    await this.db.execute('delete from model_version where project_id = $1 and id = $2', [scope.id, row.id]);
    await this.db.execute(
      `delete from model m where m.project_id = $1 and m.name = $2
         and not exists (select from model_version v where v.project_id = m.project_id and v.model_id = m.id)`,
      [scope.id, firmware],
    );
    const orphans = await this.db.query<UnnamedBlob & object>(
      `with freed as (
         delete from blob b where b.project_id = $1 and b.kind = 'firmware' and b.digest = any($2::bytea[])
           and not exists (select from build o where o.project_id = $1 and o.bundle_digest = b.digest)
           and not exists (select from model_version o where o.project_id = $1 and o.source_digest = b.digest)
         returning b.digest, b.created_at)
       select encode(digest, 'hex') as digest, created_at as "namedAt" from freed
       where not exists (select from blob o where o.digest = freed.digest and o.project_id <> $1)`,
      [scope.id, gone.map(({ digest }) => digest)],
    );
    const images: Record<string, string> = {};
    for (const { type, digest } of gone) if (type !== null) images[type] = digest.toString('hex');
    return { images, orphans };
  }

  private async require(scope: ProjectScope, firmware: string): Promise<void> {
    const [row] = await this.db.query(
      `select from model where project_id = $1 and name = $2 and component = 'firmware'`,
      [scope.id, firmware],
    );
    if (!row) throw new FleetError('firmware.not-found', { firmware });
  }
}

const toImage = (row: ImageRow): Resource<'FirmwareImage'> => ({
  firmware: row.firmware,
  version: row.version,
  deviceType: row.type,
  fileName: row.file_name,
  digest: row.digest.toString('hex'),
  bytes: Number(row.bytes),
  provides: row.provides,
  from: row.from,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
});
