/**
 * The clock of the world in Postgres: `now()` and `clock_timestamp()` of a schema that is found before the server's own, set on
 * each connection before what runs there. It also knows whether the database is at work for this process.
 */
import type { Database } from '@tinyfleet/storage';

const SETUP = `
  create schema clock;
  create function clock.now() returns timestamptz language sql stable parallel safe as
    $$ select coalesce(nullif(current_setting('world.now', true), '')::timestamptz, pg_catalog.now()) $$;
  create function clock.clock_timestamp() returns timestamptz language sql stable parallel safe as $$ select clock.now() $$;
  set search_path = public, clock, pg_catalog;
  do $$ declare d record; begin
    for d in
      select a.attrelid::regclass as tab, a.attname as col, pg_get_expr(x.adbin, x.adrelid) as expr
      from pg_attrdef x join pg_attribute a on a.attrelid = x.adrelid and a.attnum = x.adnum
      join pg_class c on c.oid = a.attrelid and c.relnamespace = 'public'::regnamespace
      where pg_get_expr(x.adbin, x.adrelid) like '%now()%'
    loop
      execute format('alter table %s alter column %I set default clock.now()', d.tab, d.col);
    end loop;
  end $$;`;

/** Finer than any clock of the server that is kept in the database. */
const TOLD_MS = 20;

type Query = (...values: unknown[]) => unknown;
interface Client {
  query: Query;
}

export class DatabaseClock {
  /** Statements sent so far, and those that have not ended. */
  sent = 0;
  running = 0;
  private readonly known = new WeakSet<object>();
  private ended: (() => void) | undefined;

  constructor(private readonly nowMs: () => number) {}

  async install(database: Database): Promise<void> {
    await database.query(SETUP);
    const pool = database.pool as unknown as {
      on(event: 'acquire', hear: (client: Client) => void): void;
    };
    pool.on('acquire', (client) => {
      if (this.known.has(client)) return;
      this.known.add(client);
      this.wrap(client);
    });
  }

  /** When the next statement that runs has ended. */
  nextEnd(): Promise<void> {
    return new Promise((resolve) => (this.ended = resolve));
  }

  private wrap(client: Client): void {
    const query = client.query.bind(client);
    let told: number | undefined;
    // As in Postgres, time stands still within a transaction.
    let isOpen = false;
    const tell = async (): Promise<void> => {
      const now = this.nowMs();
      if (isOpen || (told !== undefined && Math.abs(now - told) < TOLD_MS)) return;
      const path = told === undefined ? 'set search_path = public, clock, pg_catalog;' : '';
      told = now;
      await (query(`${path}set world.now = '${new Date(now).toISOString()}'`) as Promise<unknown>);
    };
    client.query = (...values) => {
      const [first] = values;
      const text = typeof first === 'string' ? first : ((first as { text?: string }).text ?? '');
      this.sent++;
      this.running++;
      const ends = /^\s*(commit|rollback)/i.test(text);
      const end = (): void => {
        this.running--;
        if (ends) isOpen = false;
        this.ended?.();
      };
      if (/^\s*(start transaction|begin)/i.test(text)) queueMicrotask(() => (isOpen = true));
      const last = values.at(-1);
      if (typeof last === 'function') {
        const callback = last as (...results: unknown[]) => void;
        const rest = values.slice(0, -1);
        const told = (...results: unknown[]): void => {
          end();
          callback(...results);
        };
        tell().then(
          () => query(...rest, told),
          (error: unknown) => told(error),
        );
        return undefined;
      }
      // A COPY, inside of a transaction or by itself.
      if (typeof (first as { submit?: unknown }).submit === 'function') {
        const copy = first as { callback: (error?: Error) => void };
        const { callback } = copy;
        copy.callback = (error) => {
          end();
          callback(error);
        };
        tell().then(
          () => query(copy),
          (error: unknown) => copy.callback(error as Error),
        );
        return copy;
      }
      return tell()
        .then(() => query(...values))
        .finally(end);
    };
  }
}
