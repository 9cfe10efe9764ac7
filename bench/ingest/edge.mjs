// Child of bench/ingest and bench/fleet: one process with three brokers, the product's edge on its own Postgres, the very same
// broker and ingest hook whose commit does nothing, and one that saves each message by itself. Devices are registered by SQL.
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { listenMqtt } from '../../apps/server/dist/mqtt/broker/listen.js';
import { MqttBroker } from '../../apps/server/dist/mqtt/broker/broker.js';
import { DeviceCredentials } from '../../apps/server/dist/mqtt/broker/credentials.js';
import { brokerDefaults } from '../../apps/server/dist/mqtt/broker/options.js';
import { Edge } from '../../apps/server/dist/mqtt/edge.js';
import { Ingest } from '../../apps/server/dist/mqtt/ingest/ingest.js';
import { SecretSealer } from '../../libs/releases/dist/index.js';
import { ingestDefaults } from '../../apps/server/dist/mqtt/ingest/options.js';
import { Sequences } from '../../apps/server/dist/mqtt/ingest/sequences.js';
import { DirectoryBlobStore, PgDeviceDirectory } from '../../libs/storage/dist/index.js';
import { startFleetDatabase } from './fleet-database.mjs';
import { startNaive } from './naive.mjs';

// A loader sends as fast as it can; the limits that protect a fleet would measure themselves.
const unlimited = { messagesPerSecond: 1e9, messageBurst: 1e9 };
const { folder, database, tokens, stop } = await startFleetDatabase(Number(process.argv[2]));

const failures = [];
const edge = new Edge(database, new DirectoryBlobStore(join(folder, 'blobs')), {
  broker: unlimited,
  sealer: new SecretSealer(randomBytes(32)),
  windows: { retentionDays: 31, maxAheadMs: 600_000 },
  onError: (part, error) => failures.push(`${part}: ${error.message}`),
});
await edge.start();
const stored = await listenMqtt(edge.broker, { host: '127.0.0.1', port: 0 });

const nothing = { commit: async () => ({ stored: 0, duplicates: 0, refusedWindows: [] }) };
const deaf = { greeted() {}, wanted() {} };
const ingest = new Ingest(nothing, new Sequences(), deaf, ingestDefaults);
const credentials = new DeviceCredentials(new PgDeviceDirectory(database), 60_000);
const broker = new MqttBroker(credentials, { ...brokerDefaults, ...unlimited }, ingest);
await broker.start();
const hookOnly = await listenMqtt(broker, { host: '127.0.0.1', port: 0 });
const saving = await startNaive(database.target);
const naiveBroker = new MqttBroker(
  credentials,
  { ...brokerDefaults, ...unlimited },
  { take: saving.handle, isAway: false },
);
await naiveBroker.start();
const naive = await listenMqtt(naiveBroker, { host: '127.0.0.1', port: 0 });
process.send({
  event: 'ready',
  ports: { stored: stored.port, hook: hookOnly.port, naive: naive.port },
  tokens,
});

// Whoever asks is gone: Postgres would outlive both.
process.once('disconnect', () => void stop().finally(() => process.exit(1)));
process.on('message', async ({ command }) => {
  if (command === 'count') {
    const [row] = await database.query('select count(*)::int as rows from telemetry_window');
    process.send({ event: 'count', rows: row.rows, failures, rssBytes: process.memoryUsage.rss() });
  } else if (command === 'forget') {
    await database.query('truncate telemetry_window');
    process.send({ event: 'forgotten' });
  } else if (command === 'stop') {
    await Promise.all([stored.close(), hookOnly.close(), naive.close(), broker.stop(), naiveBroker.stop()]);
    await saving.close();
    await edge.stop();
    await stop();
    process.exit(0);
  }
});
