/** Releases with their artifacts, and the project's signing keys. */
import {
  splitReleaseRef,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import {
  defaultSoakS,
  type BundleNeeds,
  type KeyHolders,
  type NewSigningKey,
  type ReleaseStore,
  type ReleaseToSign,
  type SignedArtifact,
  type SigningKey,
  type SigningKeyStore,
} from '@tinyfleet/releases';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import { cursorNumber, iso, isoOrNull, toPage } from './page.js';

const SELECT_KEYS = `
  select id, public_key as "publicKey", private_key as "sealedPrivateKey", key_sequence as sequence, state,
    created_at as "createdAt"
  from signing_key where project_id = $1`;

export class PgSigningKeyStore implements SigningKeyStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope): Promise<SigningKey[]> {
    return await this.db.query<SigningKey & object>(
      `${SELECT_KEYS} order by case state when 'active' then 0 when 'next' then 1 else 2 end, key_sequence desc`,
      [scope.id],
    );
  }

  async active(scope: ProjectScope): Promise<SigningKey | undefined> {
    const [key] = await this.db.query<SigningKey & object>(`${SELECT_KEYS} and state = 'active' for share`, [
      scope.id,
    ]);
    return key;
  }

  async addFirst(scope: ProjectScope, key: NewSigningKey): Promise<boolean> {
    const added = await this.db.execute(
      `insert into signing_key (project_id, id, algorithm, public_key, private_key, key_sequence)
       values ($1, $2, 'ed25519', $3, $4, 1) on conflict (project_id, key_sequence) do nothing`,
      [scope.id, key.id, key.publicKey, key.sealedPrivateKey],
    );
    return added > 0;
  }

  async addNext(scope: ProjectScope, key: NewSigningKey): Promise<boolean> {
    const added = await this.db.execute(
      `insert into signing_key (project_id, id, algorithm, public_key, private_key, key_sequence, state)
       select $1, $2, 'ed25519', $3, $4, max(key_sequence) + 1, 'next' from signing_key where project_id = $1
       having count(*) filter (where state = 'next') = 0 and count(*) > 0
       on conflict (project_id, key_sequence) do nothing`,
      [scope.id, key.id, key.publicKey, key.sealedPrivateKey],
    );
    return added > 0;
  }

  async activate(scope: ProjectScope, id: string): Promise<boolean> {
    const changed = await this.db.execute(
      `update signing_key set state = 'active' where project_id = $1 and id = $2 and state = 'next'`,
      [scope.id, id],
    );
    if (changed === 0) return false;
    await this.db.execute(
      `update signing_key set state = 'retired', retired_at = now()
       where project_id = $1 and id <> $2 and state = 'active'`,
      [scope.id, id],
    );
    return true;
  }

  async holders(scope: ProjectScope): Promise<KeyHolders[]> {
    return await this.db.query<KeyHolders & object>(
      `select k.key as "keyId", count(*) filter (where k.is_current)::int as current,
         count(*) filter (where not k.is_current)::int as next
       from device_report r cross join lateral (
         values (r.hello ->> 'currentKey', true), (r.hello ->> 'nextKey', false)) as k (key, is_current)
       where r.project_id = $1 and k.key is not null group by k.key`,
      [scope.id],
    );
  }

  async spread(scope: ProjectScope, keyId: string): Promise<{ devices: number; missing: number }> {
    const [row] = await this.db.query<{ devices: number; missing: number }>(
      `select count(*)::int as devices, count(*) filter (where r.hello ->> 'currentKey' <> $2
         and r.hello ->> 'nextKey' is distinct from $2)::int as missing
       from device d join device_report r on r.project_id = d.project_id and r.device_id = d.id
       where d.project_id = $1 and d.state not in ('suspended', 'retired') and r.hello ->> 'currentKey' is not null`,
      [scope.id, keyId],
    );
    return row ?? { devices: 0, missing: 0 };
  }
}

interface ReleaseListRow {
  id: string;
  model: string;
  version: string;
  sequence: string;
  state: Resource<'Release'>['state'];
  notes: string;
  created_at: Date;
  created_by: string;
  signed_at: Date | null;
  not_after: Date | null;
  provenance: { sourceDigest: string; compilerVersion: string };
  builds: Resource<'Release'>['builds'] | null;
}
const RELEASE_SELECT = `
  select r.id, m.name as model, v.version, r.sequence, r.state, r.notes, r.created_at, r.created_by, r.signed_at, r.not_after,
    r.provenance,
    (select jsonb_agg(jsonb_build_object('deviceType', t.name, 'bundleDigest', encode(a.bundle_digest, 'hex'),
       'bundleBytes', a.bundle_bytes, 'manifestBytes', octet_length(a.manifest), 'transfers', coalesce(
         (select jsonb_agg(jsonb_build_object('method', tp.method, 'baseDigest', nullif(encode(tp.base_digest, 'hex'), ''),
            'base', base.ref, 'sectorBytes', tp.block_bytes, 'state', tp.state, 'bytes', tp.bytes)
            order by tp.block_bytes, tp.method, base.sequence desc, tp.base_digest)
          from transfer_payload tp
          left join lateral (
            select bm.name || '@' || bv.version as ref, br.sequence from release_artifact ba
            join release br on br.project_id = ba.project_id and br.id = ba.release_id
            join model_version bv on bv.project_id = br.project_id and bv.id = br.model_version_id
            join model bm on bm.project_id = bv.project_id and bm.id = bv.model_id
            where ba.project_id = tp.project_id and ba.bundle_digest = tp.base_digest order by br.sequence desc limit 1
          ) base on true
          where tp.project_id = a.project_id and tp.target_digest = a.bundle_digest), '[]'::jsonb)) order by t.name)
     from release_artifact a join device_type t on t.project_id = a.project_id and t.id = a.type_id
     where a.project_id = r.project_id and a.release_id = r.id) as builds
  from release r
  join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
  join model m on m.project_id = v.project_id and m.id = v.model_id`;

export class PgReleaseStore implements ReleaseStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Release'>>> {
    const after = cursorNumber(page);
    const rows = await this.db.query<ReleaseListRow>(
      `${RELEASE_SELECT} where r.project_id = $1 and ($2::bigint is null or r.sequence < $2::bigint)
       order by r.sequence desc limit $3`,
      [scope.id, after ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.sequence], toRelease);
  }

  async get(scope: ProjectScope, ref: string): Promise<Resource<'Release'>> {
    const { model, version } = splitReleaseRef(ref);
    const [row] = await this.db.query<ReleaseListRow>(
      `${RELEASE_SELECT} where r.project_id = $1 and m.name = $2 and v.version = $3`,
      [scope.id, model, version],
    );
    if (!row) throw new FleetError('releases.not-found', { release: ref });
    return toRelease(row);
  }

  async add(
    scope: ProjectScope,
    release: {
      model: string;
      version: string;
      notes: string;
      soakS?: number | undefined;
      notAfter?: Date | undefined;
      createdBy: string;
    },
  ): Promise<void> {
    const ref = `${release.model}@${release.version}`;
    const versionRow = await this.versionRow(scope, release.model, release.version);
    // The newest build of each type counts; an unfinished one would be left out silently.
    const builds = await this.db.query<{
      id: string;
      type_id: string;
      type: string;
      state: string;
      bundle_digest: Buffer;
      bundle_bytes: string;
      compiler: string;
    }>(
      `select distinct on (b.type_id) b.id, b.type_id, t.name as type, b.state, b.bundle_digest, b.bundle_bytes,
         b.report ->> 'compilerVersion' as compiler
       from build b join device_type t on t.project_id = b.project_id and t.id = b.type_id
       where b.project_id = $1 and b.model_version_id = $2 and b.state in ('queued', 'running', 'succeeded')
       order by b.type_id, b.created_at desc, b.id desc`,
      [scope.id, versionRow.id],
    );
    const open = builds.filter(({ state }) => state !== 'succeeded').map(({ type }) => type);
    if (open.length > 0)
      throw new FleetError('releases.builds-open', { release: ref, types: open.join(', ') });
    if (builds.length === 0) throw new FleetError('releases.no-builds', { release: ref });
    const [counter] = await this.db.query<{ value: string; window_s: number }>(
      `select next_number($1, 'release', 2) as value, window_s from project where id = $1`,
      [scope.id],
    );
    const [previous] = await this.db.query<{ id: string }>(
      `select r.id from release r join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       where r.project_id = $1 and v.model_id = $2 and r.state = 'signed' order by r.sequence desc limit 1`,
      [scope.id, versionRow.modelId],
    );
    const id = uuidv7();
    try {
      await this.db.manager.getRepository(entities.Release).insert({
        projectId: scope.id,
        id,
        modelVersionId: versionRow.id,
        // next_number gives 2, 4, 6, ...; the odd number after each is its fallback's.
        sequence: Number(counter?.value),
        state: 'draft',
        soakS: release.soakS ?? defaultSoakS(counter?.window_s ?? 0),
        notes: release.notes,
        notAfter: release.notAfter ?? null,
        previousReleaseId: previous?.id ?? null,
        provenance: {
          sourceDigest: versionRow.sourceDigest.toString('hex'),
          compilerVersion: builds[0]?.compiler ?? '',
        },
        createdBy: release.createdBy,
      });
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('releases.exists', { release: ref }) : error;
    }
    await this.db.manager.getRepository(entities.ReleaseArtifact).insert(
      builds.map((build) => ({
        projectId: scope.id,
        releaseId: id,
        typeId: build.type_id,
        buildId: build.id,
        bundleDigest: build.bundle_digest,
        bundleBytes: Number(build.bundle_bytes),
      })),
    );
  }

  async toSign(scope: ProjectScope, ref: string): Promise<ReleaseToSign> {
    const { model, version } = splitReleaseRef(ref);
    const [release] = await this.db.query<{
      id: string;
      state: ReleaseToSign['state'];
      sequence: string;
      floor: string;
      soak_s: number;
      not_after: Date | null;
      previous_release_id: string | null;
    }>(
      `select r.id, r.state, r.sequence, r.floor, r.soak_s, r.not_after, r.previous_release_id
       from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where r.project_id = $1 and m.name = $2 and v.version = $3 for update of r`,
      [scope.id, model, version],
    );
    if (!release) throw new FleetError('releases.not-found', { release: ref });
    const artifacts = await this.db.query<{
      type: string;
      digest: Buffer;
      bytes: string;
      needs: BundleNeeds;
      before_digest: Buffer | null;
      before_bytes: string | null;
      before_needs: BundleNeeds | null;
    }>(
      `select t.name as type, a.bundle_digest as digest, a.bundle_bytes as bytes, b.report -> 'needs' as needs,
         o.bundle_digest as before_digest, o.bundle_bytes as before_bytes, ob.report -> 'needs' as before_needs
       from release_artifact a
       join device_type t on t.project_id = a.project_id and t.id = a.type_id
       join build b on b.project_id = a.project_id and b.id = a.build_id
       left join release_artifact o on o.project_id = a.project_id and o.release_id = $3 and o.type_id = a.type_id
       left join build ob on ob.project_id = o.project_id and ob.id = o.build_id
       where a.project_id = $1 and a.release_id = $2 order by t.name`,
      [scope.id, release.id, release.previous_release_id],
    );
    return {
      id: release.id,
      state: release.state,
      sequence: Number(release.sequence),
      floor: Number(release.floor),
      soakS: release.soak_s,
      notAfter: release.not_after,
      artifacts: artifacts.map((row) => ({
        type: row.type,
        bundleDigest: row.digest.toString('hex'),
        bundleBytes: Number(row.bytes),
        needs: row.needs,
        previous:
          row.before_digest && row.before_needs
            ? {
                digest: row.before_digest.toString('hex'),
                bytes: Number(row.before_bytes),
                needs: row.before_needs,
              }
            : null,
      })),
    };
  }

  async signed(
    scope: ProjectScope,
    id: string,
    keyId: string,
    manifests: readonly SignedArtifact[],
  ): Promise<void> {
    for (const { type, manifest, fallback } of manifests) {
      await this.db.execute(
        `update release_artifact a set manifest = $4, fallback_manifest = $5, fallback_digest = $6
         from device_type t where a.project_id = $1 and a.release_id = $2
           and t.project_id = a.project_id and t.id = a.type_id and t.name = $3`,
        [
          scope.id,
          id,
          type,
          Buffer.from(manifest),
          fallback ? Buffer.from(fallback.manifest) : null,
          fallback ? Buffer.from(fallback.digest, 'hex') : null,
        ],
      );
    }
    await this.db.execute(
      `update release set state = 'signed', key_id = $3, signed_at = now()
       where project_id = $1 and id = $2 and state = 'draft'`,
      [scope.id, id, keyId],
    );
  }

  async signedRefs(scope: ProjectScope): Promise<string[]> {
    const rows = await this.db.query<{ ref: string }>(
      `select m.name || '@' || v.version as ref from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where r.project_id = $1 and r.state = 'signed' order by r.sequence`,
      [scope.id],
    );
    return rows.map(({ ref }) => ref);
  }

  async signedAgain(
    scope: ProjectScope,
    id: string,
    keyId: string,
    manifests: readonly SignedArtifact[],
  ): Promise<void> {
    await this.db.execute(
      `insert into release_manifest (project_id, release_id, type_id, key_id, manifest, fallback_manifest)
       select $1, $2, t.id, $3, s.manifest, s.fallback
       from unnest($4::text[], $5::bytea[], $6::bytea[]) as s (type, manifest, fallback)
       join device_type t on t.project_id = $1 and t.name = s.type
       on conflict do nothing`,
      [
        scope.id,
        id,
        keyId,
        manifests.map(({ type }) => type),
        manifests.map(({ manifest }) => Buffer.from(manifest)),
        manifests.map(({ fallback }) => (fallback ? Buffer.from(fallback.manifest) : null)),
      ],
    );
  }

  private async versionRow(scope: ProjectScope, model: string, version: string) {
    const [row] = await this.db.query<{ id: string; modelId: string; sourceDigest: Buffer }>(
      `select v.id, v.model_id as "modelId", v.source_digest as "sourceDigest"
       from model m join model_version v on v.project_id = m.project_id and v.model_id = m.id
       where m.project_id = $1 and m.name = $2 and v.version = $3`,
      [scope.id, model, version],
    );
    if (!row) throw new FleetError('models.version-not-found', { model, version });
    return row;
  }
}

const toRelease = (row: ReleaseListRow): Resource<'Release'> => ({
  ref: `${row.model}@${row.version}`,
  model: row.model,
  version: row.version,
  sequence: Number(row.sequence),
  state: row.state,
  notes: row.notes,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
  signedAt: isoOrNull(row.signed_at),
  notAfter: isoOrNull(row.not_after),
  builds: row.builds ?? [],
  provenance: row.provenance,
});
