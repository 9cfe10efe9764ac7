/** The process that delivers webhooks is killed in the middle, again and again: nothing is lost, everything can be replayed. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { connect, createServer as createDoor, type AddressInfo, type Server as Door } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as storage from '@tinyfleet/storage';
import { NO_FLUSH, copyCluster, eventually, workspaceRoot } from '@tinyfleet/testing';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

const DEVICES = 30;
/** The request at which the sender is killed; some are answered, some under way, some not begun. */
const KILLS = [4, 11, 21];
const params = { project: 'p' };

async function listen(server: Server | Door): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

describe('a sender of webhooks that is killed', () => {
  let directory: string;
  let postgres: storage.EmbeddedPostgres;
  let server: TestServer;
  let receiver: Server;
  let door: Door;
  let env: Record<string, string>;
  let hookPort: number;
  let sender: ChildProcess | undefined;
  const got: { id: string; body: string }[] = [];

  beforeAll(async () => {
    await buildWorkspace();
    directory = await mkdtemp(join(tmpdir(), 'tinyfleet-webhook-'));
    await chmod(directory, 0o755);
    await copyCluster(storage, join(directory, 'postgres'));
    postgres = await storage.startEmbeddedPostgres({
      directory: join(directory, 'postgres'),
      logFile: join(directory, 'log'),
      settings: NO_FLUSH,
    });
    const { host, port, user, password, database } = postgres.connection;
    // It listens on a Unix socket.
    door = createDoor((near) => {
      const far = connect(join(host, `.s.PGSQL.${port}`));
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const)
        one.on('error', () => {}).on('close', () => other.destroy());
      near.pipe(far).pipe(near);
    });
    env = {
      DATABASE_URL: `postgres://${user}:${password}@127.0.0.1:${await listen(door)}/${database}`,
      TINYFLEET_SECRET: 'a secret of the test that is long enough',
      TINYFLEET_WEBHOOK_PRIVATE: 'true',
      TINYFLEET_WEBHOOK_RETRY_MS: '50',
    };
    server = await startTestServer({ ...env, TINYFLEET_ROLES: 'api' });
    await server.client.call('projectCreate', { body: { name: 'p' } });
    receiver = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString('utf8')));
      request.on('end', () => {
        got.push({ id: String(request.headers['webhook-id']), body });
        if (KILLS.includes(got.length)) sender?.kill('SIGKILL');
        setTimeout(() => response.end(), 20);
      });
    });
    hookPort = await listen(receiver);
  }, 120_000);
  afterAll(async () => {
    sender?.kill('SIGKILL');
    receiver?.closeAllConnections();
    receiver?.close();
    await server?.stop();
    door?.close();
    await postgres?.stop();
    await rm(directory, { recursive: true, force: true });
  });

  /** The role that delivers, in a process of its own; until it ends. */
  async function deliverUntilKilled(): Promise<NodeJS.Signals | null> {
    const { NODE_OPTIONS: _, ...own } = process.env;
    sender = fork(join(workspaceRoot, 'apps/server/dist/main.js'), {
      env: {
        ...own,
        ...env,
        TINYFLEET_ROLES: 'rollout',
        TINYFLEET_HTTP_PORT: '0',
        TINYFLEET_DATA_DIR: join(directory, 'sender'),
        TINYFLEET_LOG_LEVEL: 'error',
      },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    const [, signal] = (await once(sender, 'exit')) as [number | null, NodeJS.Signals | null];
    return signal;
  }
  const deliveries = async () => {
    const query = { limit: 500 };
    const which = { ...params, webhook: 'hook' };
    return (await server.client.call('webhookDeliveries', { params: which, query })).items;
  };

  it('should lose nothing, repeat under the same id, and replay all of it', async () => {
    const url = `http://127.0.0.1:${hookPort}/hook`;
    const body = { name: 'hook', url, events: ['device.registered'] };
    await server.client.call('webhookCreate', { params, body });
    const names = Array.from({ length: DEVICES }, (_, i) => `d-${i}`);
    const devices = names.map((name) => ({ name, type: 'wasm' }));
    await server.client.call('deviceRegisterMany', { params, body: { devices } });
    for (const kill of KILLS) {
      expect(await deliverUntilKilled()).toBe('SIGKILL');
      expect(got.length).toBeGreaterThanOrEqual(kill);
      expect((await deliveries()).filter(({ state }) => state === 'failed')).toEqual([]);
    }
    const last = deliverUntilKilled();
    await eventually(
      async () => {
        const all = await deliveries();
        expect(all.filter(({ state }) => state === 'delivered')).toHaveLength(DEVICES);
      },
      { timeoutMs: 30_000 },
    );
    const bodies = new Map(got.map(({ id, body: text }) => [id, text]));
    const told = [...bodies.values()].map((text) => (JSON.parse(text) as { data: { device: string } }).data);
    expect(told.map(({ device }) => device).sort()).toEqual([...names].sort());
    // Killed between the request and the note of it: told twice, as the same delivery.
    expect(got.length).toBeGreaterThan(DEVICES);
    for (const { id, body: text } of got) expect(text).toBe(bodies.get(id));
    const numbers = (await deliveries()).map(({ number }) => number ?? 0);
    const before = got.length;
    const { count } = await server.client.call('webhookReplay', {
      params: { ...params, webhook: 'hook' },
      body: { from: Math.min(...numbers), to: Math.max(...numbers) },
    });
    expect(count).toBe(DEVICES);
    await eventually(() => expect(got.length).toBe(before + DEVICES), { timeoutMs: 30_000 });
    expect(new Map(got.slice(before).map(({ id, body: text }) => [id, text]))).toEqual(bodies);
    sender?.kill('SIGKILL');
    await last;
  }, 120_000);
});
