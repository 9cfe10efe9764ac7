// Child of bench/fleet.mjs: one process with two brokers, the product's edge on its own Postgres, and the very same
// broker and ingest hook whose commit does nothing. Registers devices by SQL and tells the parent ports and tokens.
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
import { startBenchDatabase } from './bench-database.mjs';

const [, , countText, classesText, prefixHex] = process.argv;
const count = Number(countText);
const prefix = Buffer.from(prefixHex, 'hex');
// A loader sends as fast as it can; the limits that protect a fleet would measure themselves.
const unlimited = { messagesPerSecond: 1e9, messageBurst: 1e9 };
const { folder, database, project, type, tokens, stop } = await startBenchDatabase(count);
const version = '01900000-0000-7000-8300-000000000001';
await database.query(
  `insert into bundle_name (project_id, prefix, digest, model_version_id, type_id, classes, schema_crc)
   values ($1, $2, $3, $4, $5, $6, 0)`,
  [project, prefix, Buffer.concat([prefix, Buffer.alloc(24)]), version, type, Number(classesText)],
);

const failures = [];
const edge = new Edge(database, new DirectoryBlobStore(join(folder, 'blobs')), {
  broker: unlimited,
  sealer: new SecretSealer(randomBytes(32)),
  windows: { retentionDays: 31, maxAheadMs: 600_000 },
  onError: (part, error) => failures.push(`${part}: ${error.message}`),
});
await edge.start();
const stored = await listenMqtt(edge.broker, { host: '127.0.0.1', port: 0 });

const nothing = { commit: async () => ({ stored: 0, duplicates: 0, refused: 0 }) };
const deaf = { greeted() {}, wanted() {} };
const ingest = new Ingest(nothing, new Sequences(), deaf, ingestDefaults);
const credentials = new DeviceCredentials(new PgDeviceDirectory(database), 60_000);
const broker = new MqttBroker(credentials, { ...brokerDefaults, ...unlimited }, ingest.handle);
await broker.start();
const hookOnly = await listenMqtt(broker, { host: '127.0.0.1', port: 0 });
process.send({ event: 'ready', storedPort: stored.port, hookPort: hookOnly.port, tokens });

process.on('message', async ({ command }) => {
  if (command === 'count') {
    const [row] = await database.query('select count(*)::int as rows from telemetry_window');
    process.send({ event: 'count', rows: row.rows, failures, rssBytes: process.memoryUsage.rss() });
  } else if (command === 'stop') {
    await Promise.all([stored.close(), hookOnly.close(), broker.stop()]);
    await edge.stop();
    await stop();
    process.exit(0);
  }
});
