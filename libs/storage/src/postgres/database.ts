/**
 * The connection to Postgres: one pool shared by TypeORM, named SQL and the job queue. Errors of the connection
 * become registered ones here; errors of a statement stay what they are.
 */
import { FleetError } from '@tinyfleet/errors';
import pg from 'pg';
import { DataSource, type EntityManager } from 'typeorm';
import { copyIn } from './binary-copy.js';
import { entities } from './entities/index.js';
import { migrate } from './migrate.js';
import { noteStatement, watchWrites, type WriteWatch } from './write-watch.js';
import { checkPrecondition, keepHold } from './request-conditions.js';

export type ConnectionTarget =
  | { readonly url: string }
  | {
      readonly host: string;
      readonly port: number;
      readonly user: string;
      readonly password: string;
      readonly database: string;
    };

export interface DatabaseOptions {
  readonly target: ConnectionTarget;
  /** Connections of this process; default 20. */
  readonly poolSize?: number;
  readonly onStep?: (text: string) => void;
}

/** What stores run their statements on: the pool, or one transaction. */
export interface Db {
  /** Rows of one parameterized statement. int8 arrives as string: cast in SQL, or use Number where it is safe. */
  query<Row extends object = Record<string, unknown>>(
    sql: string,
    values?: readonly unknown[],
    /** Of a statement whose text never changes: each connection plans it a few times and then no more. */
    prepared?: string,
  ): Promise<Row[]>;
  /** Rows that a statement changed. */
  execute(sql: string, values?: readonly unknown[]): Promise<number>;
  readonly manager: EntityManager;
}

export interface Tx extends Db {
  /** For COPY: the transaction's own connection. */
  readonly client: pg.PoolClient;
}

export interface Session extends Tx {
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
}

const NEEDED_VERSION = 15;
/** SQLSTATE classes and codes that mean "no connection", not "wrong statement". */
const UNREACHABLE = /^(08|57P0[123]|53300)/;
const SOCKET_ERRORS = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOENT',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
]);

export class Database implements Db {
  private constructor(
    private readonly source: DataSource,
    readonly pool: pg.Pool,
    readonly target: ConnectionTarget,
  ) {}

  /** Connects, makes the embedded server's database at its first start, checks the version and migrates. */
  static async connect(options: DatabaseOptions): Promise<Database> {
    const { target } = options;
    try {
      if ('host' in target) await createDatabase(target);
      const login = 'url' in target ? { url: target.url } : { ...target, username: target.user };
      const source = new DataSource({
        type: 'postgres',
        ...login,
        entities,
        synchronize: false,
        migrationsRun: false,
        installExtensions: false,
        logging: false,
        poolSize: options.poolSize ?? 20,
        applicationName: 'tinyfleet',
        // A lost idle connection is replaced at its next use; without a handler it would end the process.
        poolErrorHandler: () => {},
        extra: { connectionTimeoutMillis: 5_000, idleTimeoutMillis: 60_000 },
      });
      await source.initialize();
      const pool = (source.driver as unknown as { master: pg.Pool }).master;
      // The pool hears a lost connection only while nobody uses it; whoever uses it learns by its failed query. Its own
      // listener may still be there when it says 'acquire', so the number of listeners tells nothing.
      const heard = new WeakSet<pg.PoolClient>();
      pool.on('acquire', (client) => {
        if (!heard.has(client)) client.on('error', () => {});
        heard.add(client);
      });
      const database = new Database(source, pool, target);
      await database.requireVersion();
      await migrate(pool, options.onStep);
      return database;
    } catch (error) {
      throw mapConnectionError(error, target);
    }
  }

  get manager(): EntityManager {
    return this.source.manager;
  }

  get dataSource(): DataSource {
    return this.source;
  }

  async query<Row extends object = Record<string, unknown>>(
    sql: string,
    values: readonly unknown[] = [],
    prepared?: string,
  ): Promise<Row[]> {
    try {
      const result = await this.pool.query<Row & pg.QueryResultRow>(statement(sql, values, prepared));
      noteStatement(result, sql);
      return result.rows;
    } catch (error) {
      throw mapConnectionError(error, this.target);
    }
  }

  async execute(sql: string, values: readonly unknown[] = []): Promise<number> {
    try {
      const result = await this.pool.query(sql, values as unknown[]);
      noteStatement(result, sql);
      return result.rowCount ?? 0;
    } catch (error) {
      throw mapConnectionError(error, this.target);
    }
  }

  /** Commits when `work` resolves, rolls back when it throws. Runs READ COMMITTED, under the request's conditions. */
  async transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.session(async (session) => await session.transaction(work));
  }

  /** One connection for several transactions, e.g. over a temporary table. */
  async session<T>(work: (session: Session) => Promise<T>): Promise<T> {
    const runner = this.source.createQueryRunner();
    try {
      const client = (await runner.connect()) as pg.PoolClient;
      const tx: Tx = {
        client,
        manager: runner.manager,
        query: async <Row extends object>(sql: string, values: readonly unknown[] = [], prepared?: string) =>
          (await client.query<Row & pg.QueryResultRow>(statement(sql, values, prepared))).rows,
        execute: async (sql, values = []) => (await client.query(sql, values as unknown[])).rowCount ?? 0,
      };
      return await work({
        ...tx,
        async transaction(inner) {
          await runner.startTransaction();
          const watch: WriteWatch | undefined = watchWrites(client);
          let restore = (): void => {};
          try {
            restore = await checkPrecondition(tx);
            const result = await inner(tx);
            watch?.note();
            await keepHold(tx);
            await runner.commitTransaction();
            return result;
          } catch (error) {
            if (runner.isTransactionActive) await runner.rollbackTransaction().catch(() => {});
            if (isContention(error)) restore();
            throw error;
          } finally {
            watch?.end();
          }
        },
      });
    } catch (error) {
      throw mapConnectionError(error, this.target);
    } finally {
      await runner.release().catch(() => {});
    }
  }

  /** A transaction of one round trip, outside of any request: `sql` holds a COPY .. FROM STDIN of `data`, and what else belongs to it. */
  async copyIn(sql: string, data: Buffer): Promise<Buffer> {
    let client: pg.PoolClient | undefined;
    let failed: Error | undefined;
    try {
      client = await this.pool.connect();
      await copyIn(client, sql, data);
      return data;
    } catch (error) {
      // What the server has refused it has ended by itself. Of anything else the connection may be in the middle, or
      // the server is about to close it: it tells of that by an error as well.
      const reason = mapConnectionError(error, this.target);
      if (!(error instanceof pg.DatabaseError) || reason !== error) failed = error as Error;
      throw reason;
    } finally {
      client?.release(failed);
    }
  }

  /** A round trip. @throws storage.unreachable */
  async ping(): Promise<void> {
    await this.query('select 1');
  }

  /** Settings of a connection of its own, for LISTEN. */
  clientConfig(): pg.ClientConfig {
    return 'url' in this.target ? { connectionString: this.target.url } : { ...this.target };
  }

  async close(): Promise<void> {
    if (this.source.isInitialized) await this.source.destroy();
  }

  private async requireVersion(): Promise<void> {
    const [row] = await this.query<{ number: number }>(
      `select current_setting('server_version_num')::int as number`,
    );
    const major = Math.floor((row?.number ?? 0) / 10_000);
    if (major < NEEDED_VERSION) {
      await this.close();
      throw new FleetError('storage.server-too-old', {
        found: String(major),
        needed: String(NEEDED_VERSION),
      });
    }
  }
}

const statement = (text: string, values: readonly unknown[], name: string | undefined): pg.QueryConfig => ({
  text,
  values: values as unknown[],
  ...(name === undefined ? {} : { name }),
});

/** initdb makes `postgres` only; ours is made once. */
async function createDatabase(target: Extract<ConnectionTarget, { host: string }>): Promise<void> {
  const client = new pg.Client({ ...target, database: 'postgres' });
  await client.connect();
  try {
    const found = await client.query('select 1 from pg_database where datname = $1', [target.database]);
    if (found.rowCount === 0)
      await client.query(`create database ${client.escapeIdentifier(target.database)}`);
  } finally {
    await client.end();
  }
}

/** Connection failures become storage.unreachable, without the password; everything else stays as it is. */
export function mapConnectionError(error: unknown, target: ConnectionTarget): unknown {
  if (error instanceof FleetError) return error;
  const { code, message } = error as { code?: string; message?: string };
  if (code === '53100') {
    return new FleetError(
      'storage.disk-full',
      { path: `the database at ${describeTarget(target)}`, freeMib: 0, neededMib: 1 },
      { cause: error },
    );
  }
  const lost =
    (code !== undefined && (SOCKET_ERRORS.has(code) || UNREACHABLE.test(code))) ||
    /Connection terminated|timeout exceeded when trying to connect|timeout expired/.test(message ?? '');
  if (!lost) return error;
  return new FleetError(
    'storage.unreachable',
    { target: describeTarget(target), reason: message || code || 'no answer' },
    { cause: error },
  );
}

export function describeTarget(target: ConnectionTarget): string {
  if (!('url' in target)) return `${target.host}:${target.port}`;
  try {
    const { hostname, port, pathname } = new URL(target.url);
    return `${hostname}:${port || 5432}${pathname}`;
  } catch {
    return 'DATABASE_URL';
  }
}

/** A transaction that lost against others: nothing of it has happened, and it may go better the next time. */
export function isContention(error: unknown): boolean {
  const source = (error as { driverError?: unknown }).driverError ?? error;
  const { code } = source as { code?: string };
  // deadlock_detected, serialization_failure
  return code === '40P01' || code === '40001';
}

/** True for a violated unique constraint, optionally of one name. */
export function isDuplicate(error: unknown, constraint?: string): boolean {
  const source = (error as { driverError?: unknown }).driverError ?? error;
  const { code, constraint: name } = source as { code?: string; constraint?: string };
  return code === '23505' && (constraint === undefined || name === constraint);
}
