/** Groups and their members. Counts of static groups are kept by a trigger (0004-registry.sql). */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { GroupStore, LockedGroup, NewGroup } from '@tinyfleet/registry';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import { cursorKey, iso, isoOrNull, toPage } from './page.js';

interface Row {
  readonly name: string;
  readonly kind: Resource<'GroupKind'>;
  readonly filter: string | null;
  readonly notes: string;
  readonly count: number;
  readonly counted_at: Date | null;
  readonly revision: number;
  readonly created_by: string;
  readonly created_at: Date;
}
const COLUMNS = `name, kind, filter, notes, count::float8 as count, counted_at, revision::float8 as revision,
  created_by, created_at`;

/** Seed of the hash: other locks of a project have other numbers. */
const GROUPS_LOCK = 1;

export class PgGroupStore implements GroupStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Group'>>> {
    const [after = ''] = cursorKey(page) ?? [];
    const rows = await this.db.query<Row>(
      `select ${COLUMNS} from device_group where project_id = $1 and name > $2 order by name limit $3`,
      [scope.id, after, page.limit + 1],
    );
    return toPage(rows, page.limit, ({ name }) => [name], toGroup);
  }

  async get(scope: ProjectScope, name: string): Promise<Resource<'Group'>> {
    const [row] = await this.db.query<Row>(
      `select ${COLUMNS} from device_group where project_id = $1 and name = $2`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return toGroup(row);
  }

  async lockAll(scope: ProjectScope): Promise<void> {
    await this.db.query('select pg_advisory_xact_lock(hashtextextended($1::text, $2))', [
      scope.id,
      GROUPS_LOCK,
    ]);
  }

  async lock(scope: ProjectScope, name: string): Promise<LockedGroup> {
    const [row] = await this.db.query<LockedGroup & object>(
      'select id, kind, filter, notes from device_group where project_id = $1 and name = $2 for update',
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return row;
  }

  async add(scope: ProjectScope, { name, filter, notes, createdBy }: NewGroup): Promise<void> {
    try {
      await this.db.execute(
        `insert into device_group (project_id, id, name, kind, filter, notes, created_by)
         values ($1, $2, $3, $4, $5, $6, $7)`,
        [scope.id, uuidv7(), name, filter === null ? 'static' : 'dynamic', filter, notes, createdBy],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('registry.group-exists', { group: name }) : error;
    }
  }

  async update(
    scope: ProjectScope,
    id: string,
    { filter, notes }: { readonly filter?: string; readonly notes?: string },
  ): Promise<void> {
    await this.db.execute(
      `update device_group set filter = coalesce($3, filter), notes = coalesce($4, notes),
         counted_at = case when $3::text is null then counted_at end, revision = revision + 1
       where project_id = $1 and id = $2`,
      [scope.id, id, filter ?? null, notes ?? null],
    );
  }

  async remove(scope: ProjectScope, id: string): Promise<void> {
    await this.db.execute('delete from device_group where project_id = $1 and id = $2', [scope.id, id]);
  }

  async filters(
    scope: ProjectScope,
  ): Promise<{ groups: number; dynamic: { name: string; filter: string }[] }> {
    const rows = await this.db.query<{ name: string; filter: string | null }>(
      'select name, filter from device_group where project_id = $1 order by name',
      [scope.id],
    );
    const dynamic = rows.flatMap(({ name, filter }) => (filter === null ? [] : [{ name, filter }]));
    return { groups: rows.length, dynamic };
  }

  async addMembers(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<number> {
    return await this.db.execute(
      `insert into device_group_member (project_id, group_id, device_id)
       select $1, $2, id from unnest($3::uuid[]) as id on conflict do nothing`,
      [scope.id, id, deviceIds],
    );
  }

  async removeMembers(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<number> {
    return await this.db.execute(
      'delete from device_group_member where project_id = $1 and group_id = $2 and device_id = any($3::uuid[])',
      [scope.id, id, deviceIds],
    );
  }

  async setCount(
    scope: ProjectScope,
    name: string,
    { filter, count }: { readonly filter: string; readonly count: number },
  ): Promise<void> {
    await this.db.execute(
      'update device_group set count = $4, counted_at = now() where project_id = $1 and name = $2 and filter = $3',
      [scope.id, name, filter, count],
    );
  }
}

const notFound = (group: string) => new FleetError('registry.group-not-found', { group });

const toGroup = (row: Row): Resource<'Group'> => ({
  name: row.name,
  kind: row.kind,
  filter: row.filter,
  notes: row.notes,
  count: row.kind === 'dynamic' && row.counted_at === null ? null : row.count,
  countedAt: isoOrNull(row.counted_at),
  revision: row.revision,
  createdAt: iso(row.created_at),
  createdBy: row.created_by,
});
