/** Devices by filter, any number of them: counted, locked and changed by set-based statements. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import type { BulkLimits, BulkUpdate, DeviceSetStore } from '@tinyfleet/registry';
import type { Db } from '../database.js';
import { DEVICE_COLUMNS, DEVICE_FROM, type DeviceListRow } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { namedQuery } from '../queries/index.js';
import { toDevice } from './device-store.js';

export class PgDeviceSetStore implements DeviceSetStore {
  constructor(private readonly db: Db) {}

  async count(
    scope: ProjectScope,
    filter: Filter,
    sample: number,
  ): Promise<{ count: number; sample: string[] }> {
    const { where, values } = await this.where(scope, filter);
    const [row] = await this.db.query<{ count: number }>(
      `select count(*)::float8 as count from device d where ${where}`,
      values,
    );
    if (sample === 0) return { count: row?.count ?? 0, sample: [] };
    const first = await this.db.query<{ name: string }>(
      `select d.name from device d where ${where} order by d.name limit $${values.length + 1}`,
      [...values, sample],
    );
    return { count: row?.count ?? 0, sample: first.map(({ name }) => name) };
  }

  async checkFilter(scope: ProjectScope, filter: Filter, own?: string): Promise<void> {
    await loadFilterNames(this.db, scope, filter, own);
  }

  async lock(scope: ProjectScope, filter: Filter, limit: number): Promise<string[]> {
    const { where, values } = await this.where(scope, filter);
    const rows = await this.db.query<{ id: string }>(
      `select d.id from device d where ${where} order by d.id limit $${values.length + 1} for update of d`,
      [...values, limit],
    );
    return rows.map(({ id }) => id);
  }

  async lockThese(scope: ProjectScope, ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ id: string }>(
      'select id from device where project_id = $1 and id = any($2::uuid[]) order by id for update',
      [scope.id, ids],
    );
    return rows.map(({ id }) => id);
  }

  async named(scope: ProjectScope, names: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ id: string; name: string }>(
      'select id, name from device where project_id = $1 and name = any($2::text[])',
      [scope.id, names],
    );
    const found = new Set(rows.map(({ name }) => name));
    const missing = names.find((name) => !found.has(name));
    if (missing !== undefined) throw new FleetError('registry.device-not-found', { device: missing });
    return rows.map(({ id }) => id);
  }

  async show(scope: ProjectScope, ids: readonly string[]): Promise<Resource<'Device'>[]> {
    const rows = await this.db.query<DeviceListRow>(
      `select ${DEVICE_COLUMNS} ${DEVICE_FROM} where d.project_id = $1 and d.id = any($2::uuid[]) order by d.name`,
      [scope.id, ids],
    );
    return rows.map(toDevice);
  }

  async names(scope: ProjectScope, ids: readonly string[]): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      'select name from device where project_id = $1 and id = any($2::uuid[])',
      [scope.id, ids],
    );
    return rows.map(({ name }) => name);
  }

  async update(
    scope: ProjectScope,
    ids: readonly string[],
    change: BulkUpdate,
    limits: BulkLimits,
  ): Promise<void> {
    const { tag, untag, site, hardwareRevision, notes, location, desired } = change;
    const set = Object.entries(desired ?? {}).filter(([, value]) => value !== null);
    const removed = Object.entries(desired ?? {}).flatMap(([key, value]) => (value === null ? [key] : []));
    await this.db.execute(namedQuery('registry/update-devices'), [
      scope.id,
      ids,
      tag ?? null,
      untag ?? null,
      site ?? null,
      hardwareRevision ?? null,
      notes ?? null,
      location !== undefined,
      location?.text ?? '',
      location?.latitude ?? null,
      location?.longitude ?? null,
      desired === undefined ? null : JSON.stringify(Object.fromEntries(set)),
      removed,
    ]);
    if (tag !== undefined) await this.refuseTooManyTags(scope, ids, limits.maxTags);
    if (set.length > 0) await this.refuseTooManyAttributes(scope, ids, limits.maxAttributes);
  }

  private async refuseTooManyTags(scope: ProjectScope, ids: readonly string[], limit: number): Promise<void> {
    const [row] = await this.db.query<{ name: string; count: number }>(
      `select name, cardinality(tags) as count from device
       where project_id = $1 and id = any($2::uuid[]) and cardinality(tags) > $3 limit 1`,
      [scope.id, ids, limit],
    );
    if (row) throw new FleetError('registry.tags-too-many', { device: row.name, count: row.count, limit });
  }

  private async refuseTooManyAttributes(
    scope: ProjectScope,
    ids: readonly string[],
    limit: number,
  ): Promise<void> {
    const [row] = await this.db.query<{ count: number }>(
      `select keys.count from device d cross join lateral (
         select count(*)::int as count from jsonb_object_keys(d.desired)) as keys
       where d.project_id = $1 and d.id = any($2::uuid[]) and keys.count > $3 limit 1`,
      [scope.id, ids, limit],
    );
    if (row) throw new FleetError('registry.attributes-too-many', { count: row.count, limit });
  }

  private async where(scope: ProjectScope, filter: Filter): Promise<{ where: string; values: unknown[] }> {
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id]);
    const where = `d.project_id = $1 and ${filterSql(filter, parameters, names)}`;
    return { where, values: parameters.values };
  }
}
