/** Connections against a real server: losing one fails its query and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import { startTestDatabase, type TestDatabase } from './test-database.js';

describe('Database', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await startTestDatabase();
  });
  afterAll(async () => {
    await test.stop();
  });

  it('should outlive a connection that ends while it is in use', async () => {
    const client = await test.database.pool.connect();
    try {
      const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
      // An error that nobody listens to would end the process.
      await test.database.query('select pg_terminate_backend($1)', [rows[0]?.pid]);
      await eventually(async () => {
        await expect(client.query('select 1')).rejects.toThrow();
      });
    } finally {
      client.release(true);
    }
    expect(await test.database.query('select 1 as one')).toEqual([{ one: 1 }]);
  });
});
