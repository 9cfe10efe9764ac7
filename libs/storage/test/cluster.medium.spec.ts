/** The embedded Postgres against everything a user's machine does to it. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '@tinyfleet/testing';
import pg from 'pg';
import {
  processExists,
  requireFreeSpace,
  startEmbeddedPostgres,
  type EmbeddedPostgres,
} from '@tinyfleet/storage';
import { clusterOptions, temporaryDirectory } from './test-database.js';

describe('startEmbeddedPostgres', () => {
  let directory: string;
  let running: EmbeddedPostgres[];
  const start = async (rest: Parameters<typeof clusterOptions>[1] = {}) => {
    const postgres = await startEmbeddedPostgres(clusterOptions(directory, rest));
    running.push(postgres);
    return postgres;
  };
  const query = async (postgres: EmbeddedPostgres, sql: string) => {
    const client = new pg.Client({ ...postgres.connection, database: 'postgres' });
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  };

  beforeEach(async () => {
    directory = await temporaryDirectory();
    running = [];
  });
  afterEach(async () => {
    for (const postgres of running) await postgres.stop();
    await rm(directory, { recursive: true, force: true });
  });

  it('should make a cluster once, keep its data, and demand its password', async () => {
    const first = await start();
    expect(first.fresh).toBe(true);
    await query(first, 'create table kept as select 42 as answer');
    await first.stop();
    const second = await start();
    expect(second.fresh).toBe(false);
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    const { mode } = await stat(join(directory, 'postgres', 'password'));
    expect(mode & 0o777).toBe(0o600);
    const stranger = new pg.Client({ ...second.connection, password: 'guess', database: 'postgres' });
    await expect(stranger.connect()).rejects.toThrow(/authentication failed/);
  });

  it('should be durable: commits are flushed, and a killed server recovers them', async () => {
    const first = await start();
    expect(
      await query(first, `select current_setting('fsync') f, current_setting('synchronous_commit') s`),
    ).toEqual([{ f: 'on', s: 'on' }]);
    await query(first, 'create table kept as select 7 as answer');
    process.kill(first.pid, 'SIGKILL');
    await eventually(() => expect(processExists(first.pid)).toBe(false));
    const second = await start();
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 7 }]);
  });

  it('should tell its owner when the server ends by itself, and stay silent when it was asked to', async () => {
    const ends: string[] = [];
    const first = await start({ onExit: (error) => ends.push(error.code) });
    await first.stop();
    const second = await start({ onExit: (error) => ends.push(error.code) });
    expect(ends).toEqual([]);
    process.kill(second.pid, 'SIGKILL');
    await eventually(() => expect(ends).toEqual(['storage.postgres-died']));
  });

  it('should stop a server that a killed TinyFleet left running, and start its own', async () => {
    const orphan = await start();
    await query(orphan, 'create table kept as select 3 as answer');
    const next = await start();
    expect(processExists(orphan.pid)).toBe(false);
    expect(await query(next, 'select answer from kept')).toEqual([{ answer: 3 }]);
  });

  it('should ignore a stale pid file whose number belongs to another program by now', async () => {
    const first = await start();
    await first.stop();
    const stranger = spawn('sleep', ['60']);
    try {
      const data = join(directory, 'postgres', 'data');
      await writeFile(join(data, 'postmaster.pid'), `${stranger.pid}\n${data}\n`);
      const second = await start();
      expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }]);
      expect(processExists(stranger.pid ?? 0)).toBe(true);
    } finally {
      stranger.kill();
    }
  });

  it('should leave nothing behind when it is interrupted during the first set-up, and start afterwards', async () => {
    for (const delayMs of [0, 30, 120, 350]) {
      const interrupted = new AbortController();
      const timer = setTimeout(() => interrupted.abort(), delayMs);
      await expect(start({ signal: interrupted.signal })).rejects.toMatchObject({
        code: 'storage.interrupted',
      });
      clearTimeout(timer);
      const names = existsSync(join(directory, 'postgres')) ? await readdir(join(directory, 'postgres')) : [];
      expect(names.filter((name) => name.startsWith('data'))).toEqual([]);
    }
    expect((await start()).fresh).toBe(true);
  });

  it('should remove a half-made cluster of a process that was killed', async () => {
    const dead = spawn('true');
    await new Promise((resolve) => dead.once('exit', resolve));
    await (await start()).stop();
    const left = join(directory, 'postgres', `data.new-${dead.pid}`);
    await mkdir(left);
    await start();
    expect(existsSync(left)).toBe(false);
  });

  it('should refuse a cluster of another Postgres version and not touch it', async () => {
    const first = await start();
    await first.stop();
    const file = join(directory, 'postgres', 'data', 'PG_VERSION');
    await writeFile(file, '14\n');
    await expect(start()).rejects.toMatchObject({ code: 'storage.other-version', data: { found: '14' } });
    expect(await readFile(file, 'utf8')).toBe('14\n');
  });

  it('should name the log when the server refuses its settings', async () => {
    await expect(start({ settings: { shared_buffers: '1TB' } })).rejects.toMatchObject({
      code: 'storage.start-failed',
      data: { log: join(directory, 'postgres.log') },
    });
  });

  it('should change nothing in a directory that somebody else made and filled', async () => {
    if (process.getuid?.() !== 0) return;
    await mkdir(join(directory, 'postgres'));
    await writeFile(join(directory, 'postgres', 'theirs'), '');
    await expect(start()).rejects.toMatchObject({ code: 'storage.data-dir-readonly' });
    expect((await stat(join(directory, 'postgres'))).uid).toBe(0);
  });

  it('should refuse a directory that is not one', async () => {
    await writeFile(join(directory, 'postgres'), 'a file');
    await expect(start()).rejects.toMatchObject({ code: 'storage.data-dir-readonly' });
  });

  it('should fall back to loopback on a free port when the path is too long for a Unix socket', async () => {
    directory = join(
      directory,
      'a-rather-long-name-of-a-directory'.repeat(2),
      'another-rather-long-name'.repeat(2),
    );
    await mkdir(directory, { recursive: true });
    const postgres = await start();
    expect(postgres.connection.host).toBe('127.0.0.1');
    expect(await query(postgres, 'select 1 as one')).toEqual([{ one: 1 }]);
  });
});

describe('requireFreeSpace', () => {
  it('should refuse when the file system has less than is needed', async () => {
    await requireFreeSpace('/tmp', 1);
    await expect(requireFreeSpace('/tmp', 2 ** 40)).rejects.toMatchObject({ code: 'storage.disk-full' });
  });
});
