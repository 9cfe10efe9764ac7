/**
 * Jobs in Postgres (pg-boss): enqueued in the transaction of their cause, fetched with SKIP LOCKED by as many
 * workers as there are. The row of a job's subject holds its state; the queue only says whose turn it is.
 */
import PgBoss from 'pg-boss';
import type { Database, Db } from './database.js';
import { LOCK_SPACE } from './migrate.js';

const QUEUE_LOCK = 4;

export interface WorkOptions {
  /** Jobs at a time in this process. */
  readonly concurrency: number;
  /** A job that is not done by then is given to another worker. */
  readonly expireInSeconds: number;
}

export class PgJobQueue {
  private readonly boss: PgBoss;
  private readonly running = new Set<Promise<void>>();

  constructor(
    private readonly database: Database,
    private readonly onError: (error: unknown) => void,
  ) {
    this.boss = new PgBoss({
      db: {
        executeSql: async (text, values: unknown[] | undefined) =>
          // Without values it may be several statements, which only the simple protocol takes.
          await (values === undefined || values.length === 0
            ? database.pool.query(text)
            : database.pool.query(text, values)),
      },
      schema: 'pgboss',
      schedule: false,
      retryLimit: 2,
      archiveCompletedAfterSeconds: 3_600,
      deleteAfterDays: 2,
    });
    this.boss.on('error', onError);
  }

  /** Makes the queue's own schema, under a lock: processes that start together would make it twice. */
  async start(queues: readonly string[]): Promise<void> {
    const client = await this.database.pool.connect();
    try {
      await client.query('select pg_advisory_lock($1, $2)', [LOCK_SPACE, QUEUE_LOCK]);
      try {
        await this.boss.start();
        const known = new Set((await this.boss.getQueues()).map(({ name }) => name));
        for (const name of queues) if (!known.has(name)) await this.boss.createQueue(name);
      } finally {
        await client.query('select pg_advisory_unlock($1, $2)', [LOCK_SPACE, QUEUE_LOCK]);
      }
    } finally {
      client.release();
    }
  }

  /** `db`: the transaction that makes the job's row. */
  async send(db: Db, queue: string, data: object, expireInSeconds: number): Promise<void> {
    await this.boss.send(queue, data, {
      expireInSeconds,
      db: { executeSql: async (text, values) => ({ rows: await db.query(text, values) }) },
    });
  }

  /** @returns resolves when the worker polls. A rejected handler makes the queue retry the job. */
  async work(
    queue: string,
    { concurrency }: WorkOptions,
    handler: (data: unknown) => Promise<void>,
  ): Promise<void> {
    for (let i = 0; i < concurrency; i++) {
      await this.boss.work(queue, { batchSize: 1, pollingIntervalSeconds: 0.5 }, async (jobs) => {
        for (const job of jobs) {
          const done = handler(job.data);
          this.running.add(done);
          await done.finally(() => this.running.delete(done));
        }
      });
    }
  }

  /** After a crash of the only worker process: what it held is free again, without waiting for its expiry. */
  async releaseActive(queue: string): Promise<number> {
    return await this.database.execute(
      `update pgboss.job set state = 'retry', start_after = now() where name = $1 and state = 'active'`,
      [queue],
    );
  }

  /** Takes no more; `graceMs` for those at work, which the caller may have told to stop. */
  async stop(graceMs: number): Promise<void> {
    await this.boss.stop({ graceful: true, wait: true, timeout: graceMs, close: false }).catch(this.onError);
    await Promise.allSettled(this.running);
  }
}
