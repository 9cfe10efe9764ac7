/**
 * Runs the hand-written migrations that a database has not seen, in order, each in its own transaction, under an
 * advisory lock that every TinyFleet process takes: starting several at once is safe. There is no way back.
 *
 * A file that begins with `-- Concurrently` makes indexes on tables that may be large and are written all the time: Postgres
 * does that outside transactions only. It runs statement by statement, and again from its start when it was cut off.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { FleetError } from '@tinyfleet/errors';
import type pg from 'pg';

const FOLDER = new URL('./migrations/', import.meta.url);
/**
 * Advisory locks are (7461, n): 1 migrations, 2 partitions, 3 the rollout engine's leader, 4 the job queue's schema, 6 the leader of webhooks, 7 of
 * quality, 8 of alerts' messages, 9 of retention, 10 rollups. */
export const LOCK_SPACE = 7461;
const MIGRATION_LOCK = 1;
const LOCK_POLL_MS = 100;

interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly digest: string;
}

async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(FOLDER)).filter((name) => /^\d{4}-[a-z0-9-]+\.sql$/.test(name)).sort();
  return await Promise.all(
    names.map(async (name) => {
      const sql = await readFile(new URL(name, FOLDER), 'utf8');
      return { name, sql, digest: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

export async function migrate(pool: pg.Pool, onStep?: (text: string) => void): Promise<void> {
  const migrations = await readMigrations();
  const client = await pool.connect();
  try {
    if (await isCurrent(client, migrations)) return;
    await lock(client);
    try {
      await client.query(
        `create table if not exists migration (name text primary key, digest text not null, applied_at timestamptz not null default now())`,
      );
      const applied = await readApplied(client, migrations);
      for (const migration of migrations) {
        if (applied.has(migration.name)) continue;
        onStep?.(`migration ${migration.name.replace(/\.sql$/, '')}`);
        await apply(client, migration);
      }
    } finally {
      await client.query('select pg_advisory_unlock($1, $2)', [LOCK_SPACE, MIGRATION_LOCK]);
    }
  } finally {
    client.release();
  }
}

/** Asked for again and again: an index made concurrently waits for every statement that runs, also for one that waits for a lock. */
async function lock(client: pg.PoolClient): Promise<void> {
  for (;;) {
    const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1, $2) as taken', [
      LOCK_SPACE,
      MIGRATION_LOCK,
    ]);
    if (rows[0]?.taken === true) return;
    await setTimeout(LOCK_POLL_MS);
  }
}

async function isCurrent(client: pg.PoolClient, migrations: readonly Migration[]): Promise<boolean> {
  const found = await client.query<{ present: boolean }>(
    `select to_regclass('migration') is not null as present`,
  );
  if (!found.rows[0]?.present) return false;
  const applied = await readApplied(client, migrations);
  return migrations.every(({ name }) => applied.has(name));
}

async function readApplied(client: pg.PoolClient, migrations: readonly Migration[]): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string; digest: string }>('select name, digest from migration');
  const known = new Map(migrations.map((m) => [m.name, m.digest]));
  for (const { name, digest } of rows) {
    const expected = known.get(name);
    if (expected === undefined) {
      throw new FleetError('storage.schema-newer', { found: name, known: migrations.at(-1)?.name ?? 'none' });
    }
    if (expected !== digest) throw new FleetError('storage.migration-changed', { name });
  }
  return new Set(rows.map((row) => row.name));
}

async function apply(client: pg.PoolClient, migration: Migration): Promise<void> {
  const done = async () =>
    await client.query('insert into migration (name, digest) values ($1, $2)', [
      migration.name,
      migration.digest,
    ]);
  try {
    if (migration.sql.startsWith('-- Concurrently')) {
      for (const statement of statementsOf(migration.sql)) await client.query(statement);
      await done();
      return;
    }
    await client.query('begin');
    await client.query(migration.sql);
    await done();
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw new FleetError(
      'storage.migration-failed',
      { name: migration.name, reason: (error as Error).message },
      { cause: error },
    );
  }
}

/** Of a file without texts that hold a semicolon. */
const statementsOf = (sql: string): string[] =>
  sql
    .replaceAll(/^--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
