/** The schema: migrations run once under any number of starters, TypeORM agrees with them, Postgres 15 takes them. */
import { execFile } from 'node:child_process';
import { X509Certificate, createHash, randomUUID } from 'node:crypto';
import { chown, mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { describeWith, toolPath } from '@tinyfleet/testing';
import {
  Database,
  PgAskSource,
  PgDesiredStore,
  PgDeviceDirectory,
  type ConnectionTarget,
} from '@tinyfleet/storage';
import { ensureSystemUser } from '../src/postgres/embedded/host.js';
import { startTestCluster, temporaryDirectory, type TestCluster } from './test-database.js';

const run = promisify(execFile);

/** What TypeORM would change. It asks side by side on one connection, which pg 9 forbids: here one waits for the other. */
async function schemaDifferences({ dataSource }: Database): Promise<string[]> {
  const runner = dataSource.createQueryRunner('master');
  const ask = runner.query.bind(runner);
  let last: Promise<unknown> = Promise.resolve();
  runner.query = (...args: Parameters<typeof ask>) => {
    const next = last.then(async () => await ask(...args));
    last = next.catch(() => {});
    return next;
  };
  const create = jest.spyOn(dataSource, 'createQueryRunner').mockReturnValue(runner);
  try {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    return upQueries.map(({ query }) => query);
  } finally {
    create.mockRestore();
  }
}

/** An authority on P-256, DER. */
const factory =
  'MIIBeTCCAR+gAwIBAgIUXHIcKz6xppw+DzUN2Qij6gcB434wCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHRmFjdG9yeTAeFw0yNjExMjExNzUxMjVaFw0zNjEx' +
  'MTgxNzUxMjVaMBIxEDAOBgNVBAMMB0ZhY3RvcnkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASQcWkBCLVTtKZ6/vTgOW16lO7hAA3Bhf9BfZgDSt9L87kZ' +
  'rGWhFkMmHIL44Z96fPqYI5oaYXVL+ppJTSub4KGlo1MwUTAdBgNVHQ4EFgQUDKwlm166TO+wFUIWxXoFjcBqWrAwHwYDVR0jBBgwFoAUDKwlm166TO+wFUIW' +
  'xXoFjcBqWrAwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiBLfB0y4w7UKiY/kFnnlCae1KbqKzwwjSQF+m1gruJaFgIhAJt4XAKo+TI5dNMN' +
  '00CdDrccmCRd1S/EdclXDA3+g0IW';

describe('migrations', () => {
  let cluster: TestCluster;
  let counter = 0;
  const target = (): ConnectionTarget => ({ ...cluster.postgres.connection, database: `db${++counter}` });

  beforeAll(async () => {
    cluster = await startTestCluster();
  });
  afterAll(async () => {
    await cluster.stop();
  });

  it('should run once when several processes start together', async () => {
    const where = target();
    // The database itself is made by the first one; the others race for the schema.
    await (await Database.connect({ target: where })).close();
    const first = await Database.connect({ target: where });
    await first.query('drop schema public cascade; create schema public');
    await first.close();
    const all = await Promise.all(Array.from({ length: 4 }, () => Database.connect({ target: where })));
    const rows = await all[0]!.query<{ name: string }>('select name from migration order by name');
    expect(rows.map(({ name }) => name)).toContain('0001-foundation.sql');
    await Promise.all(all.map((database) => database.close()));
  });

  it('should make an index again whose making was cut off, while others write', async () => {
    const where = target();
    const database = await Database.connect({ target: where });
    const name = '0026-retention-indexes.sql';
    const indexes = async () =>
      await database.query(
        `select c.relname as name, i.indisvalid as valid from pg_index i join pg_class c on c.oid = i.indexrelid
         where c.relname in ('boot_clock_created_idx', 'label_task_created_idx') order by 1`,
      );
    const made = await indexes();
    expect(made).toEqual([
      { name: 'boot_clock_created_idx', valid: true },
      { name: 'label_task_created_idx', valid: true },
    ]);
    // What a process leaves that dies between the two.
    await database.query('delete from migration where name = $1', [name]);
    await database.query('drop index label_task_created_idx');
    await database.query(
      `update pg_index set indisvalid = false where indexrelid = 'boot_clock_created_idx'::regclass`,
    );
    // Others start as well, and wait without holding it up.
    const all = await Promise.all([1, 2, 3].map(async () => await Database.connect({ target: where })));
    expect(await indexes()).toEqual(made);
    await Promise.all([...all, database].map(async (one) => await one.close()));
  });

  it('should lock no table for an index that devices write all the time', async () => {
    const folder = new URL('../src/postgres/migrations/', import.meta.url);
    const busy =
      /create (unique )?index (?!concurrently)\w+ on (accuracy_hour|audit|boot_clock|device_report|event|label_task|prediction|presence|rollup_\w+|sample|sample_part)\b/g;
    // Those that were made before there was another way.
    for (const name of (await readdir(folder)).filter((one) => one > '0026')) {
      const sql = await readFile(new URL(name, folder), 'utf8');
      const made = new Set([...sql.matchAll(/create table (\w+)/g)].map(([, table]) => table));
      const locked = [...sql.matchAll(busy)].filter(([, , table]) => !made.has(table));
      expect({ name, locked: locked.map(([text]) => text) }).toEqual({ name, locked: [] });
    }
  });

  it('should bring a fleet of the first version along', async () => {
    const where = target();
    const before = await Database.connect({ target: where });
    await before.query('drop schema public cascade; create schema public');
    await before.query(
      `create table migration (name text primary key, digest text not null, applied_at timestamptz not null default now())`,
    );
    for (const name of ['0001-foundation.sql', '0002-calibration.sql']) {
      const sql = await readFile(new URL(`../src/postgres/migrations/${name}`, import.meta.url), 'utf8');
      await before.query(sql);
      const digest = createHash('sha256').update(sql).digest('hex');
      await before.query('insert into migration (name, digest) values ($1, $2)', [name, digest]);
    }
    const [projectId, typeId, deviceId, keyId] = Array.from({ length: 4 }, () => randomUUID());
    await before.query(`insert into project (id, name) values ($1, 'old')`, [projectId]);
    await before.query(
      `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, 't', false, '{}')`,
      [projectId, typeId],
    );
    await before.query(
      `insert into device (project_id, id, name, type_id, token_hash) values ($1, $2, 'd', $3, '\\x00')`,
      [projectId, deviceId, typeId],
    );
    await before.query(
      `insert into signing_key (project_id, id, algorithm, public_key, key_sequence) values ($1, $2, 'ed25519', '\\x01', 1)`,
      [projectId, keyId],
    );
    await before.query(
      `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots,
         fetch_slot, active_digest, hello) values ($1, $2, 1, now(), '1', 1, 1, '[]', 1, '\\x02', '{}')`,
      [projectId, deviceId],
    );
    await before.query(
      `insert into desired_state (project_id, device_id, revision, digest) values ($1, $2, 7, '\\x03')`,
      [projectId, deviceId],
    );
    await before.close();

    const after = await Database.connect({ target: where });
    expect(await schemaDifferences(after)).toEqual([]);
    expect(await after.query('select ask_counter::int from device')).toEqual([{ ask_counter: 0 }]);
    const [credential] = await new PgDeviceDirectory(after)
      .find([{ project: 'old', device: 'd' }])
      .then(([found]) => found!.credentials);
    expect(credential).toMatchObject({ kind: 'token', hash: Buffer.of(0), hasKey: false, expiresAt: null });
    expect(await after.query('select state from signing_key')).toEqual([{ state: 'active' }]);
    const device = { projectId: projectId!, deviceId: deviceId! };
    expect(
      await new PgDesiredStore(after).load([{ ...device, credentialId: device.deviceId }]),
    ).toMatchObject([{ revision: 7, bundle: undefined }]);
    const asked = { ...device, credentialId: credential!.id, isNewSession: true, mayRotate: true };
    expect(await new PgAskSource(after).next([asked])).toEqual([undefined]);
    await after.close();
  });

  it('should find the key in the certificate of each authority, as whoever reads certificates does', async () => {
    const database = await Database.connect({ target: target() });
    const sql = await readFile(
      new URL('../src/postgres/migrations/0011-hardening.sql', import.meta.url),
      'utf8',
    );
    const [walk] = /create function pg_temp\.key_info_of[^]*?end \$\$;/.exec(sql) ?? [];
    await database.session(async ({ query }) => {
      // This connection has run the migration and has it already.
      await query((walk ?? '').replace('create', 'create or replace'));
      const [row] = await query<{ hash: string }>(
        `select encode(sha256(pg_temp.key_info_of($1)), 'hex') as hash`,
        [Buffer.from(factory, 'base64')],
      );
      const key = new X509Certificate(Buffer.from(factory, 'base64')).publicKey;
      const own = createHash('sha256').update(key.export({ type: 'spki', format: 'der' }));
      expect(row?.hash).toBe(own.digest('hex'));
    });
    await database.close();
  });

  it('should leave TypeORM nothing to change, which TypeORM would tell if there were', async () => {
    const database = await Database.connect({ target: target() });
    expect(await schemaDifferences(database)).toEqual([]);
    await database.query(`alter table device add column forgotten text`);
    await database.query(`drop index build_bundle_idx`);
    expect((await schemaDifferences(database)).join('\n')).toMatch(/forgotten[^]*build_bundle_idx/);
    await database.close();
  });

  it('should refuse a schema of a newer TinyFleet and a migration that was changed', async () => {
    const where = target();
    const database = await Database.connect({ target: where });
    await database.query(`update migration set digest = 'other' where name = '0001-foundation.sql'`);
    await expect(Database.connect({ target: where })).rejects.toMatchObject({
      code: 'storage.migration-changed',
    });
    await database.query(`update migration set name = '9999-later.sql' where name = '0001-foundation.sql'`);
    await expect(Database.connect({ target: where })).rejects.toMatchObject({
      code: 'storage.schema-newer',
      data: { found: '9999-later.sql' },
    });
    await database.close();
  });

  it('should name the address and never the password when nobody answers', async () => {
    const url = 'postgres://someone:topsecret@127.0.0.1:1/nothing';
    const error = await Database.connect({ target: { url } }).catch((e: unknown) => e as Error);
    expect(error).toMatchObject({ code: 'storage.unreachable' });
    expect((error as Error).message).toContain('127.0.0.1:1/nothing');
    expect((error as Error).message).not.toContain('topsecret');
  });
});

describeWith(['postgres15'], "the distribution's Postgres", () => {
  it('should be migrated through DATABASE_URL', async () => {
    const bin = toolPath('postgres15');
    const directory = await temporaryDirectory();
    const user = process.getuid?.() === 0 ? await ensureSystemUser('tinyfleet') : undefined;
    const as = user ? { uid: user.uid, gid: user.gid } : {};
    const data = join(directory, 'data');
    try {
      await mkdir(data);
      if (user) await chown(data, user.uid, user.gid);
      await run(join(bin, 'initdb'), ['-D', data, '-U', 'tinyfleet', '--auth=trust', '--no-sync'], {
        cwd: '/',
        ...as,
      });
      const settings = `-F -c listen_addresses= -c unix_socket_directories=${data} -c port=5433`;
      await run(join(bin, 'pg_ctl'), ['-D', data, '-w', '-l', join(data, 'log'), '-o', settings, 'start'], {
        cwd: '/',
        ...as,
      });
      try {
        const url = `postgres://tinyfleet@/postgres?host=${encodeURIComponent(data)}&port=5433`;
        const database = await Database.connect({ target: { url } });
        expect(await schemaDifferences(database)).toEqual([]);
        await database.query(`select ensure_telemetry_day('2026-02-01')`);
        await database.close();
      } finally {
        await run(join(bin, 'pg_ctl'), ['-D', data, '-m', 'fast', 'stop'], { cwd: '/', ...as });
      }
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  });
});
