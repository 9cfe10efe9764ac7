// Child of bench/registry/connect.mjs: as `edge` the product's edge on its own Postgres with devices registered by SQL, as
// `bare` aedes that lets everybody in. One of the two a process, because the memory of a connection is measured.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const [, , kind, countText] = process.argv;
const count = Number(countText);
const uuid = (kind, i) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;

const { port, tokens, stop, connected } = kind === 'edge' ? await startEdge() : await startBare();
process.send({ event: 'ready', port, tokens });

process.on('message', async ({ command }) => {
  if (command === 'memory') {
    globalThis.gc?.();
    process.send({ event: 'memory', rssBytes: process.memoryUsage.rss(), connected: connected() });
  } else if (command === 'stop') {
    await stop();
    process.exit(0);
  }
});

async function startBare() {
  const { Aedes } = await import('../../apps/server/node_modules/aedes/aedes.js').catch(
    () => import('aedes'),
  );
  const aedes = await Aedes.createBroker();
  const server = createServer({ noDelay: true }, aedes.handle);
  await new Promise((resolve) => server.listen({ host: '127.0.0.1', port: 0, backlog: 4_096 }, resolve));
  return {
    port: server.address().port,
    tokens: Array.from({ length: count }, () => randomBytes(32).toString('base64url')),
    connected: () => aedes.connectedClients,
    stop: async () => void aedes.close(),
  };
}

async function startEdge() {
  const { listenMqtt } = await import('../../apps/server/dist/mqtt/broker/listen.js');
  const { Edge } = await import('../../apps/server/dist/mqtt/edge.js');
  const { SecretSealer } = await import('../../libs/releases/dist/index.js');
  const { Database, DirectoryBlobStore, startEmbeddedPostgres } =
    await import('../../libs/storage/dist/index.js');
  const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
  chmodSync(folder, 0o755);
  mkdirSync(join(folder, 'blobs'));
  const postgres = await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
  });
  const database = await Database.connect({ target: postgres.connection });
  const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
  const [project, type] = [uuid(1, 1), uuid(2, 1)];
  await database.query(`insert into project (id, name) values ($1, 'bench')`, [project]);
  await database.query(
    `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, 'wasm', true, '{}')`,
    [project, type],
  );
  await database.query(
    `with made as (
       insert into device (project_id, id, name, type_id)
       select $1, id, name, $2 from unnest($3::uuid[], $4::text[]) as t (id, name) returning id, name
     )
     insert into device_credential (project_id, id, device_id, kind, hash, created_by)
     select $1, made.id, made.id, 'token', hash, 'bench' from unnest($4::text[], $5::bytea[]) as t (name, hash) join made using (name)`,
    [
      project,
      type,
      tokens.map((_, i) => uuid(4, i)),
      tokens.map((_, i) => `d${i}`),
      tokens.map((token) => createHash('sha256').update(token).digest()),
    ],
  );
  const failures = [];
  const edge = new Edge(database, new DirectoryBlobStore(join(folder, 'blobs')), {
    sealer: new SecretSealer(randomBytes(32)),
    windows: { retentionDays: 31, maxAheadMs: 600_000 },
    onError: (part, error) => failures.push(`${part}: ${error.message}`),
  });
  await edge.start();
  const listener = await listenMqtt(edge.broker, { host: '127.0.0.1', port: 0 });
  return {
    port: listener.port,
    tokens,
    connected: () => edge.broker.sessions.size,
    stop: async () => {
      await listener.close();
      await edge.stop();
      if (failures.length > 0) process.stderr.write(`${failures.join('\n')}\n`);
      await database.close();
      await postgres.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
