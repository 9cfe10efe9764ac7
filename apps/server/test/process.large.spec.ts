/** The server as a process: what it tells its supervisor, how it stops, and what it says when it cannot start. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { SupervisedMessage } from '@tinyfleet/contracts';
import { eventually, temporaryFolder, workspaceRoot } from '@tinyfleet/testing';
import { processExists } from '@tinyfleet/storage';
import { buildWorkspace } from './test-server.js';

const program = join(workspaceRoot, 'apps/server/dist/main.js');

describe('main', () => {
  const folder = temporaryFolder();
  let started: ChildProcess[] = [];
  beforeAll(async () => {
    await buildWorkspace();
  });
  beforeEach(async () => {
    started = [];
    await chmod(folder(), 0o755);
  });
  afterEach(() => {
    for (const child of started) child.kill('SIGKILL');
  });

  function start(env: Record<string, string> = {}) {
    const { NODE_OPTIONS: _, ...own } = process.env;
    const child = fork(program, {
      env: {
        ...own,
        TINYFLEET_DATA_DIR: join(folder(), 'data'),
        TINYFLEET_HTTP_PORT: '0',
        TINYFLEET_MQTT_PORT: '0',
        ...env,
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    started.push(child);
    const messages: SupervisedMessage[] = [];
    child.on('message', (message: SupervisedMessage) => messages.push(message));
    const exited = once(child, 'exit').then(([code]) => code as number | null);
    const until = async (event: SupervisedMessage['event']) =>
      eventually(
        () => {
          const found = messages.find((message) => message.event === event);
          if (!found) throw new Error(`no ${event}: ${JSON.stringify(messages)}`);
          return found;
        },
        { timeoutMs: 30_000 },
      );
    return { child, messages, exited, until };
  }

  it("should report its steps and addresses, and stop in order on the supervisor's word", async () => {
    const { child, messages, exited, until } = start();
    const ready = await until('ready');
    expect(ready).toMatchObject({
      httpUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
      mqttUrl: expect.stringMatching(/^mqtt:\/\/127\.0\.0\.1:\d+$/),
      setupUrl: expect.stringContaining('/setup#'),
    });
    const steps = messages.flatMap((message) =>
      message.event === 'progress' && message.done ? [message.step] : [],
    );
    expect(steps).toEqual(['postgres', 'schema', 'roles', 'http']);
    child.send({ command: 'stop' });
    expect(await exited).toBe(0);
    const left = await readdir(join(folder(), 'data', 'postgres', 'data'));
    expect(left).not.toContain('postmaster.pid');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'should stop cleanly on %s, also half-way through its first start',
    async (signal) => {
      const early = start();
      await early.until('progress');
      early.child.kill(signal);
      expect(await early.exited).toBe(0);
      const late = start();
      await late.until('ready');
      late.child.kill(signal);
      expect(await late.exited).toBe(0);
    },
  );

  it('should end with its supervisor and leave no database behind', async () => {
    const { child, until, exited } = start();
    await until('ready');
    const pid = await postmaster(join(folder(), 'data'));
    child.disconnect();
    expect(await exited).toBe(0);
    expect(processExists(pid)).toBe(false);
  });

  it('should start again after it was killed, and stop the database that was left', async () => {
    const first = start();
    await first.until('ready');
    const orphan = await postmaster(join(folder(), 'data'));
    first.child.kill('SIGKILL');
    await first.exited;
    const second = start();
    await second.until('ready');
    expect(processExists(orphan)).toBe(false);
  });

  it('should end with the database, and say that it did', async () => {
    const { until, exited } = start();
    await until('ready');
    process.kill(await postmaster(join(folder(), 'data')), 'SIGKILL');
    expect(await until('failed')).toMatchObject({ code: 'storage.postgres-died' });
    expect(await exited).toBe(8);
  });

  it('should name the owner of a taken port and the flag that avoids it', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    try {
      for (const variable of ['TINYFLEET_HTTP_PORT', 'TINYFLEET_MQTT_PORT']) {
        const { until, exited } = start({ [variable]: String((taken.address() as AddressInfo).port) });
        const failed = await until('failed');
        expect(failed).toMatchObject({
          code: 'server.port-in-use',
          message: expect.stringContaining(`(process ${process.pid})`),
          hint: expect.stringContaining('--port-offset'),
        });
        expect(await exited).toBe(8);
      }
    } finally {
      taken.close();
    }
  });

  it('should refuse a second server on the same data directory', async () => {
    const first = start();
    await first.until('ready');
    const second = start();
    expect(await second.until('failed')).toMatchObject({ code: 'storage.already-running' });
    expect(await second.exited).toBe(8);
  });

  it.each<[string, Record<string, string>, string]>([
    ['an unknown role', { TINYFLEET_ROLES: 'api,juggler' }, 'server.config-invalid'],
    ['half of the edge', { TINYFLEET_ROLES: 'api,ingest' }, 'server.config-invalid'],
    ['a port out of range', { TINYFLEET_HTTP_PORT: '70000' }, 'server.config-invalid'],
    ['plain HTTP beyond loopback', { TINYFLEET_HTTP_HOST: '0.0.0.0' }, 'server.plain-beyond-loopback'],
    ['plain MQTT beyond loopback', { TINYFLEET_MQTT_HOST: '0.0.0.0' }, 'server.plain-beyond-loopback'],
    [
      'a configuration file that is not there',
      { TINYFLEET_CONFIG: 'nowhere.yaml' },
      'server.config-unreadable',
    ],
    ['a database that is not there', { DATABASE_URL: 'postgres://x@127.0.0.1:1/x' }, 'storage.unreachable'],
  ])('should refuse %s with a registered error', async (_name, env, code) => {
    const { until, exited } = start(env);
    expect(await until('failed')).toMatchObject({ code });
    expect(await exited).toBeGreaterThan(0);
  });

  it('should read a YAML file, the environment winning over it', async () => {
    const file = join(folder(), 'tinyfleet.yaml');
    await mkdir(folder(), { recursive: true });
    await writeFile(file, 'roles: [api]\nhttp:\n  port: 1\nlogLevel: warn\n');
    const { until } = start({ TINYFLEET_CONFIG: file });
    const ready = await until('ready');
    expect(ready).not.toHaveProperty('mqttUrl');
  });
});

async function postmaster(dataDir: string): Promise<number> {
  const { readFile } = await import('node:fs/promises');
  return Number.parseInt(await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8'), 10);
}
