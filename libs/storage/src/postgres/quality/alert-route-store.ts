/** Where alerts go, as people see and change it. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { AlertRouteStore, NewAlertRoute } from '@tinyfleet/quality';
import { isDuplicate, type Db } from '../database.js';
import { cursorKey, iso, toPage } from '../stores/page.js';

type Route = Resource<'AlertRoute'>;
type Row = Omit<Route, 'createdAt'> & { createdAt: Date };
const ROUTE = `name, kind, target, min_severity as "minSeverity", enabled, last_error as "lastError", created_by as "createdBy",
  created_at as "createdAt"`;

export class PgAlertRouteStore implements AlertRouteStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Route>> {
    const rows = await this.db.query<Row>(
      `select ${ROUTE} from alert_route where project_id = $1 and ($2::text is null or name > $2) order by name limit $3`,
      [scope.id, cursorKey(page)?.[0] ?? null, page.limit + 1],
    );
    return toPage(rows, page.limit, (row) => [row.name], toRoute);
  }

  async get(scope: ProjectScope, name: string): Promise<Route> {
    const [row] = await this.db.query<Row>(
      `select ${ROUTE} from alert_route where project_id = $1 and name = $2`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return toRoute(row);
  }

  async sealed(scope: ProjectScope, name: string): Promise<Buffer> {
    const [row] = await this.db.query<{ sealed: Buffer }>(
      'select sealed from alert_route where project_id = $1 and name = $2',
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return row.sealed;
  }

  async add(scope: ProjectScope, route: NewAlertRoute, most: number): Promise<void> {
    await this.db.query('select from project where id = $1 for update', [scope.id]);
    const [row] = await this.db.query<{ count: number }>(
      'select count(*)::integer as count from alert_route where project_id = $1',
      [scope.id],
    );
    if ((row?.count ?? 0) >= most) throw new FleetError('quality.alert-routes-too-many', { limit: most });
    const { id, name, kind, target, sealed, minSeverity, createdBy } = route;
    try {
      await this.db.execute(
        `insert into alert_route (project_id, id, name, kind, target, sealed, min_severity, created_by)
         values ($1, $2, $3, $4, $5, $6, $7, $8)`,
        [scope.id, id, name, kind, target, sealed, minSeverity, createdBy],
      );
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('quality.alert-route-exists', { route: name }) : error;
    }
  }

  async remove(scope: ProjectScope, name: string): Promise<void> {
    const gone = await this.db.execute('delete from alert_route where project_id = $1 and name = $2', [
      ...[scope.id, name],
    ]);
    if (gone === 0) throw notFound(name);
  }
}

const notFound = (route: string) => new FleetError('quality.alert-route-not-found', { route });
const toRoute = (row: Row): Route => ({ ...row, createdAt: iso(row.createdAt) });
