/** What changed in the registry, for the edge that holds connections of devices. */
import type { Db } from '../database.js';

export class PgRegistryChanges {
  constructor(private readonly db: Db) {}

  async devicesAfter(
    projectId: string,
    after: number,
  ): Promise<{
    last: number;
    devices: string[];
    asked: string[];
    keyChanged: boolean;
    authorityChanged: boolean;
  }> {
    const [row] = await this.db.query<{
      last: number;
      devices: string[] | null;
      many: string[] | null;
      asked: string[] | null;
      keyChanged: boolean | null;
      authorityChanged: boolean | null;
    }>(
      `select coalesce(max(number), $2)::float8 as last,
         array_agg(distinct data ->> 'device') filter (where type in ('device.updated', 'device.removed', 'device.registered', 'credential.changed')) as devices,
         (select array_agg(distinct name) from event many cross join jsonb_array_elements_text(many.data -> 'devices') as name
          where many.project_id = $1 and many.number > $2 and many.type = 'devices.updated') as many,
         array_agg(distinct data ->> 'device') filter (where type = 'command.changed' and data ->> 'state' = 'queued') as asked,
         bool_or(type = 'key.changed') as "keyChanged", bool_or(type = 'authority.changed') as "authorityChanged"
       from event where project_id = $1 and number > $2`,
      [projectId, after],
    );
    return {
      last: row?.last ?? after,
      devices: [...(row?.devices ?? []), ...(row?.many ?? [])],
      asked: row?.asked ?? [],
      keyChanged: row?.keyChanged ?? false,
      authorityChanged: row?.authorityChanged ?? false,
    };
  }

  async lastEvents(): Promise<Map<string, number>> {
    const rows = await this.db.query<{ id: string; last: number }>(
      `select p.id, coalesce(c.value, 0)::float8 as last
       from project p left join project_counter c on c.project_id = p.id and c.kind = 'event'`,
    );
    return new Map(rows.map(({ id, last }) => [id, last]));
  }

  async existing(projectIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.db.query<{ id: string }>('select id from project where id = any($1::uuid[])', [
      projectIds,
    ]);
    return new Set(rows.map(({ id }) => id));
  }
}
