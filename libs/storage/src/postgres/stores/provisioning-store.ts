/** Provisioning keys, how devices came in by themselves, and claim codes. */
import {
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type {
  EnrolmentRecord,
  HeldKey,
  ProvisioningKeySettings,
  ProvisioningStore,
} from '@tinyfleet/registry';
import { isDuplicate, type Db } from '../database.js';
import { cursorKey, iso, isoOrNull, toPage } from './page.js';

interface KeyRow {
  readonly id: string;
  readonly name: string;
  readonly prefix: string;
  readonly name_template: string;
  readonly types: string[];
  readonly tags: string[];
  readonly site: string;
  readonly quota: number;
  readonly used: number;
  readonly needs_approval: boolean;
  readonly max_pending: number;
  readonly again: ProvisioningKeySettings['again'];
  readonly state: Resource<'ProvisioningKey'>['state'];
  readonly created_at: Date;
  readonly created_by: string;
  readonly expires_at: Date | null;
  readonly last_used_at: Date | null;
}
const KEY_COLUMNS = `
  k.id, k.name, k.prefix, k.name_template, k.tags, k.site, k.quota, k.used, k.needs_approval, k.max_pending, k.again,
  k.created_at, k.created_by, k.expires_at, k.last_used_at,
  case when k.revoked_at is not null then 'revoked' when k.expires_at <= now() then 'expired'
    when k.used >= k.quota then 'used-up' else 'active' end as state,
  array(select t.name from provisioning_key_type kt
    join device_type t on t.project_id = kt.project_id and t.id = kt.type_id
    where kt.project_id = k.project_id and kt.key_id = k.id order by t.name) as types`;

interface EnrolmentRow {
  readonly device: string;
  readonly type: string;
  readonly state: EnrolmentRecord['state'];
  readonly by: string | null;
  readonly address: string;
  readonly asked_at: Date;
  readonly at: string;
}

export class PgProvisioningStore implements ProvisioningStore {
  constructor(private readonly db: Db) {}

  async listKeys(scope: ProjectScope): Promise<Resource<'ProvisioningKey'>[]> {
    const rows = await this.db.query<KeyRow>(
      `select ${KEY_COLUMNS} from provisioning_key k where k.project_id = $1 order by k.name limit 1000`,
      [scope.id],
    );
    return rows.map((row) => ({
      ...settingsOf(row),
      prefix: row.prefix,
      used: row.used,
      state: row.state,
      createdAt: iso(row.created_at),
      createdBy: row.created_by,
      expiresAt: isoOrNull(row.expires_at),
      lastUsedAt: isoOrNull(row.last_used_at),
    }));
  }

  async addKey(
    scope: ProjectScope,
    key: ProvisioningKeySettings & {
      id: string;
      hash: Buffer;
      prefix: string;
      expiresAt: Date | null;
      createdBy: string;
    },
  ): Promise<void> {
    try {
      await this.db.execute(
        `insert into provisioning_key (project_id, id, name, hash, prefix, name_template, tags, site, quota, needs_approval,
           max_pending, again, expires_at, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
        [
          scope.id,
          key.id,
          key.name,
          key.hash,
          key.prefix,
          key.nameTemplate,
          key.tags,
          key.site ?? '',
          key.quota,
          key.needsApproval,
          key.maxPending,
          key.again,
          key.expiresAt,
          key.createdBy,
        ],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('provisioning.key-exists', { key: key.name }) : error;
    }
    const types = await this.db.query<{ name: string }>(
      `with found as (select id, name from device_type where project_id = $1 and name = any ($3::text[])),
         added as (insert into provisioning_key_type (project_id, key_id, type_id) select $1, $2, id from found)
       select name from found`,
      [scope.id, key.id, key.types],
    );
    const missing = key.types.find((type) => !types.some(({ name }) => name === type));
    if (missing !== undefined) throw new FleetError('registry.type-not-found', { type: missing });
  }

  async revokeKey(scope: ProjectScope, name: string): Promise<boolean> {
    const changed = await this.db.execute(
      'update provisioning_key set revoked_at = now() where project_id = $1 and name = $2 and revoked_at is null',
      [scope.id, name],
    );
    return changed > 0;
  }

  async holdKey(hash: Buffer): Promise<HeldKey | undefined> {
    const [row] = await this.db.query<KeyRow & { project_id: string; project: string }>(
      `select ${KEY_COLUMNS}, p.id as project_id, p.name as project
       from provisioning_key k join project p on p.id = k.project_id where k.hash = $1 for update of k`,
      [hash],
    );
    if (!row) return undefined;
    return {
      scope: projectScope(row.project_id, row.project),
      id: row.id,
      name: row.name,
      settings: settingsOf(row),
      used: row.used,
      // One whose quota is used still answers devices that it made.
      isUsable: row.state === 'active' || row.state === 'used-up',
    };
  }

  async countUse(scope: ProjectScope, keyId: string, devices: 0 | 1): Promise<void> {
    await this.db.execute(
      'update provisioning_key set used = used + $3, last_used_at = now() where project_id = $1 and id = $2',
      [scope.id, keyId, devices],
    );
  }

  async enrolment(scope: ProjectScope, device: string): Promise<EnrolmentRecord | undefined> {
    const [row] = await this.db.query<EnrolmentRecord & object>(
      `select e.state, e.key_id as "keyId", exists (select from device_credential c
         where c.project_id = e.project_id and c.device_id = e.device_id and c.last_used_at is not null) as "hasConnected"
       from device_enrolment e join device d on d.project_id = e.project_id and d.id = e.device_id
       where d.project_id = $1 and d.name = $2`,
      [scope.id, device],
    );
    return row;
  }

  async listEnrolments(
    scope: ProjectScope,
    state: EnrolmentRecord['state'],
    page: PageRequest,
  ): Promise<Page<Resource<'Enrolment'>>> {
    const [at, device] = cursorKey(page, 2) ?? [];
    if (at !== undefined && Number.isNaN(Date.parse(at))) throw new FleetError('registry.cursor-invalid');
    const rows = await this.db.query<EnrolmentRow>(
      `select d.name as device, t.name as type, e.state, e.address, e.asked_at, e.asked_at::text as at, coalesce(k.name, a.name) as by
       from device_enrolment e
       join device d on d.project_id = e.project_id and d.id = e.device_id
       join device_type t on t.project_id = d.project_id and t.id = d.type_id
       left join provisioning_key k on k.project_id = e.project_id and k.id = e.key_id
       left join device_authority a on a.project_id = e.project_id and a.id = e.authority_id
       where e.project_id = $1 and e.state = $2 and ($3::timestamptz is null or (e.asked_at, d.name) > ($3, $4))
       order by e.asked_at, d.name limit $5`,
      [scope.id, state, at ?? null, device ?? '', page.limit + 1],
    );
    return toPage(
      rows,
      page.limit,
      (row) => [row.at, row.device],
      (row) => ({
        device: row.device,
        type: row.type,
        state: row.state,
        by: row.by,
        address: row.address,
        askedAt: iso(row.asked_at),
      }),
    );
  }

  async countPending(scope: ProjectScope, keyId: string): Promise<number> {
    const [row] = await this.db.query<{ n: number }>(
      `select count(*)::int as n from device_enrolment where project_id = $1 and key_id = $2 and state = 'pending'`,
      [scope.id, keyId],
    );
    return row?.n ?? 0;
  }

  async addEnrolment(
    scope: ProjectScope,
    device: string,
    made: { keyId?: string; authorityId?: string; state: 'pending' | 'approved'; address: string },
  ): Promise<void> {
    await this.db.execute(
      `insert into device_enrolment (project_id, device_id, key_id, authority_id, state, address)
       select $1, id, $3, $4, $5, $6 from device where project_id = $1 and name = $2`,
      [scope.id, device, made.keyId ?? null, made.authorityId ?? null, made.state, made.address.slice(0, 64)],
    );
  }

  async decide(
    scope: ProjectScope,
    device: string,
    { from, to, by }: { from: readonly string[]; to: 'approved' | 'rejected'; by: string },
  ): Promise<boolean> {
    const changed = await this.db.execute(
      `update device_enrolment e set state = $4, decided_by = $5, decided_at = now()
       from device d where d.project_id = $1 and d.name = $2 and e.project_id = $1 and e.device_id = d.id
         and e.state = any ($3::text[])`,
      [scope.id, device, from, to, by],
    );
    return changed > 0;
  }

  async addCode(
    scope: ProjectScope,
    device: string,
    code: { id: string; hash: Buffer; expiresAt: Date; createdBy: string },
  ): Promise<void> {
    await this.db.execute(
      `delete from claim_code c using device d
       where d.project_id = $1 and d.name = $2 and c.project_id = $1 and c.device_id = d.id and c.used_at is null`,
      [scope.id, device],
    );
    const added = await this.db.execute(
      `insert into claim_code (project_id, id, device_id, hash, expires_at, created_by)
       select $1, $3, id, $4, $5, $6 from device where project_id = $1 and name = $2`,
      [scope.id, device, code.id, code.hash, code.expiresAt, code.createdBy],
    );
    if (added === 0) throw new FleetError('registry.device-not-found', { device });
  }

  async redeemCode(
    hash: Buffer,
    address: string,
  ): Promise<{ scope: ProjectScope; device: string } | undefined> {
    // The device's row first, as who makes a code does: the other order is a deadlock.
    await this.db.query(
      `select from device d join claim_code c on c.project_id = d.project_id and c.device_id = d.id
       where c.hash = $1 and c.used_at is null and c.expires_at > now() for update of d`,
      [hash],
    );
    const [row] = await this.db.query<{ project_id: string; project: string; device: string }>(
      `update claim_code c set used_at = now(), used_from = $2
       from project p, device d
       where c.hash = $1 and c.used_at is null and c.expires_at > now() and p.id = c.project_id
         and d.project_id = c.project_id and d.id = c.device_id
       returning p.id as project_id, p.name as project, d.name as device`,
      [hash, address.slice(0, 64)],
    );
    return row && { scope: projectScope(row.project_id, row.project), device: row.device };
  }
}

const settingsOf = (row: KeyRow): ProvisioningKeySettings => ({
  name: row.name,
  types: row.types,
  nameTemplate: row.name_template,
  tags: row.tags,
  site: row.site === '' ? null : row.site,
  quota: row.quota,
  needsApproval: row.needs_approval,
  maxPending: row.max_pending,
  again: row.again,
});
