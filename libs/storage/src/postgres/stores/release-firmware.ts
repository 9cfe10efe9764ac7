/** The firmware of a release: which image each of its types gets, and its manifests. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { BundleNeeds, FirmwareArtifact, ReleaseFacts, SignedArtifact } from '@tinyfleet/releases';
import type { Db } from '../database.js';

/** One column of a release `r`: contracts Release.firmware. */
export const FIRMWARE_OF_RELEASE = `
  (select jsonb_build_object('ref', fm.name || '@' || fv.version, 'images', coalesce(
     (select jsonb_agg(jsonb_build_object('deviceType', t.name, 'digest', encode(rf.digest, 'hex'), 'bytes', rf.bytes,
        'manifestBytes', octet_length(rf.manifest)) order by t.name)
      from release_firmware rf join device_type t on t.project_id = rf.project_id and t.id = rf.type_id
      where rf.project_id = r.project_id and rf.release_id = r.id), '[]'::jsonb))
   from model_version fv join model fm on fm.project_id = fv.project_id and fm.id = fv.model_id
   where fv.project_id = r.project_id and fv.id = r.firmware_version_id)`;

/** Every image of the version whose type the release has a build for. */
export async function addFirmware(
  db: Db,
  scope: ProjectScope,
  release: { readonly id: string; readonly ref: string },
  firmware: { readonly name: string; readonly version: string },
): Promise<void> {
  const [found] = await db.query<{ id: string | null }>(
    `select v.id from model m
     left join model_version v on v.project_id = m.project_id and v.model_id = m.id and v.version = $3
     where m.project_id = $1 and m.component = 'firmware' and m.name = $2 for share of m`,
    [scope.id, firmware.name, firmware.version],
  );
  if (!found) throw new FleetError('firmware.not-found', { firmware: firmware.name });
  if (found.id === null)
    throw new FleetError('firmware.version-not-found', {
      firmware: firmware.name,
      version: firmware.version,
    });
  await db.execute('update release set firmware_version_id = $3 where project_id = $1 and id = $2', [
    scope.id,
    release.id,
    found.id,
  ]);
  const added = await db.execute(
    `insert into release_firmware (project_id, release_id, type_id, build_id, digest, bytes, version)
     select a.project_id, a.release_id, a.type_id, b.id, b.bundle_digest, b.bundle_bytes, $4
     from release_artifact a join build b on b.project_id = a.project_id and b.model_version_id = $3 and b.type_id = a.type_id
     where a.project_id = $1 and a.release_id = $2`,
    [scope.id, release.id, found.id, firmware.version],
  );
  if (added > 0) return;
  const types = await db.query<{ name: string }>(
    `select t.name from release_artifact a join device_type t on t.project_id = a.project_id and t.id = a.type_id
     where a.project_id = $1 and a.release_id = $2 order by t.name`,
    [scope.id, release.id],
  );
  throw new FleetError('releases.firmware-missing', {
    firmware: `${firmware.name}@${firmware.version}`,
    types: types.map(({ name }) => name).join(', '),
    release: release.ref,
  });
}

interface FirmwareRow {
  readonly type: string;
  readonly digest: Buffer;
  readonly bytes: string;
  readonly version: string;
  readonly needs: BundleNeeds;
  readonly from: string | null;
  readonly before_digest: Buffer | null;
  readonly before_bytes: string | null;
  readonly before_needs: BundleNeeds | null;
}

/**
 * By device type: what comes before the model, or, of a release of firmware alone, its image; each with the last other image of
 * the same firmware that a release not revoked gave this type, alone or before a model.
 */
export async function firmwareToSign(
  db: Db,
  scope: ProjectScope,
  releaseId: string,
): Promise<Map<string, FirmwareArtifact>> {
  const rows = await db.query<FirmwareRow>(
    `with carried as (
       select project_id, release_id, type_id, build_id, version from release_firmware where project_id = $1
       union all
       select a.project_id, a.release_id, a.type_id, a.build_id, v.version from release_artifact a
       join build b on b.project_id = a.project_id and b.id = a.build_id
       join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'firmware'
       where a.project_id = $1
     )
     select t.name as type, b.bundle_digest as digest, b.bundle_bytes as bytes, c.version, b.report -> 'needs' as needs,
       b.report ->> 'from' as from, o.digest as before_digest, o.bytes as before_bytes, o.needs as before_needs
     from carried c
     join release r on r.project_id = c.project_id and r.id = c.release_id
     join device_type t on t.project_id = c.project_id and t.id = c.type_id
     join build b on b.project_id = c.project_id and b.id = c.build_id
     join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
     left join lateral (
       select ob.bundle_digest as digest, ob.bundle_bytes as bytes, ob.report -> 'needs' as needs
       from carried oc
       join release o on o.project_id = oc.project_id and o.id = oc.release_id
       join build ob on ob.project_id = oc.project_id and ob.id = oc.build_id
       join model_version ov on ov.project_id = ob.project_id and ov.id = ob.model_version_id
       where oc.type_id = c.type_id and o.sequence < r.sequence and o.signed_at is not null and o.state <> 'revoked'
         and ov.model_id = v.model_id and ob.bundle_digest <> b.bundle_digest
       order by o.sequence desc limit 1
     ) as o on true
     where c.release_id = $2`,
    [scope.id, releaseId],
  );
  return new Map(
    rows.map((row) => [
      row.type,
      {
        digest: row.digest.toString('hex'),
        bytes: Number(row.bytes),
        version: row.version,
        needs: row.needs,
        from: row.from,
        previous:
          row.before_digest && row.before_needs
            ? {
                digest: row.before_digest.toString('hex'),
                bytes: Number(row.before_bytes),
                needs: row.before_needs,
              }
            : null,
      },
    ]),
  );
}

export async function storeFirmwareManifests(
  db: Db,
  scope: ProjectScope,
  releaseId: string,
  manifests: readonly SignedArtifact[],
): Promise<void> {
  for (const { type, firmware } of manifests) {
    if (!firmware) continue;
    const { manifest, fallback } = firmware;
    await db.execute(
      `update release_firmware a set manifest = $4, fallback_manifest = $5, fallback_digest = $6
       from device_type t where a.project_id = $1 and a.release_id = $2
         and t.project_id = a.project_id and t.id = a.type_id and t.name = $3`,
      [
        scope.id,
        releaseId,
        type,
        Buffer.from(manifest),
        fallback ? Buffer.from(fallback.manifest) : null,
        fallback ? Buffer.from(fallback.digest, 'hex') : null,
      ],
    );
  }
}

export async function firmwareFacts(
  db: Db,
  scope: ProjectScope,
  releaseId: string,
): Promise<ReleaseFacts['firmware']> {
  const rows = await db.query<{ ref: string; type: string; digest: string; createdBy: string }>(
    `select m.name || '@' || v.version as ref, t.name as type, encode(rf.digest, 'hex') as digest, b.created_by as "createdBy"
     from release_firmware rf
     join device_type t on t.project_id = rf.project_id and t.id = rf.type_id
     join build b on b.project_id = rf.project_id and b.id = rf.build_id
     join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
     join model m on m.project_id = v.project_id and m.id = v.model_id
     where rf.project_id = $1 and rf.release_id = $2 order by t.name`,
    [scope.id, releaseId],
  );
  const [first] = rows;
  return first
    ? { ref: first.ref, images: rows.map(({ type, digest, createdBy }) => ({ type, digest, createdBy })) }
    : null;
}

export type FirmwareOfRelease = Resource<'Release'>['firmware'];
