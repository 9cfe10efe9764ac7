// Child of bench/fleet.mjs: one process with two brokers, the product's edge on its own Postgres, and the very same
// broker and ingest hook whose commit does nothing. Registers devices by SQL and tells the parent ports and tokens.
import { createHash, randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
import {
  Database,
  DirectoryBlobStore,
  PgDeviceDirectory,
  startEmbeddedPostgres,
} from '../../libs/storage/dist/index.js';

const [, , countText, classesText, prefixHex] = process.argv;
const count = Number(countText);
const prefix = Buffer.from(prefixHex, 'hex');
// A loader sends as fast as it can; the limits that protect a fleet would measure themselves.
const unlimited = { messagesPerSecond: 1e9, messageBurst: 1e9 };
const uuid = (kind, i) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;

const folder = mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
chmodSync(folder, 0o755);
mkdirSync(join(folder, 'blobs'));
const postgres = await startEmbeddedPostgres({
  directory: join(folder, 'postgres'),
  logFile: join(folder, 'postgres.log'),
});
const database = await Database.connect({ target: postgres.connection });
const tokens = Array.from({ length: count }, () => randomBytes(32).toString('base64url'));
const [project, type, version] = [uuid(1, 1), uuid(2, 1), uuid(3, 1)];
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
    await database.close();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
    process.exit(0);
  }
});
