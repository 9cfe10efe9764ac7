// registry.http: the list over HTTP by a browser's session, guard and tenant check included, against the very same route
// of the same process whose store answers 50 constant rows. The client is a process of its own.
import { mkdtempSync, rmSync, chmodSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { child } from '../fleet/child.mjs';
import { DEEP, barePage } from './lists.mjs';

// Short rounds: what else the machine does falls on all alike.
const ROUNDS = 100;
export const REQUESTS = 7;

export async function measureHttp({ connection, scope }, cursor) {
  const { DEVICE_COLUMNS, DEVICE_FROM } = await import('../../libs/storage/dist/index.js');
  const { loadConfig, startServer, Progress } = await import('../../apps/server/dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-http-'));
  chmodSync(folder, 0o755);
  const { host, port, user, password, database } = connection;
  const config = loadConfig({
    cwd: folder,
    env: {
      TINYFLEET_DATA_DIR: join(folder, 'data'),
      TINYFLEET_ROLES: 'api',
      TINYFLEET_HTTP_PORT: '0',
      TINYFLEET_LOG_LEVEL: 'warn',
      // A client that waits for nothing; the limit would measure itself.
      TINYFLEET_API_RATE: '100000',
      TINYFLEET_API_BURST: '100000',
      DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`,
    },
  });
  const quiet = new (class extends Progress {
    send() {}
  })();
  const server = await startServer({ config, progress: quiet, supervised: true, onFatal() {} });
  const postgres = new pg.Client(connection);
  await postgres.connect();
  const bare = barePage(postgres, scope, { DEVICE_COLUMNS, DEVICE_FROM });
  const client = child(new URL('http-client.mjs', import.meta.url), [], []);
  try {
    const cookie = await openSession(server);
    const { devices } = server.services.stores;
    const query = cursor === undefined ? 'limit=50' : `limit=50&cursor=${cursor}`;
    const url = `${server.httpUrl}/api/v1/projects/fleet/devices?${query}`;
    const list = devices.list.bind(devices);
    const constant = await list(
      await server.services.projects.scopeOf('fleet'),
      { kind: 'all' },
      { limit: 50, cursor },
    );
    const times = { bare: [], stored: [], constant: [] };
    for (let round = -2; round < ROUNDS; round++) {
      for (let i = 0; i < REQUESTS; i++) {
        const started = performance.now();
        await bare(DEEP);
        if (round >= 0) times.bare.push(performance.now() - started);
      }
      for (const kind of ['stored', 'constant']) {
        devices.list = kind === 'stored' ? list : async () => constant;
        const { latencies, bytes } = await client.ask({ url, cookie, count: REQUESTS });
        if (bytes < 10_000) throw new Error(`an answer of ${bytes} bytes is not a page`);
        if (round >= 0) times[kind].push(...latencies);
      }
    }
    return times;
  } finally {
    client.process.send({ command: 'stop' });
    await postgres.end();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** As the first administrator does it: the one-time link gives a session. */
async function openSession(server) {
  const { services, httpUrl } = server;
  const token = await services.auth.makeSetupToken('bench').catch(() => undefined);
  const body = { email: 'bench@example.org', name: 'Bench', password: 'a long bench password' };
  const answer =
    token === undefined
      ? await post(`${httpUrl}/api/v1/session`, body)
      : await post(`${httpUrl}/api/v1/setup`, { ...body, token });
  const cookie = answer.headers.get('set-cookie')?.split(';')[0];
  if (!answer.ok || cookie === undefined) throw new Error(`no session: ${await answer.text()}`);
  return cookie;
}

const post = (url, body) =>
  fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
