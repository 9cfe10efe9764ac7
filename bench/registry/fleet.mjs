// A fleet of a million devices and a second tenant in a Postgres of their own, made by COPY. Names, sites, tags and times
// are scattered over the table as they are after years of registrations, so that a page is not one block by luck.
import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stdout } from 'node:process';
import { from } from 'pg-copy-streams';

export const DEVICES = 1_000_000;
const TENANT = 200_000;
const TYPES = ['wasm', 'qemu-m4', 'qemu-m55', 'posix'];
const VERSIONS = ['1.8.0', '1.9.0', '1.10.0', '2.0.0-rc.1', '2.0.0'];
const STEP = 7_919; // prime to both sizes: visits every device once

const uuid = (kind, i) => `01900000-0000-7000-8${kind}00-${i.toString(16).padStart(12, '0')}`;
const hash = (text) => createHash('sha256').update(text).digest();
const hex = (bytes) => `\\\\x${bytes.toString('hex')}`;
/** 0 <= share < 1, the same for a device in every run and unlike those of its neighbours. */
const share = (i, salt) => (Math.imul(i ^ (salt * 0x9e3779b1), 0x85ebca6b) >>> 8) / 2 ** 24;

/** @param {string | undefined} keep a folder that a later run may use again */
export async function startFleet(keep) {
  const { Database, PgStores, startEmbeddedPostgres } = await import('../../libs/storage/dist/index.js');
  const folder = keep ?? mkdtempSync(join(tmpdir(), 'tinyfleet-bench-'));
  const isNew = !existsSync(join(folder, 'postgres'));
  mkdirSync(folder, { recursive: true });
  chmodSync(folder, 0o755);
  const postgres = await startEmbeddedPostgres({
    directory: join(folder, 'postgres'),
    logFile: join(folder, 'postgres.log'),
    // A small server: the tables do not fit into its own cache, but into the machine's.
    settings: { shared_buffers: '512MB', maintenance_work_mem: '256MB', max_wal_size: '8GB' },
  });
  const database = await Database.connect({ target: postgres.connection });
  const stop = async () => {
    await database.close();
    await postgres.stop();
    if (keep === undefined) rmSync(folder, { recursive: true, force: true });
  };
  try {
    if (isNew) await seed(database);
    const scope = await new PgStores(database).projects.find('fleet');
    return { database, connection: postgres.connection, folder, scope, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function seed(database) {
  const started = performance.now();
  for (const [project, name] of ['fleet', 'tenant'].entries()) {
    await database.query('insert into project (id, name) values ($1, $2)', [uuid(0, project), name]);
    for (const [i, type] of TYPES.entries())
      await database.query(
        `insert into device_type (project_id, id, name, builtin, spec) values ($1, $2, $3, true, '{}')`,
        [uuid(0, project), uuid(1, project * 100 + i), type],
      );
    await seedReleases(database, project);
  }
  // Indexes are made after the rows, as a restore does it.
  const indexes = await database.query(
    `select i.indexname as name, i.indexdef as sql from pg_indexes i
     where i.schemaname = 'public' and i.tablename in ('device', 'device_report', 'presence')
       and not exists (select from pg_constraint c where c.conname = i.indexname)`,
  );
  for (const { name } of indexes) await database.query(`drop index ${name}`);
  for (const [project, count] of [DEVICES, TENANT].entries()) {
    await copy(
      database,
      DEVICE_COLUMNS,
      rows(count, (i) => deviceRow(project, i, count)),
    );
    await copy(
      database,
      REPORT_COLUMNS,
      rows(count, (i) => reportRow(project, i, count)),
    );
    await copy(
      database,
      PRESENCE_COLUMNS,
      rows(count, (i) => presenceRow(project, i)),
    );
  }
  await database.query(
    `insert into device_group (project_id, id, name, kind, filter, created_by)
     values ($1, $2, 'chosen', 'static', null, 'bench'), ($1, $3, 'late', 'dynamic', 'tag = pilot and version < "2.0"', 'bench')`,
    [uuid(0, 0), uuid(6, 0), uuid(6, 1)],
  );
  await database.query(
    `insert into device_group_member select project_id, $2, id from device where project_id = $1 and tags @> '{pilot}'`,
    [uuid(0, 0), uuid(6, 0)],
  );
  for (const { sql } of indexes) await database.query(sql);
  for (const table of ['device', 'device_report', 'presence', 'device_group_member'])
    await database.query(`vacuum (analyze) ${table}`);
  const [{ bytes }] = await database.query(
    `select sum(pg_total_relation_size(c))::float8 as bytes from unnest('{device,device_report,presence}'::regclass[]) as c`,
  );
  stdout.write(
    `${(DEVICES + TENANT).toLocaleString('en')} devices made in ${((performance.now() - started) / 1_000).toFixed(0)} s, ${(bytes / 2 ** 20).toFixed(0)} MiB with indexes\n\n`,
  );
}

async function seedReleases(database, project) {
  const p = uuid(0, project);
  const sql = async (text, ...values) => await database.query(text, [p, ...values]);
  await sql(`insert into model (project_id, id, name) values ($1, $2, 'kws')`, uuid(2, project));
  await sql(`insert into blob (project_id, digest, kind, bytes) values ($1, '', 'model', 1)`);
  const { versionOrder } = await import('../../libs/registry/dist/index.js');
  for (const [i, version] of VERSIONS.entries()) {
    const id = project * 100 + i;
    await sql(
      `insert into model_version (project_id, id, model_id, version, version_order, format, file_name, source_digest,
         source_bytes, contract, inspection, labels, created_by)
       values ($1, $2, $3, $4, $5, 'tflite', 'f', '', 1, '{}', '{}', '{}', 'bench')`,
      ...[uuid(3, id), uuid(2, project), version, versionOrder(version)],
    );
    await sql(
      `insert into release (project_id, id, model_version_id, sequence, state, created_by) values ($1, $2, $3, $4, 'approved', 'bench')`,
      ...[uuid(4, id), uuid(3, id), 2 * i + 2],
    );
    for (const [t] of TYPES.entries()) {
      const digest = digestOf(t, version);
      await sql(`insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'bundle', 1)`, digest);
      await sql(
        `insert into build (project_id, id, model_version_id, type_id, state, source_digest, options_digest, created_by)
         values ($1, $2, $3, $4, 'succeeded', '', '', 'bench')`,
        ...[uuid(5, id * 100 + t), uuid(3, id), uuid(1, project * 100 + t)],
      );
      await sql(
        `insert into release_artifact (project_id, release_id, type_id, build_id, bundle_digest, bundle_bytes)
         values ($1, $2, $3, $4, $5, 1)`,
        ...[uuid(4, id), uuid(1, project * 100 + t), uuid(5, id * 100 + t), digest],
      );
    }
  }
}

const digestOf = (type, version) => hash(`${type}@${version}`);
const digestHex = new Map(TYPES.flatMap((_, t) => VERSIONS.map((v) => [`${t}${v}`, hex(digestOf(t, v))])));

const pick = (at, limits) => limits.findIndex((limit) => at < limit);
const typeOf = (i) => pick(share(i, 1), [0.5, 0.8, 0.95, 1]);
const isSilentEver = (i) => share(i, 2) < 0.05;

const nameOf = (i, count) => `unit-${String((i * STEP) % count).padStart(7, '0')}`;

const DEVICE_COLUMNS =
  'device (project_id, id, name, type_id, site, tags, state, hardware_revision, desired, created_at)';
function deviceRow(project, i, count) {
  const tags = [`batch-${i % 1_000}`];
  if (share(i, 3) < 0.01) tags.push('pilot');
  if (share(i, 4) < 0.4) tags.push('eu');
  if (i % 10_000 === 77) tags.push('rare');
  const state = isSilentEver(i)
    ? 'registered'
    : ['suspended', 'retired', 'active'][pick(share(i, 5), [0.005, 0.01, 1])];
  const desired = share(i, 6) < 0.1 ? `{"owner": "person-${i % 2_000}"}` : '{}';
  const revision = ['X9', 'A1', 'B2', 'C3'][pick(share(i, 7), [0.001, 0.3, 0.7, 1])];
  const day = 1 + Math.floor(share(i, 8) * 27);
  const created = `2025-${String(1 + Math.floor(share(i, 9) * 12)).padStart(2, '0')}-${String(day).padStart(2, '0')}T${String(i % 24).padStart(2, '0')}:${String(i % 60).padStart(2, '0')}:00Z`;
  const site = share(i, 10) < 0.3 ? '' : `site-${i % 211}`;
  return [
    uuid(0, project),
    uuid(8 + project, i),
    nameOf(i, count),
    uuid(1, project * 100 + typeOf(i)),
    site,
    `{${tags.join(',')}}`,
    state,
    revision,
    desired,
    created,
  ];
}

const REPORT_COLUMNS =
  'device_report (project_id, device_id, boot_id, hello_at, firmware_version, firmware_order, abi, reset_cause, slots, fetch_slot, active_digest, hello, reported, reported_version, update_state, name)';
let orderOf;
function reportRow(project, i, count) {
  if (isSilentEver(i)) return undefined;
  const firmware = share(i, 11) < 0.0005 ? '2.0.0-rc.1' : `1.${Math.floor(share(i, 12) * 12)}.0`;
  const version = VERSIONS[pick(share(i, 13), [0.2, 0.6, 0.95, 0.955, 1])];
  const update = ['failed', 'idle', 'active'][pick(share(i, 14), [0.001, 0.1, 1])];
  const battery = Math.floor(share(i, 15) * 101);
  const resets = ['power-on', 'watchdog', 'software'][pick(share(i, 16), [0.7, 0.703, 1])];
  const reported = `{"firmware": "${firmware}", "abi": "1.0", "resetCause": "${resets}", "slotBytes": 262144, "arenaBytes": 65536, "stateBytes": 4096, "sectorBytes": 4096, "maxPacketBytes": 1536, "battery": ${battery}}`;
  const hello = `{"deviceType": "${TYPES[typeOf(i)]}", "firmwareVersion": "${firmware}", "abi": 65536, "slotBytes": 262144, "methods": ["full", "delta"], "sectorBytes": 4096, "capabilities": 1}`;
  const digest = digestHex.get(`${typeOf(i)}${version}`);
  return [
    uuid(0, project),
    uuid(8 + project, i),
    i,
    '2026-01-01T00:00:00Z',
    firmware,
    orderOf(firmware),
    65_536,
    1,
    '[]',
    0,
    digest,
    hello,
    reported,
    1,
    update,
    nameOf(i, count),
  ];
}

const PRESENCE_COLUMNS =
  'presence (project_id, device_id, connected, last_seen_at, next_contact_by, lost_at)';
function presenceRow(project, i) {
  if (isSilentEver(i)) return undefined;
  const connected = share(i, 17) < 0.8;
  const awayS = connected ? share(i, 18) * 60 : share(i, 19) < 0.01 ? 3_000_000 : share(i, 20) * 172_800;
  const at = (seconds) => new Date(Date.now() + seconds * 1_000).toISOString();
  return [
    uuid(0, project),
    uuid(8 + project, i),
    connected,
    at(-awayS),
    at(3_600 - awayS),
    at(86_400 - awayS),
  ];
}

function* rows(count, row) {
  let text = '';
  for (let i = 0; i < count; i++) {
    const values = row(i);
    if (!values) continue;
    text += `${values.join('\t')}\n`;
    if (text.length > 65_536) {
      yield text;
      text = '';
    }
  }
  if (text !== '') yield text;
}

async function copy(database, columns, texts) {
  const { versionOrderOf } = await import('../../libs/contracts/dist/index.js');
  orderOf = versionOrderOf;
  const client = await database.pool.connect();
  try {
    await pipeline(Readable.from(texts), client.query(from(`copy ${columns} from stdin`)));
  } finally {
    client.release();
  }
}
