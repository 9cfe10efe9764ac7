/** Projects whose alerts have a clock that is running out, found by the indexes of these clocks. */
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import type { AlertClocks } from '@tinyfleet/quality';
import type { Db } from '../database.js';

export class PgAlertClocks implements AlertClocks {
  constructor(private readonly db: Db) {}

  /** The shortest escalation is a minute. */
  async due(): Promise<ProjectScope[]> {
    const rows = await this.db.query<{ id: string; name: string }>(
      `select p.id, p.name from project p where p.id in (
         select project_id from alert where waiting_since < now() - interval '1 minute'
         union select project_id from alert where state = 'muted' and muted_until <= now())`,
    );
    return rows.map(({ id, name }) => projectScope(id, name));
  }
}
