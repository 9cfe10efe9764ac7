/**
 * Leadership by a Postgres advisory lock of the session: one connection holds it, and losing the connection is losing
 * the lead. Any number of processes may compete; the work runs in one of them.
 */
import type pg from 'pg';
import type { Database } from './database.js';
import { LOCK_SPACE } from './migrate.js';

/** (7461, n), beside the lock of the migrations. */
export const leaders = { rollout: 3, webhook: 6 } as const;

export class Leader {
  private client: pg.PoolClient | undefined;

  constructor(
    private readonly database: Database,
    private readonly of: keyof typeof leaders = 'rollout',
  ) {}

  get leads(): boolean {
    return this.client !== undefined;
  }

  /** Takes the lead when nobody has it. False: somebody else leads. */
  async tryLead(): Promise<boolean> {
    if (this.client) return true;
    const client = await this.database.pool.connect();
    let lead = false;
    try {
      const { rows } = await client.query<{ taken: boolean }>(
        'select pg_try_advisory_lock($1, $2) as taken',
        [LOCK_SPACE, leaders[this.of]],
      );
      lead = rows[0]?.taken === true;
    } finally {
      if (!lead) client.release();
    }
    if (!lead) return false;
    client.on('error', this.lost);
    client.on('end', this.lost);
    this.client = client;
    return true;
  }

  async resign(): Promise<void> {
    const { client } = this;
    this.client = undefined;
    if (!client) return;
    client.off('error', this.lost);
    client.off('end', this.lost);
    try {
      await client.query('select pg_advisory_unlock($1, $2)', [LOCK_SPACE, leaders[this.of]]);
      client.release();
    } catch {
      client.release(true);
    }
  }

  private readonly lost = (): void => {
    this.client?.release(true);
    this.client = undefined;
  };
}
