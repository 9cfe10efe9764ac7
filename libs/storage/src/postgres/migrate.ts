/**
 * Runs the hand-written migrations that a database has not seen, in order, each in its own transaction, under an
 * advisory lock that every TinyFleet process takes: starting several at once is safe. There is no way back.
 */
import { createHash } from 'node:crypto';
import { readFile, readdir } from 'node:fs/promises';
import { FleetError } from '@tinyfleet/errors';
import type pg from 'pg';

const FOLDER = new URL('./migrations/', import.meta.url);
/** Advisory locks are (7461, n): 1 migrations, 2 partitions, 3 the rollout engine's leader, 4 the job queue's schema, 6 the leader of webhooks. */
export const LOCK_SPACE = 7461;
const MIGRATION_LOCK = 1;

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
    await client.query('select pg_advisory_lock($1, $2)', [LOCK_SPACE, MIGRATION_LOCK]);
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
  await client.query('begin');
  try {
    await client.query(migration.sql);
    await client.query('insert into migration (name, digest) values ($1, $2)', [
      migration.name,
      migration.digest,
    ]);
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
