/** Bulk actions that run as jobs: the devices of each in parts, the parts gone when they are done. */
import type { Page, PageRequest, ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { BulkAction, BulkActionStore, BulkEnd, BulkPart, NewBulkAction } from '@tinyfleet/registry';
import type { Db } from '../database.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { namedQuery } from '../queries/index.js';
import { Parameters } from '../queries/parameters.js';
import { cursorId, iso, isoOrNull, toPage } from './page.js';

/** Ended ones that are kept of a project. */
const KEPT = 500;

interface Row {
  readonly id: string;
  readonly state: BulkAction['state'];
  readonly filter: string;
  readonly change: BulkAction['change'];
  readonly matched: number;
  readonly handled: number;
  readonly changed: number;
  readonly problem: BulkAction['problem'];
  readonly cancelled_by: string | null;
  readonly created_by: string;
  readonly created_at: Date;
  readonly finished_at: Date | null;
}
const COLUMNS = `id, state, filter, change, matched::float8 as matched, handled::float8 as handled,
  changed::float8 as changed, problem, cancelled_by, created_by, created_at, finished_at`;

export class PgBulkActionStore implements BulkActionStore {
  constructor(private readonly db: Db) {}

  async add(scope: ProjectScope, action: NewBulkAction): Promise<number> {
    const { id, text, filter, change, createdBy, partDevices } = action;
    await this.db.execute(
      `insert into bulk_action (project_id, id, state, filter, change, matched, created_by)
       values ($1, $2, 'waiting', $3, $4, 0, $5)`,
      [scope.id, id, text, JSON.stringify(change), createdBy],
    );
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id, id, partDevices]);
    await this.db.execute(
      `insert into bulk_action_part (project_id, action_id, number, device_ids)
       select $1, $2, part, array_agg(id order by id) from (
         select d.id, ((row_number() over (order by d.id) - 1) / $3::int)::int as part
         from device d where d.project_id = $1 and ${filterSql(filter, parameters, names)}) as matched
       group by part`,
      parameters.values,
    );
    const [row] = await this.db.query<{ matched: number }>(
      `update bulk_action set matched = (
         select coalesce(sum(cardinality(device_ids)), 0) from bulk_action_part p where p.project_id = $1 and p.action_id = $2)
       where project_id = $1 and id = $2 returning matched::float8 as matched`,
      [scope.id, id],
    );
    await this.db.execute(
      `delete from bulk_action where project_id = $1 and finished_at is not null and id in (
         select id from bulk_action where project_id = $1 order by created_at desc offset $2)`,
      [scope.id, KEPT],
    );
    return row?.matched ?? 0;
  }

  async countOpen(scope: ProjectScope): Promise<number> {
    await this.db.query('select id from project where id = $1 for no key update', [scope.id]);
    const [row] = await this.db.query<{ count: number }>(
      'select count(*)::int as count from bulk_action where project_id = $1 and finished_at is null',
      [scope.id],
    );
    return row?.count ?? 0;
  }

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<BulkAction>> {
    const rows = await this.db.query<Row>(
      `select ${COLUMNS} from bulk_action
       where project_id = $1 and ($2::uuid is null or (created_at, id) <
         (select created_at, id from bulk_action where project_id = $1 and id = $2::uuid))
       order by created_at desc, id desc limit $3`,
      [scope.id, cursorId(page) ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, ({ id }) => [id], toAction);
  }

  async get(scope: ProjectScope, id: string): Promise<BulkAction> {
    return await this.one(`select ${COLUMNS} from bulk_action where project_id = $1 and id = $2`, scope, id);
  }

  async lock(scope: ProjectScope, id: string): Promise<BulkAction> {
    return await this.one(
      `select ${COLUMNS} from bulk_action where project_id = $1 and id = $2 for update`,
      scope,
      id,
    );
  }

  async nextPart(scope: ProjectScope, id: string): Promise<BulkPart | undefined> {
    const [row] = await this.db.query<{ number: number; deviceIds: string[] }>(
      `select number, device_ids as "deviceIds" from bulk_action_part
       where project_id = $1 and action_id = $2 order by number limit 1`,
      [scope.id, id],
    );
    return row;
  }

  async advance(
    scope: ProjectScope,
    id: string,
    { part, changed }: { readonly part: BulkPart; readonly changed: number },
  ): Promise<void> {
    await this.db.execute(
      'delete from bulk_action_part where project_id = $1 and action_id = $2 and number = $3',
      [scope.id, id, part.number],
    );
    await this.db.execute(
      `update bulk_action set state = 'running', handled = handled + $3, changed = changed + $4, updated_at = now()
       where project_id = $1 and id = $2`,
      [scope.id, id, part.deviceIds.length, changed],
    );
  }

  async finish(scope: ProjectScope, id: string, end: BulkEnd): Promise<void> {
    await this.db.execute('delete from bulk_action_part where project_id = $1 and action_id = $2', [
      scope.id,
      id,
    ]);
    await this.db.execute(
      `update bulk_action set state = $3, problem = $4, cancelled_by = $5, updated_at = now(), finished_at = now()
       where project_id = $1 and id = $2`,
      [scope.id, id, end.state, end.problem ? JSON.stringify(end.problem) : null, end.cancelledBy ?? null],
    );
  }

  async mayGoOn(scope: ProjectScope, actor: string): Promise<boolean> {
    const [row] = await this.db.query<{ allowed: boolean }>(namedQuery('access/may-operate'), [
      scope.id,
      actor,
    ]);
    return row?.allowed ?? false;
  }

  private async one(sql: string, scope: ProjectScope, id: string): Promise<BulkAction> {
    const [row] = await this.db.query<Row>(sql, [scope.id, id]);
    if (!row) throw new FleetError('registry.bulk-action-not-found', { action: id });
    return toAction(row);
  }
}

/** Actions that nobody has worked on for $1 seconds: their job was lost with its worker. */
export async function idleBulkActions(
  db: Db,
  idleSeconds: number,
): Promise<{ id: string; projectId: string; project: string }[]> {
  return await db.query(
    `select a.id, a.project_id as "projectId", p.name as project from bulk_action a join project p on p.id = a.project_id
     where a.finished_at is null and a.updated_at < now() - make_interval(secs => $1)`,
    [idleSeconds],
  );
}

const toAction = (row: Row): BulkAction => ({
  id: row.id,
  state: row.state,
  filter: row.filter,
  change: row.change,
  matched: row.matched,
  handled: row.handled,
  changed: row.changed,
  problem: row.problem,
  createdBy: row.created_by,
  cancelledBy: row.cancelled_by,
  createdAt: iso(row.created_at),
  finishedAt: isoOrNull(row.finished_at),
});
