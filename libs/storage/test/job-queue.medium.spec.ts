/** The job queue against the real thing: processes of a new installation start together. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LOCK_SPACE, PgJobQueue } from '@tinyfleet/storage';
import { startTestDatabase, type TestDatabase } from './test-database.js';

describe('PgJobQueue', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await startTestDatabase();
  });
  afterAll(async () => {
    await test.stop();
  });

  it('should wait while another process makes the schema', async () => {
    const present = async (): Promise<boolean> =>
      (await test.database.query(`select 1 from pg_namespace where nspname = 'pgboss'`)).length === 1;
    const other = await test.database.pool.connect();
    const queue = new PgJobQueue(test.database, () => undefined);
    await other.query('select pg_advisory_lock($1, 4)', [LOCK_SPACE]);
    const starting = queue.start([]);
    try {
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(await present()).toBe(false);
    } finally {
      await other.query('select pg_advisory_unlock($1, 4)', [LOCK_SPACE]);
      other.release();
      await starting;
      expect(await present()).toBe(true);
      await queue.stop(1_000);
    }
  });

  it('should make its schema once when several processes start together', async () => {
    const errors: unknown[] = [];
    const queues = Array.from(
      { length: 4 },
      () => new PgJobQueue(test.database, (error) => errors.push(error)),
    );
    try {
      await Promise.all(queues.map(async (queue) => await queue.start(['build'])));
      const rows = await test.database.query<{ n: string }>(
        `select count(*) as n from pgboss.queue where name = 'build'`,
      );
      expect(Number(rows[0]?.n)).toBe(1);
      expect(errors).toEqual([]);
    } finally {
      await Promise.allSettled(queues.map(async (queue) => await queue.stop(1_000)));
    }
  });
});
