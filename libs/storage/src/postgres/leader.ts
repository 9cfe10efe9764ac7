/**
 * Leadership by a Postgres advisory lock of the session: one connection holds it, and losing the connection is losing
 * the lead. Any number of processes may compete; the work runs in one of them. One that has lost the lead and has not
 * noticed yet is kept from writing by the number of its term (`hold`).
 */
import { FleetError } from '@tinyfleet/errors';
import type { Transact } from '@tinyfleet/contracts';
import type pg from 'pg';
import type { Database, Db } from './database.js';
import { LOCK_SPACE } from './migrate.js';
import { PgStores, type StoreOptions } from './stores/index.js';

/**
 * What a new leader's plans depend on: a database that was restored, or filled a moment ago, has no statistics, and autovacuum
 * comes too late.
 */
const tables = {
  rollout: 'deployment, desired_state, device_report, presence',
  webhook: undefined,
  quality: undefined,
  alert: undefined,
  retention: undefined,
} as const;

/** (7461, n), beside the lock of the migrations. */
export const leaders = { rollout: 3, webhook: 6, quality: 7, alert: 8, retention: 9 } as const;

export class Leader {
  private client: pg.PoolClient | undefined;
  private taking: Promise<boolean> | undefined;
  private term = 0n;

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
    // Who asks meanwhile is not to lose against ourselves.
    this.taking ??= this.take().finally(() => (this.taking = undefined));
    return await this.taking;
  }

  private async take(): Promise<boolean> {
    const client = await this.database.pool.connect();
    try {
      const { rows } = await client.query<{ taken: boolean }>(
        'select pg_try_advisory_lock($1, $2) as taken',
        [LOCK_SPACE, leaders[this.of]],
      );
      if (rows[0]?.taken !== true) {
        client.release();
        return false;
      }
      if (tables[this.of]) await client.query(`analyze ${tables[this.of]}`);
      this.term = await beginTerm(client, this.of);
    } catch (error) {
      // Closed, not given back: it may hold the lock, and then nobody could lead.
      client.release(true);
      throw error;
    }
    client.on('error', this.lost);
    client.on('end', this.lost);
    this.client = client;
    return true;
  }

  /**
   * First in a transaction: it is mine to write until the transaction ends. The next leader's term cannot begin meanwhile.
   * @throws storage.lead-lost
   */
  async hold(db: Db): Promise<void> {
    const rows = await db.query('select term from leader_term where name = $1 and term = $2 for share', [
      this.of,
      String(this.term),
    ]);
    if (rows.length > 0) return;
    this.lost();
    throw new FleetError('storage.lead-lost', { role: this.of });
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

/** Waits for a transaction that the leader before has open. */
async function beginTerm(client: pg.PoolClient, of: keyof typeof leaders): Promise<bigint> {
  const { rows } = await client.query<{ term: string }>(
    `insert into leader_term as t (name, term) values ($1, 1)
     on conflict (name) do update set term = t.term + 1 returning term`,
    [of],
  );
  return BigInt(rows[0]!.term);
}

/** Transactions that only the leader can commit. */
export function transactAsLeader(
  database: Database,
  leader: Leader,
  options?: StoreOptions,
): Transact<PgStores> {
  return async (work) =>
    await database.transaction(async (tx) => {
      await leader.hold(tx);
      return await work(new PgStores(tx, options));
    });
}
