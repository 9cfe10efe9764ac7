/** The job queue against the real thing: processes of a new installation start together. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PgJobQueue } from '@tinyfleet/storage';
import { startTestDatabase, type TestDatabase } from './test-database.js';

describe('PgJobQueue', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await startTestDatabase();
  });
  afterAll(async () => {
    await test.stop();
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
