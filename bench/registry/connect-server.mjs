// Child of bench/registry/connect.mjs: as `edge` the product's edge on its own Postgres with devices registered by SQL, as
// `bare` aedes that lets everybody in. One of the two a process, because the memory of a connection is measured.
import { randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { join } from 'node:path';

const [, , kind, countText] = process.argv;
const count = Number(countText);

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
  const { DirectoryBlobStore } = await import('../../libs/storage/dist/index.js');
  const { startBenchDatabase } = await import('../fleet/bench-database.mjs');
  const { folder, database, tokens, stop: stopDatabase } = await startBenchDatabase(count);
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
      await stopDatabase();
    },
  };
}
