/** Credentials of devices for people and services; the edge reads them in telemetry/device-directory.ts. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { CredentialStore, NewCertificate, NewToken } from '@tinyfleet/registry';
import { isDuplicate, type Db } from '../database.js';
import { iso, isoOrNull } from './page.js';

interface Row {
  readonly id: string;
  readonly kind: 'token' | 'certificate';
  readonly state: Resource<'Credential'>['state'];
  readonly hash: Buffer;
  readonly authority: string | null;
  readonly serial: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly starts_at: Date | null;
  readonly expires_at: Date | null;
  readonly revoked_at: Date | null;
  readonly last_used_at: Date | null;
}

export class PgCredentialStore implements CredentialStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, device: string): Promise<Resource<'Credential'>[]> {
    const deviceId = await this.deviceId(scope, device);
    const rows = await this.db.query<Row>(
      `select c.id, c.kind, c.hash, a.name as authority, c.serial, c.created_by, c.created_at, c.starts_at, c.expires_at,
         c.revoked_at, c.last_used_at,
         case when c.revoked_at is not null or a.state = 'disabled' then 'revoked'
           when c.expires_at <= now() then 'expired'
           when c.starts_at > now() then 'waiting'
           when c.replaced_by is not null then 'ending'
           else 'active' end as state
       from device_credential c
       left join device_authority a on a.project_id = c.project_id and a.id = c.authority_id
       where c.project_id = $1 and c.device_id = $2 order by c.id desc limit 200`,
      [scope.id, deviceId],
    );
    return rows.map((row) => ({
      id: row.id,
      kind: row.kind,
      state: row.state,
      createdAt: iso(row.created_at),
      createdBy: row.created_by,
      startsAt: isoOrNull(row.starts_at),
      expiresAt: isoOrNull(row.expires_at),
      revokedAt: isoOrNull(row.revoked_at),
      lastUsedAt: isoOrNull(row.last_used_at),
      authority: row.authority,
      serial: row.serial,
      fingerprint: row.kind === 'certificate' ? row.hash.toString('hex') : null,
    }));
  }

  async addFirst(scope: ProjectScope, tokens: readonly (NewToken & { device: string })[]): Promise<void> {
    await this.db.execute(
      `insert into device_credential (project_id, id, device_id, kind, hash, sealed_key, created_by)
       select $1, t.id, d.id, 'token', t.hash, t.sealed_key, t.created_by
       from unnest($2::uuid[], $3::text[], $4::bytea[], $5::bytea[], $6::text[]) as t (id, device, hash, sealed_key, created_by)
       join device d on d.project_id = $1 and d.name = t.device`,
      [
        scope.id,
        tokens.map(({ id }) => id),
        tokens.map(({ device }) => device),
        tokens.map(({ hash }) => hash),
        tokens.map(({ sealedKey }) => sealedKey),
        tokens.map(({ createdBy }) => createdBy),
      ],
    );
  }

  async addToken(scope: ProjectScope, device: string, token: NewToken, maxLive: number): Promise<void> {
    const deviceId = await this.lock(scope, device, maxLive);
    await this.db.execute(
      `insert into device_credential (project_id, id, device_id, kind, hash, sealed_key, created_by, expires_at)
       values ($1, $2, $3, 'token', $4, $5, $6, $7)`,
      [scope.id, token.id, deviceId, token.hash, token.sealedKey, token.createdBy, token.expiresAt ?? null],
    );
  }

  async addCertificate(
    scope: ProjectScope,
    device: string,
    certificate: NewCertificate,
    maxLive: number,
  ): Promise<void> {
    const deviceId = await this.lock(scope, device, maxLive);
    const { id, fingerprint, authorityId, serial, subject, startsAt, expiresAt, betweenSerials, createdBy } =
      certificate;
    try {
      await this.db.execute(
        `insert into device_credential
           (project_id, id, device_id, kind, hash, authority_id, serial, subject, starts_at, expires_at, not_after,
            between_serials, created_by)
         values ($1, $2, $3, 'certificate', $4, $5, $6, $7, $8, $9, $9, $10, $11)`,
        [
          ...[scope.id, id, deviceId, fingerprint, authorityId, serial, subject, startsAt, expiresAt],
          ...[betweenSerials, createdBy],
        ],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('provisioning.certificate-known', { device }) : error;
    }
  }

  async replace(
    scope: ProjectScope,
    device: string,
    by: { id: string; kind: 'token' | 'certificate'; overlapSeconds: number },
  ): Promise<number> {
    const deviceId = await this.lock(scope, device);
    return await this.db.execute(
      `update device_credential set replaced_by = $3,
         expires_at = least(expires_at, now() + make_interval(secs => $5))
       where project_id = $1 and device_id = $2 and kind = $4 and id <> $3 and revoked_at is null
         and (expires_at is null or expires_at > now())`,
      [scope.id, deviceId, by.id, by.kind, by.overlapSeconds],
    );
  }

  async holdsToken(scope: ProjectScope, device: string, hash: Buffer): Promise<boolean> {
    const rows = await this.db.query(
      `select from device_credential c join device d on d.project_id = c.project_id and d.id = c.device_id
       where d.project_id = $1 and d.name = $2 and c.kind = 'token' and c.hash = $3 and c.revoked_at is null
         and (c.expires_at is null or c.expires_at > now()) and d.state not in ('suspended', 'retired')
         and not exists (select from device_enrolment e where e.project_id = d.project_id and e.device_id = d.id
           and e.state <> 'approved')`,
      [scope.id, device, hash],
    );
    return rows.length > 0;
  }

  async revoke(scope: ProjectScope, device: string, id: string | undefined): Promise<number> {
    const deviceId = await this.lock(scope, device);
    const count = await this.db.execute(
      `update device_credential set revoked_at = now()
       where project_id = $1 and device_id = $2 and ($3::uuid is null or id = $3) and revoked_at is null`,
      [scope.id, deviceId, id ?? null],
    );
    if (count === 0 && id !== undefined)
      throw new FleetError('provisioning.credential-not-found', { device, id });
    return count;
  }

  private async deviceId(scope: ProjectScope, device: string): Promise<string> {
    const [found] = await this.db.query<{ id: string }>(
      'select id from device where project_id = $1 and name = $2',
      [scope.id, device],
    );
    if (!found) throw new FleetError('registry.device-not-found', { device });
    return found.id;
  }

  /** The device's row is locked, so that two changes of its credentials follow each other and the limit holds. */
  private async lock(scope: ProjectScope, device: string, maxLive = Infinity): Promise<string> {
    const [found] = await this.db.query<{ id: string; live: number }>(
      'select id from device where project_id = $1 and name = $2 for no key update',
      [scope.id, device],
    );
    if (!found) throw new FleetError('registry.device-not-found', { device });
    if (maxLive === Infinity) return found.id;
    const [open] = await this.db.query<{ live: number }>(
      `select count(*)::int as live from device_credential
       where project_id = $1 and device_id = $2 and revoked_at is null and (expires_at is null or expires_at > now())`,
      [scope.id, found.id],
    );
    if ((open?.live ?? 0) >= maxLive)
      throw new FleetError('provisioning.credentials-too-many', { device, limit: maxLive });
    return found.id;
  }
}
