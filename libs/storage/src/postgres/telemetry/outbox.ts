/** Collects the events of a transaction over several projects and writes them last, projects in ascending order. */
import type { EventData, EventName } from '@tinyfleet/contracts';
import type { Db } from '../database.js';
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
    for (const [projectId, { types, data }] of [...this.events].sort(([a], [b]) => (a < b ? -1 : 1))) {
      await db.query(namedQuery('telemetry/emit-events'), [projectId, types, data]);
    }
  }
}
