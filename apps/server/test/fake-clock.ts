/**
 * A clock that tests set: of the database, whose now() and clock_timestamp() are found in a schema before pg_catalog's, and of
 * this process. A jump is one of both. Columns whose default is now() keep the true time.
 */
import type { Database } from '@tinyfleet/storage';

export class FakeClock {
  private readonly trueNow = Date.now;
  private aheadMs = 0;

  private constructor(private readonly database: Database) {}

  /** Connections made before know nothing of it. */
  static async install(database: Database): Promise<void> {
    await database.query('create schema fake');
    await database.query(
      'create table fake.clock as select 0::float8 as ahead_s; grant usage on schema fake to public',
    );
    for (const name of ['now', 'clock_timestamp'])
      await database.query(
        `create function fake.${name}() returns timestamptz language sql ${name === 'now' ? 'stable' : 'volatile'} as
           'select pg_catalog.${name}() + make_interval(secs => (select ahead_s from fake.clock))'`,
      );
    const [row] = await database.query<{ name: string }>('select current_database() as name');
    await database.query(`alter database "${row!.name}" set search_path = fake, pg_catalog, public`);
  }

  static on(database: Database): FakeClock {
    const clock = new FakeClock(database);
    Date.now = () => clock.trueNow.call(Date) + clock.aheadMs;
    return clock;
  }

  async jump(seconds: number): Promise<void> {
    await this.database.query('update fake.clock set ahead_s = ahead_s + $1', [seconds]);
    this.aheadMs += 1_000 * seconds;
  }

  restore(): void {
    Date.now = this.trueNow;
  }
}
