/** Folds what changed in the fleet's counts (0012-scale.sql), so that readers have few rows to add up. */
import type { Database } from '../database.js';
import { namedQuery } from '../queries/index.js';

export class PgFleetCounts {
  constructor(private readonly database: Database) {}

  /** Any number of processes may: each change is taken once. */
  async fold(): Promise<void> {
    const counted = await this.database.execute(namedQuery('registry/fold-fleet-counts'));
    if (counted > 0) await this.database.execute('delete from fleet_count where count = 0');
  }
}
