/** The outbox. */
import type { EventData, EventName, EventSink, ProjectEvent, ProjectScope } from '@tinyfleet/contracts';
import type { Db } from '../database.js';
import { iso } from './page.js';

export class PgEventSink implements EventSink {
  constructor(private readonly db: Db) {}

  async emit<N extends EventName>(scope: ProjectScope, name: N, data: EventData<N>): Promise<void> {
    await this.db.query('select emit_event($1, $2, $3)', [scope.id, name, JSON.stringify(data)]);
  }
}

/** Reads of the outbox, for server-sent events and other followers. */
export class PgEventReader {
  constructor(private readonly db: Db) {}

  async lastNumber(scope: ProjectScope): Promise<number> {
    const [row] = await this.db.query<{ value: string }>(
      `select value from project_counter where project_id = $1 and kind = 'event'`,
      [scope.id],
    );
    return Number(row?.value ?? 0);
  }

  /**
   * Before the first of the last `limit` events that is younger; the last there is when none is. An event is as old as its
   * transaction: numbers are given at the end of one, so an older event may come after a younger.
   */
  async lastNumberBefore(
    scope: ProjectScope,
    { ageMs, limit }: { ageMs: number; limit: number },
  ): Promise<number> {
    const [row] = await this.db.query<{ number: string }>(
      `select coalesce(
         (select min(number) - 1
          from (select number, at from event where project_id = $1 order by number desc limit $3) latest
          where at >= now() - make_interval(secs => $2::float8 / 1000)),
         (select value from project_counter where project_id = $1 and kind = 'event'),
         0) as number`,
      [scope.id, ageMs, limit],
    );
    return Number(row?.number);
  }

  async after(scope: ProjectScope, number: number, limit: number): Promise<ProjectEvent[]> {
    const rows = await this.db.query<{ number: string; type: EventName; data: unknown; at: Date }>(
      'select number, type, data, at from event where project_id = $1 and number > $2 order by number limit $3',
      [scope.id, number, limit],
    );
    return rows.map(
      (row) =>
        ({ number: Number(row.number), name: row.type, at: iso(row.at), data: row.data }) as ProjectEvent,
    );
  }
}
