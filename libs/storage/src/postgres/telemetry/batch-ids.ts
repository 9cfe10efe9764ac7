/** Numbers of batches, taken from their sequence by the dozen: a batch knows its own before it asks the database anything. */
import type { Db } from '../database.js';

const atOnce = 64;

export class BatchIds {
  private readonly ids: string[] = [];

  constructor(private readonly db: Pick<Db, 'query'>) {}

  /** int8 as text. */
  async next(): Promise<string> {
    for (;;) {
      const id = this.ids.shift();
      if (id !== undefined) return id;
      const rows = await this.db.query<{ id: string }>(
        `select nextval(pg_get_serial_sequence('telemetry_batch', 'id'))::text as id from generate_series(1, $1)`,
        [atOnce],
      );
      this.ids.push(...rows.map(({ id }) => id));
    }
  }
}
