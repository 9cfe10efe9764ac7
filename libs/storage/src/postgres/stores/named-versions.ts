/** Models and firmware by name, each with its newest version: they share a table, and names within a project. */
import type { Page, PageRequest, ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { uuidv7 } from 'uuidv7';
import type { Db } from '../database.js';
import { cursorKey, iso, toPage } from './page.js';

export interface Named {
  readonly name: string;
  readonly createdAt: string;
  readonly latestVersion: string | null;
  readonly versionCount: number;
}

export async function listNamed(
  db: Db,
  component: 'model' | 'firmware',
  scope: ProjectScope,
  page: PageRequest,
): Promise<Page<Named>> {
  const after = cursorKey(page)?.[0];
  const rows = await db.query<{
    name: string;
    created_at: Date;
    latest: string | null;
    count: number;
  }>(
    `select m.name, m.created_at, newest.version as latest,
       (select count(*)::int from model_version v where v.project_id = m.project_id and v.model_id = m.id) as count
     from model m left join lateral (
       select version from model_version v where v.project_id = m.project_id and v.model_id = m.id
       order by version_order desc limit 1) newest on true
     where m.project_id = $1 and m.component = $4 and ($2::text is null or m.name > $2) order by m.name limit $3`,
    [scope.id, after ?? null, page.limit + 1, component],
  );
  return toPage(
    rows,
    page.limit,
    (row) => [row.name],
    (row) => ({
      name: row.name,
      createdAt: iso(row.created_at),
      latestVersion: row.latest,
      versionCount: row.count,
    }),
  );
}

/** The name's row, made when it is not there, locked. @throws firmware.name-taken when it is the other component's */
export async function lockName(
  db: Db,
  scope: ProjectScope,
  name: string,
  component: 'model' | 'firmware',
): Promise<void> {
  await db.query(
    `insert into model (project_id, id, name, component) values ($1, $2, $3, $4)
     on conflict (project_id, name) do nothing`,
    [scope.id, uuidv7(), name, component],
  );
  const [row] = await db.query<{ component: string }>(
    'select component from model where project_id = $1 and name = $2 for update',
    [scope.id, name],
  );
  if (row?.component !== component)
    throw new FleetError('firmware.name-taken', { name, component: row?.component ?? '' });
}
