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
  keyIdOf,
  type BuildEvidence,
  type BuildFacts,
  type BundleNeeds,
  type KeptStatement,
  type KeyHolders,
  type NewSigningKey,
  type ReleaseFacts,
  type ReleaseState,
  type ReleaseStore,
  type ReleaseToSign,
  type SignedArtifact,
  type SigningKey,
  type SigningKeyStore,
} from '@tinyfleet/releases';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import {
  FIRMWARE_OF_RELEASE,
  addFirmware,
  firmwareFacts,
  firmwareToSign,
  storeFirmwareManifests,
  type FirmwareOfRelease,
} from './release-firmware.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorNumber, iso, isoOrNull, toPage } from './page.js';

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

  async close(scope: ProjectScope, id: string, to: 'withdrawn' | 'revoked'): Promise<boolean> {
    const changed = await this.db.execute(
      `update signing_key set state = $3, retired_at = coalesce(retired_at, now())
       where project_id = $1 and id = $2 and state = case $3 when 'withdrawn' then 'next' else 'retired' end`,
      [scope.id, id, to],
    );
    return changed > 0;
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

  async handovers(
    scope: ProjectScope,
    id: string,
    page: PageRequest,
  ): Promise<Page<Resource<'KeyHandover'>>> {
    const rows = await this.db.query<Resource<'KeyHandover'>>(namedQuery('releases/handovers'), [
      scope.id,
      id,
      cursorKey(page)?.[0] ?? null,
      page.limit + 1,
    ]);
    return toPage(
      rows,
      page.limit,
      (row) => [row.device],
      (row) => row,
    );
  }

  async askCounters(scope: ProjectScope, devices: readonly string[]): Promise<Map<string, number>> {
    const rows = await this.db.query<{ device: string; counter: number }>(
      `select d.name as device, greatest(d.ask_counter, coalesce((r.hello ->> 'askCounter')::bigint, 0))::float8 as counter
       from device d left join device_report r on r.project_id = d.project_id and r.device_id = d.id
       where d.project_id = $1 and d.name = any ($2::text[])`,
      [scope.id, devices],
    );
    return new Map(rows.map(({ device, counter }) => [device, counter]));
  }

  async addHandovers(
    scope: ProjectScope,
    id: string,
    handovers: readonly { device: string; signerId: string; counter: number; ask: Buffer }[],
  ): Promise<number> {
    return await this.db.execute(namedQuery('releases/add-handovers'), [
      scope.id,
      id,
      handovers.map(({ device }) => device),
      handovers.map(({ signerId }) => signerId),
      handovers.map(({ counter }) => counter),
      handovers.map(({ ask }) => ask),
    ]);
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
  signed_by: Buffer | null;
  state_at: Date | null;
  state_by: string | null;
  state_reason: string;
  provenance: { sourceDigest: string; compilerVersion: string };
  builds: Resource<'Release'>['builds'] | null;
  component: 'model' | 'firmware';
  firmware: FirmwareOfRelease;
}
const RELEASE_SELECT = `
  select r.id, m.name as model, m.component, v.version, r.sequence, r.state, r.notes, r.created_at, r.created_by, r.signed_at, r.not_after,
    r.provenance, r.state_at, r.state_by, r.state_reason, ${FIRMWARE_OF_RELEASE} as firmware,
    (select k.public_key from signing_key k where k.project_id = r.project_id and k.id = r.key_id) as signed_by,
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
      firmware?: { name: string; version: string } | undefined;
      notes: string;
      soakS?: number | undefined;
      notAfter?: Date | undefined;
      createdBy: string;
    },
  ): Promise<void> {
    const ref = `${release.model}@${release.version}`;
    const versionRow = await this.versionRow(scope, release.model, release.version);
    if (release.firmware && versionRow.component === 'firmware')
      throw new FleetError('releases.firmware-alone', { release: ref });
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
       where r.project_id = $1 and v.model_id = $2 and r.signed_at is not null and r.state <> 'revoked' order by r.sequence desc limit 1`,
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
    if (release.firmware) await addFirmware(this.db, scope, { id, ref }, release.firmware);
  }

  async toSign(scope: ProjectScope, ref: string): Promise<ReleaseToSign> {
    const { model, version } = splitReleaseRef(ref);
    const [release] = await this.db.query<{
      id: string;
      component: 'model' | 'firmware';
      state: ReleaseToSign['state'];
      is_signed: boolean;
      created_by: string;
      sequence: string;
      floor: string;
      soak_s: number;
      not_after: Date | null;
      previous_release_id: string | null;
    }>(
      `select r.id, m.component, r.state, r.signed_at is not null as is_signed, r.created_by, r.sequence, r.floor, r.soak_s, r.not_after, r.previous_release_id
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
      floor: string;
      before_digest: Buffer | null;
      before_bytes: string | null;
      before_needs: BundleNeeds | null;
      from: string | null;
    }>(
      `select t.name as type, a.bundle_digest as digest, a.bundle_bytes as bytes, b.report -> 'needs' as needs, b.report ->> 'from' as from,
         greatest($4::bigint, coalesce((
           select max(gone.sequence) + 1 from release gone
           join release_artifact ga on ga.project_id = gone.project_id and ga.release_id = gone.id and ga.type_id = a.type_id
           where gone.project_id = a.project_id and gone.state = 'revoked' and gone.sequence < $5), 0)) as floor,
         o.bundle_digest as before_digest, o.bundle_bytes as before_bytes, ob.report -> 'needs' as before_needs
       from release_artifact a
       join device_type t on t.project_id = a.project_id and t.id = a.type_id
       join build b on b.project_id = a.project_id and b.id = a.build_id
       left join release_artifact o on o.project_id = a.project_id and o.release_id = $3 and o.type_id = a.type_id
         and not exists (select from release ro where ro.project_id = o.project_id and ro.id = o.release_id and ro.state = 'revoked')
       left join build ob on ob.project_id = o.project_id and ob.id = o.build_id
       where a.project_id = $1 and a.release_id = $2 order by t.name`,
      [scope.id, release.id, release.previous_release_id, release.floor, release.sequence],
    );
    const firmware = await firmwareToSign(this.db, scope, release.id);
    return {
      id: release.id,
      component: release.component,
      state: release.state,
      isSigned: release.is_signed,
      createdBy: release.created_by,
      sequence: Number(release.sequence),
      soakS: release.soak_s,
      notAfter: release.not_after,
      artifacts: artifacts.map((row) => ({
        type: row.type,
        bundleDigest: row.digest.toString('hex'),
        bundleBytes: Number(row.bytes),
        needs: row.needs,
        from: row.from,
        firmware: release.component === 'model' ? (firmware.get(row.type) ?? null) : null,
        floor: Number(row.floor),
        previous:
          release.component === 'firmware'
            ? (firmware.get(row.type)?.previous ?? null)
            : row.before_digest && row.before_needs
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
    await storeFirmwareManifests(this.db, scope, id, manifests);
    await this.db.execute(
      `update release set key_id = $3, signed_at = now()
       where project_id = $1 and id = $2 and signed_at is null`,
      [scope.id, id, keyId],
    );
  }

  async refsWithout(scope: ProjectScope, keyId: string): Promise<string[]> {
    const rows = await this.db.query<{ ref: string }>(
      `select m.name || '@' || v.version as ref from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where r.project_id = $1 and r.signed_at is not null and r.state <> 'revoked' and r.key_id <> $2
         and not exists (select from release_manifest rm
           where rm.project_id = r.project_id and rm.release_id = r.id and rm.key_id = $2)
       order by r.sequence`,
      [scope.id, keyId],
    );
    return rows.map(({ ref }) => ref);
  }

  async setState(
    scope: ProjectScope,
    id: string,
    { state, by, reason }: { state: ReleaseState; by: string; reason: string },
  ): Promise<void> {
    await this.db.execute(
      `update release set state = $3, state_at = now(), state_by = $4, state_reason = $5 where project_id = $1 and id = $2`,
      [scope.id, id, state, by, reason],
    );
    if (state !== 'revoked') return;
    // No fallback that is still to be signed leads to it.
    await this.db.execute(
      `update release r set previous_release_id = (
         select o.id from release o join model_version ov on ov.project_id = o.project_id and ov.id = o.model_version_id
         where o.project_id = r.project_id and ov.model_id = v.model_id and o.sequence < r.sequence
           and o.signed_at is not null and o.state <> 'revoked' order by o.sequence desc limit 1)
       from model_version v
       where r.project_id = $1 and r.previous_release_id = $2 and r.signed_at is null
         and v.project_id = r.project_id and v.id = r.model_version_id`,
      [scope.id, id],
    );
  }

  async evidence(scope: ProjectScope, id: string): Promise<BuildEvidence[]> {
    return await this.db.query<BuildEvidence & object>(
      `select t.name as type, jsonb_build_object('goldenVectors', b.report -> 'goldenVectors', 'fits', b.report -> 'fits',
         'validation', b.report -> 'validation', 'quantization', b.report -> 'quantization') as report
       from release_artifact a
       join device_type t on t.project_id = a.project_id and t.id = a.type_id
       join build b on b.project_id = a.project_id and b.id = a.build_id
       join model_version v on v.project_id = b.project_id and v.id = b.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id and m.component = 'model'
       where a.project_id = $1 and a.release_id = $2 order by t.name`,
      [scope.id, id],
    );
  }

  async wantsFourEyes(scope: ProjectScope): Promise<boolean> {
    const [row] = await this.db.query<{ approval: boolean }>(
      'select approval from rollout_settings where project_id = $1',
      [scope.id],
    );
    return row?.approval ?? false;
  }

  async facts(scope: ProjectScope, ref: string): Promise<ReleaseFacts> {
    const { model, version } = splitReleaseRef(ref);
    const [release] = await this.db.query<Omit<ReleaseFacts, 'builds' | 'firmware'> & object>(
      `select r.id, m.name as model, v.version, r.sequence::float8 as sequence, r.created_by as "createdBy",
         r.created_at as "createdAt", v.file_name as "fileName", encode(v.source_digest, 'hex') as "sourceDigest", m.component, v.format, v.labels,
         coalesce(v.contract -> 'inputs', '[]') as inputs, coalesce(v.contract -> 'outputs', '[]') as outputs
       from release r join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where r.project_id = $1 and m.name = $2 and v.version = $3`,
      [scope.id, model, version],
    );
    if (!release) throw new FleetError('releases.not-found', { release: ref });
    const builds = await this.db.query<BuildFacts & object>(
      `select t.name as type, encode(a.bundle_digest, 'hex') as "bundleDigest", a.bundle_bytes::float8 as "bundleBytes",
         coalesce(b.report ->> 'compilerVersion', '') as "compilerVersion", b.options, b.created_by as "createdBy",
         b.started_at as "startedAt", b.finished_at as "finishedAt", coalesce(b.report -> 'dataSets', '{}') as "dataSets",
         (b.report #>> '{validation,accuracy}')::float8 as accuracy,
         coalesce(((b.report #> '{needs,abi}')::bigint >> 16) || '.' || ((b.report #> '{needs,abi}')::bigint & 65535), '') as abi
       from release_artifact a
       join device_type t on t.project_id = a.project_id and t.id = a.type_id
       join build b on b.project_id = a.project_id and b.id = a.build_id
       where a.project_id = $1 and a.release_id = $2 order by t.name`,
      [scope.id, release.id],
    );
    return { ...release, builds, firmware: await firmwareFacts(this.db, scope, release.id) };
  }

  async keepStatement(
    scope: ProjectScope,
    id: string,
    made: { statement: string; bom: string },
  ): Promise<string> {
    const [row] = await this.db.query<{ statement: string }>(
      `update release set statement = coalesce(statement, $3), bom = coalesce(bom, $4)
       where project_id = $1 and id = $2 returning statement`,
      [scope.id, id, made.statement, made.bom],
    );
    return row!.statement;
  }

  async statement(scope: ProjectScope, ref: string): Promise<KeptStatement> {
    const { model, version } = splitReleaseRef(ref);
    const rows = await this.db.query<{
      statement: string | null;
      bom: string | null;
      publicKey: Buffer | null;
      signature: Buffer | null;
    }>(
      `select r.statement, r.bom, k.public_key as "publicKey", p.signature
       from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       left join release_provenance p on p.project_id = r.project_id and p.release_id = r.id
       left join signing_key k on k.project_id = p.project_id and k.id = p.key_id and k.state in ('active', 'retired')
       where r.project_id = $1 and m.name = $2 and v.version = $3 order by k.key_sequence`,
      [scope.id, model, version],
    );
    const [first] = rows;
    if (!first) throw new FleetError('releases.not-found', { release: ref });
    const signatures = rows.flatMap(({ publicKey, signature }) =>
      publicKey && signature ? [{ publicKey, signature }] : [],
    );
    const { statement, bom } = first;
    return { statement, bom, signatures };
  }

  async signStatement(scope: ProjectScope, id: string, keyId: string, signature: Uint8Array): Promise<void> {
    await this.db.execute(
      `insert into release_provenance (project_id, release_id, key_id, signature) values ($1, $2, $3, $4)
       on conflict do nothing`,
      [scope.id, id, keyId, Buffer.from(signature)],
    );
  }

  async signedAgain(
    scope: ProjectScope,
    id: string,
    keyId: string,
    manifests: readonly SignedArtifact[],
  ): Promise<void> {
    await this.db.execute(
      `insert into release_manifest (project_id, release_id, type_id, key_id, manifest, fallback_manifest, firmware_manifest,
         firmware_fallback_manifest)
       select $1, $2, t.id, $3, s.manifest, s.fallback, s.firmware, s.firmware_fallback
       from unnest($4::text[], $5::bytea[], $6::bytea[], $7::bytea[], $8::bytea[])
         as s (type, manifest, fallback, firmware, firmware_fallback)
       join device_type t on t.project_id = $1 and t.name = s.type
       on conflict do nothing`,
      [
        scope.id,
        id,
        keyId,
        manifests.map(({ type }) => type),
        manifests.map(({ manifest }) => Buffer.from(manifest)),
        manifests.map(({ fallback }) => (fallback ? Buffer.from(fallback.manifest) : null)),
        manifests.map(({ firmware }) => (firmware ? Buffer.from(firmware.manifest) : null)),
        manifests.map(({ firmware }) =>
          firmware?.fallback ? Buffer.from(firmware.fallback.manifest) : null,
        ),
      ],
    );
  }

  private async versionRow(scope: ProjectScope, model: string, version: string) {
    const [row] = await this.db.query<{
      id: string;
      modelId: string;
      sourceDigest: Buffer;
      component: 'model' | 'firmware';
    }>(
      `select v.id, v.model_id as "modelId", v.source_digest as "sourceDigest", m.component
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
  component: row.component,
  model: row.model,
  version: row.version,
  sequence: Number(row.sequence),
  state: row.state,
  notes: row.notes,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
  signedAt: isoOrNull(row.signed_at),
  signedBy: row.signed_by && keyIdOf({ publicKey: row.signed_by }),
  stateChange:
    row.state_at === null
      ? null
      : { at: iso(row.state_at), by: row.state_by ?? '', reason: row.state_reason },
  notAfter: isoOrNull(row.not_after),
  builds: row.builds ?? [],
  firmware: row.firmware,
  provenance: row.provenance,
});
