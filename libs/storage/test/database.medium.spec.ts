/** Connections against a real server: losing one fails its query and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { BinaryCopy, PgRollupStore, RecentBatches, copy } from '@tinyfleet/storage';
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

  it('should copy with what belongs to it in one round trip, all of it or nothing', async () => {
    const { database } = test;
    await database.query('create table trip (n int primary key)');
    const rows = (...numbers: number[]): Buffer =>
      new BinaryCopy<{ n: number }>('trip', { n: { column: 'n', type: copy.int4 } }).encode(
        numbers.map((n) => ({ n })),
      );
    const into = 'copy trip (n) from stdin with (format binary)';
    const stored = async () =>
      (await database.query<{ n: number }>('select n from trip order by n')).map(({ n }) => n);
    await database.copyIn(`insert into trip values (1); ${into}; insert into trip values (4)`, rows(2, 3));
    expect(await stored()).toEqual([1, 2, 3, 4]);
    const { totalCount } = database.pool;
    const refused = async (sql: string, data: Buffer, code: string) =>
      await expect(database.copyIn(sql, data)).rejects.toMatchObject({ code });
    // Before the copy, whose data comes all the same; by a row of it; in the middle of its data; behind it.
    await refused(`insert into trip values (1); ${into}`, rows(5), '23505');
    await refused(`insert into trip values (5); ${into}`, rows(6, 1), '23505');
    await refused(into, rows(6, 7).subarray(0, 27), '22P04');
    await refused(`${into}; insert into trip values (1)`, rows(5), '23505');
    // The connections go on.
    expect(database.pool.totalCount).toBe(totalCount);
    expect(await stored()).toEqual([1, 2, 3, 4]);
    await database.copyIn(into, rows(5));
    expect(await stored()).toEqual([1, 2, 3, 4, 5]);
  });

  it('should copy by another connection when one ends in the middle', async () => {
    const { database } = test;
    await database.query('create table slow (n int)');
    const data = new BinaryCopy<{ n: number }>('slow', { n: { column: 'n', type: copy.int4 } }).encode([
      { n: 1 },
    ]);
    const into = 'copy slow (n) from stdin with (format binary)';
    const cut = database.copyIn(`${into}; select pg_sleep(60)`, data).catch((error: unknown) => ({
      error,
      left: database.pool.totalCount,
    }));
    const sleeping = `from pg_stat_activity where query like '%pg_sleep(60)' and pid <> pg_backend_pid()`;
    await eventually(async () => expect(await database.query(`select ${sleeping}`)).toHaveLength(1));
    const { totalCount } = database.pool;
    await database.query(`select pg_terminate_backend(pid) ${sleeping}`);
    // The server tells of the end before it closes: nobody is given that connection in between.
    expect(await cut).toMatchObject({ error: { code: 'storage.unreachable' }, left: totalCount - 1 });
    await database.copyIn(into, data);
    expect(await database.query('select n from slow')).toEqual([{ n: 1 }]);
  });

  it('should tell how far rollups are behind by the oldest batch, whatever its number', async () => {
    const { database } = test;
    await database.query(
      `insert into telemetry_batch (id, rows, window_min, window_max, created_at) overriding system value
       values (1, 1, now(), now(), now()), (2, 1, now(), now(), now() - interval '10 s')`,
    );
    expect(await new PgRollupStore(database, new RecentBatches()).lagSeconds()).toBeCloseTo(10, 0);
    await database.query('delete from telemetry_batch');
  });
});
