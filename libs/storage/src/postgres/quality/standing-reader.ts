/** What alerts about what is so are opened by, for all projects. */
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import type { ExpectedDevice, StandingAlert, StandingReader, StayingDevices } from '@tinyfleet/quality';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { valuesShared } from './watch-reader.js';

type OfProject<Row> = Omit<Row, 'scope'> & { projectId: string; project: string };

export class PgStandingReader implements StandingReader {
  constructor(private readonly db: Db) {}

  async edgeAwaySince(): Promise<number | null> {
    const [row] = await this.db.query<{ aliveAtMs: number }>(
      `select extract(epoch from alive_at)::float8 * 1000 as "aliveAtMs" from edge_pulse
       where alive_at < now() - make_interval(secs => outage_s)`,
    );
    return row?.aliveAtMs ?? null;
  }

  async active(): Promise<ProjectScope[]> {
    return await this.projects(
      `exists (select from presence x where x.project_id = p.id and (x.connected or x.last_seen_at > now() - interval '1 day'))`,
    );
  }

  async late(least: number): Promise<ProjectScope[]> {
    return await this.projects(
      `p.id in (select project_id from presence where not connected and next_contact_by <= now()
         and next_contact_by > now() - interval '1 day' group by 1 having count(*) >= $1)`,
      [least],
    );
  }

  async staying(mostDevices: number): Promise<StayingDevices[]> {
    const rows = await this.db.query<OfProject<StayingDevices>>(namedQuery('quality/staying-devices'), [
      mostDevices,
    ]);
    return rows.filter(({ devices }) => devices.length > 0).map(scoped);
  }

  async expected(scope: ProjectScope, most: number): Promise<ExpectedDevice[]> {
    const rows = await this.db.query<
      Omit<ExpectedDevice, 'attributes'> & { attributes: Record<string, unknown> }
    >(namedQuery('quality/expected-devices'), [scope.id, most]);
    return rows.map(({ attributes, ...rest }) => ({ ...rest, attributes: valuesShared(attributes) }));
  }

  async alerts(): Promise<StandingAlert[]> {
    const rows = await this.db.query<OfProject<StandingAlert>>(
      `select a.project_id as "projectId", p.name as project, a.number, a.kind, a.subject, a.state <> 'resolved' as "isOpen",
         a.reopened, a.incident
       from alert a join project p on p.id = a.project_id
       where a.watch_id is null
         and (a.state <> 'resolved' or not a.was_calm and a.resolved_at > now() - interval '1 day')`,
    );
    return rows.map(scoped);
  }

  private async projects(condition: string, values: readonly unknown[] = []): Promise<ProjectScope[]> {
    const rows = await this.db.query<{ id: string; name: string }>(
      `select p.id, p.name from project p where ${condition} order by p.id`,
      values,
    );
    return rows.map(({ id, name }) => projectScope(id, name));
  }
}

const scoped = <Row extends object>({ projectId, project, ...rest }: OfProject<Row>): Row =>
  ({ ...rest, scope: projectScope(projectId, project) }) as unknown as Row;
