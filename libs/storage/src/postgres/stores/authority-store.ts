/** Certificate authorities whose certificates a project accepts, and who holds which certificate. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { AuthorityRecord, AuthorityStore, CertificateOwner, Renewal } from '@tinyfleet/registry';
import { isDuplicate, type Db } from '../database.js';
import { iso, isoOrNull } from './page.js';

interface Row {
  readonly name: string;
  readonly state: AuthorityRecord['state'];
  readonly signs: boolean;
  readonly subject: string;
  readonly fingerprint: Buffer;
  readonly not_before: Date;
  readonly not_after: Date;
  readonly type: string | null;
  readonly tags: string[];
  readonly site: string;
  readonly quota: number;
  readonly registered: number;
  readonly certificates: number;
  readonly challenge: string | null;
  readonly challenge_expires_at: Date | null;
  readonly crl_this_update: Date | null;
  readonly crl_next_update: Date | null;
  readonly crl_entries: number;
  readonly created_at: Date;
  readonly created_by: string;
}
const FROM = `
  from device_authority a left join device_type t on t.project_id = a.project_id and t.id = a.type_id`;
const RECORD = `
  select a.id, a.name, a.state, a.certificate, a.key_hash as "keyHash", a.crl_this_update as "crlThisUpdate", a.sealed_key as "sealedKey", a.challenge,
    a.challenge_expires_at as "challengeExpiresAt", t.name as type, a.tags, a.site, a.quota ${FROM}`;

type NewAuthority = Parameters<AuthorityStore['add']>[1];

export class PgAuthorityStore implements AuthorityStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope): Promise<Resource<'Authority'>[]> {
    const rows = await this.db.query<Row>(
      `select a.name, a.state, a.sealed_key is not null as signs, a.subject, a.fingerprint, a.not_before, a.not_after,
         t.name as type, a.tags, a.site, a.quota, a.registered, a.challenge, a.challenge_expires_at, a.crl_this_update,
         a.crl_next_update, a.crl_entries, a.created_at, a.created_by,
         (select count(*)::int from device_credential c where c.project_id = a.project_id and c.authority_id = a.id
            and c.revoked_at is null and c.expires_at > now()) as certificates
       ${FROM} where a.project_id = $1 order by a.name`,
      [scope.id],
    );
    return rows.map((row) => ({
      name: row.name,
      state: row.state,
      signs: row.signs,
      subject: row.subject,
      fingerprint: row.fingerprint.toString('hex'),
      notBefore: iso(row.not_before),
      notAfter: iso(row.not_after),
      type: row.type,
      tags: row.tags,
      site: row.site === '' ? null : row.site,
      quota: row.quota,
      registered: row.registered,
      certificates: row.certificates,
      challenge: row.state === 'unproven' ? row.challenge : null,
      challengeExpiresAt: row.state === 'unproven' ? isoOrNull(row.challenge_expires_at) : null,
      crl:
        row.crl_this_update === null || row.crl_next_update === null
          ? null
          : {
              thisUpdate: iso(row.crl_this_update),
              nextUpdate: iso(row.crl_next_update),
              entries: row.crl_entries,
            },
      createdAt: iso(row.created_at),
      createdBy: row.created_by,
    }));
  }

  async get(scope: ProjectScope, name: string): Promise<AuthorityRecord> {
    const [row] = await this.db.query<AuthorityRecord & object>(
      `${RECORD} where a.project_id = $1 and a.name = $2`,
      [scope.id, name],
    );
    if (!row) throw new FleetError('provisioning.authority-not-found', { authority: name });
    return row;
  }

  async active(scope: ProjectScope): Promise<AuthorityRecord[]> {
    return await this.db.query<AuthorityRecord & object>(
      `${RECORD} where a.project_id = $1 and a.state = 'active' order by a.created_at desc`,
      [scope.id],
    );
  }

  async add(scope: ProjectScope, authority: NewAuthority, max: number): Promise<void> {
    const typeId = await this.typeId(scope, authority.type);
    // The project's row is locked, so that two at once do not both take the last place.
    await this.db.query('select from project where id = $1 for no key update', [scope.id]);
    const [row] = await this.db.query<{ n: number }>(
      'select count(*)::int as n from device_authority where project_id = $1',
      [scope.id],
    );
    if ((row?.n ?? 0) >= max) throw new FleetError('provisioning.authorities-too-many', { limit: max });
    try {
      await this.db.execute(
        `insert into device_authority (project_id, id, name, state, certificate, fingerprint, subject, not_before, not_after,
           sealed_key, challenge, challenge_expires_at, type_id, tags, site, quota, created_by, key_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)`,
        [
          scope.id,
          authority.id,
          authority.name,
          authority.state,
          authority.certificate,
          authority.fingerprint,
          authority.subject,
          authority.notBefore,
          authority.notAfter,
          authority.sealedKey,
          authority.challenge,
          authority.challengeExpiresAt,
          typeId,
          authority.tags,
          authority.site,
          authority.quota,
          authority.createdBy,
          authority.keyHash,
        ],
      );
    } catch (error) {
      if (isDuplicate(error))
        throw new FleetError('provisioning.authority-exists', { authority: authority.name });
      throw error;
    }
  }

  async update(
    scope: ProjectScope,
    name: string,
    change: Parameters<AuthorityStore['update']>[2],
  ): Promise<void> {
    const { state, type, tags, site, quota } = change;
    const typeId = await this.typeId(scope, type ?? null);
    const changed = await this.db.execute(
      `update device_authority set state = coalesce($3, state), type_id = case when $4 then $5::uuid else type_id end,
         tags = coalesce($6::text[], tags), site = coalesce($7, site), quota = coalesce($8, quota)
       where project_id = $1 and name = $2`,
      [scope.id, name, state ?? null, type !== undefined, typeId, tags ?? null, site ?? null, quota ?? null],
    );
    if (changed === 0) throw new FleetError('provisioning.authority-not-found', { authority: name });
  }

  async remove(scope: ProjectScope, name: string): Promise<boolean> {
    return (
      (await this.db.execute('delete from device_authority where project_id = $1 and name = $2', [
        scope.id,
        name,
      ])) > 0
    );
  }

  async takeQuota(scope: ProjectScope, id: string): Promise<boolean> {
    const changed = await this.db.execute(
      'update device_authority set registered = registered + 1 where project_id = $1 and id = $2 and registered < quota',
      [scope.id, id],
    );
    return changed > 0;
  }

  async revokeSerials(
    scope: ProjectScope,
    { keyHash }: Pick<AuthorityRecord, 'keyHash'>,
    { serials, reason, by }: Parameters<AuthorityStore['revokeSerials']>[2],
  ): Promise<number> {
    await this.db.query(
      'select from device_authority where project_id = $1 and key_hash = $2 order by id for no key update',
      [scope.id, keyHash],
    );
    const added = await this.db.execute(
      `insert into revoked_certificate (project_id, key_hash, serial, reason, revoked_by)
       select $1, $2, serial, $4, $5 from unnest($3::text[]) as t (serial) on conflict do nothing`,
      [scope.id, keyHash, serials, reason, by],
    );
    await this.db.execute(
      `update device_credential set revoked_at = now()
       where project_id = $1 and revoked_at is null and (serial = any ($3::text[]) or between_serials && $3::text[])
         and authority_id in (select id from device_authority where project_id = $1 and key_hash = $2)`,
      [scope.id, keyHash, serials],
    );
    return added;
  }

  async isRevoked(
    scope: ProjectScope,
    { keyHash }: Pick<AuthorityRecord, 'keyHash'>,
    { serials, fingerprint }: Parameters<AuthorityStore['isRevoked']>[2],
  ): Promise<boolean> {
    // Waits for a revocation that is under way, and makes one wait that comes later.
    await this.db.query(
      'select from device_authority where project_id = $1 and key_hash = $2 order by id for share',
      [scope.id, keyHash],
    );
    const rows = await this.db.query(
      `select from revoked_certificate where project_id = $1 and key_hash = $2 and serial = any ($3::text[])
       union all select from removed_certificate where project_id = $1 and fingerprint = $4`,
      [scope.id, keyHash, serials, fingerprint],
    );
    return rows.length > 0;
  }

  async noteRevocationList(
    scope: ProjectScope,
    id: string,
    { thisUpdate, nextUpdate, entries }: Parameters<AuthorityStore['noteRevocationList']>[2],
  ): Promise<void> {
    await this.db.execute(
      `update device_authority set crl_this_update = $3, crl_next_update = $4, crl_entries = $5
       where project_id = $1 and id = $2`,
      [scope.id, id, thisUpdate, nextUpdate, entries],
    );
  }

  async renewal(scope: ProjectScope, requestHash: Buffer): Promise<Renewal | undefined> {
    const [row] = await this.db.query<Renewal & object>(
      `select d.name as device, r.certificate, a.certificate as authority,
         c.revoked_at is null and c.expires_at > now() and a.state = 'active' as "isLive"
       from certificate_renewal r
       join device_credential c on c.project_id = r.project_id and c.id = r.credential_id
       join device d on d.project_id = c.project_id and d.id = c.device_id
       join device_authority a on a.project_id = c.project_id and a.id = c.authority_id
       where r.project_id = $1 and r.request_hash = $2`,
      [scope.id, requestHash],
    );
    return row;
  }

  async addRenewal(
    scope: ProjectScope,
    { requestHash, credentialId, certificate, keepSeconds }: Parameters<AuthorityStore['addRenewal']>[1],
  ): Promise<void> {
    await this.db.execute(
      `delete from certificate_renewal r using device_credential c, device_credential own
       where own.project_id = $1 and own.id = $2 and c.project_id = $1 and c.device_id = own.device_id
         and r.project_id = $1 and r.credential_id = c.id and r.made_at < now() - make_interval(secs => $3)`,
      [scope.id, credentialId, keepSeconds],
    );
    await this.db.execute(
      `insert into certificate_renewal (project_id, request_hash, credential_id, certificate) values ($1, $2, $3, $4)`,
      [scope.id, requestHash, credentialId, certificate],
    );
  }

  async owner(scope: ProjectScope, fingerprint: Buffer): Promise<CertificateOwner | undefined> {
    const [row] = await this.db.query<CertificateOwner & object>(
      `select d.name as device, c.id as "credentialId", c.revoked_at is not null as "isRevoked", a.name as authority,
         c.expires_at as "expiresAt",
         a.state = 'active' and d.state not in ('suspended', 'retired') and not exists (select from device_enrolment e
           where e.project_id = d.project_id and e.device_id = d.id and e.state <> 'approved') as "mayConnect"
       from device_credential c
       join device d on d.project_id = c.project_id and d.id = c.device_id
       join device_authority a on a.project_id = c.project_id and a.id = c.authority_id
       where c.project_id = $1 and c.hash = $2 and c.kind = 'certificate'`,
      [scope.id, fingerprint],
    );
    return row;
  }

  async mayHold(scope: ProjectScope, device: string, authorityId: string): Promise<boolean> {
    const rows = await this.db.query(
      `select from device_credential c join device d on d.project_id = c.project_id and d.id = c.device_id
       where d.project_id = $1 and d.name = $2 and c.authority_id is distinct from $3 and c.revoked_at is null
         and (c.expires_at is null or c.expires_at > now())
         and not exists (select from device_credential own where own.project_id = c.project_id
           and own.device_id = c.device_id and own.authority_id = $3)
       limit 1`,
      [scope.id, device, authorityId],
    );
    return rows.length === 0;
  }

  private async typeId(scope: ProjectScope, name: string | null): Promise<string | null> {
    if (name === null) return null;
    const [row] = await this.db.query<{ id: string }>(
      'select id from device_type where project_id = $1 and name = $2',
      [scope.id, name],
    );
    if (!row) throw new FleetError('registry.type-not-found', { type: name });
    return row.id;
  }
}
