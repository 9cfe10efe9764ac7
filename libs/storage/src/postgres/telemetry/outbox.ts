/** Collects the events of a transaction over several projects and writes them last, projects in ascending order. */
import type { EventData, EventName } from '@tinyfleet/contracts';
import type { Db } from '../database.js';
import type { Statement } from '../literals.js';
import { namedQuery } from '../queries/index.js';

export class Outbox {
  private readonly events = new Map<string, { types: string[]; data: string[] }>();

  add<N extends EventName>(projectId: string, name: N, data: EventData<N>): void {
    let of = this.events.get(projectId);
    if (!of) this.events.set(projectId, (of = { types: [], data: [] }));
    of.types.push(name);
    of.data.push(JSON.stringify(data));
  }

  async write(db: Pick<Db, 'query'>): Promise<void> {
    for (const { sql, values } of this.statements()) await db.query(sql, values);
  }

  statements(): Statement[] {
    return [...this.events]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([projectId, { types, data }]) => ({
        sql: namedQuery('telemetry/emit-events'),
        values: [projectId, types, data],
      }));
  }
}
