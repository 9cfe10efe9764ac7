// The fleet that the dashboard is looked at with: 100,000 devices, of which some sent hourly windows of six versions for 30 days,
// behind the product as its user starts it, in processes of its own.
import { join } from 'node:path';
import { apiOf } from '../fleet/product-api.mjs';
import { uuid } from '../quality-query/fleet.mjs';
import { startHistory } from '../quality-query/history.mjs';

export const DEVICES = 100_000;
export const VERSIONS = 6;
const SENDERS = 60;
const HOURS = 720;
const START_LIMIT_MS = 180_000;

/** @returns the product, a call of its API, and the cookie of an administrator's session; `stop` removes everything */
export async function startFleet() {
  const { startProduct } = await import('../../libs/testing/dist/product.js');
  const history = await startHistory(SENDERS * HOURS, VERSIONS);
  let product;
  const stop = async () => {
    await product?.stop();
    await history.stop();
  };
  try {
    await makeDevices(history);
    const { host, port, user, password, database } = history.database.target;
    product = await startProduct({
      args: ['--no-demo'],
      dataDir: join(history.folder, 'data'),
      env: {
        DATABASE_URL: `postgres://${user}:${encodeURIComponent(password)}@/${database}?host=${encodeURIComponent(host)}&port=${port}`,
      },
      timeoutMs: START_LIMIT_MS,
    });
    return { product, api: apiOf(product), folder: history.folder, cookie: await sessionOf(product), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Releases of the versions, and devices up to 100,000 that run them; names are scattered over the table. */
async function makeDevices({ database, project, type }) {
  for (let i = 0; i < VERSIONS; i++) {
    const digest = digestOf(i);
    await database.query(`insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'bundle', 1)`, [
      project,
      digest,
    ]);
    await database.query(
      `insert into release (project_id, id, model_version_id, sequence, state, created_by) values ($1, $2, $3, $4, 'approved', 'bench')`,
      [project, uuid(7, i), uuid(3, i), i + 1],
    );
    await database.query(
      `insert into release_artifact (project_id, release_id, type_id, build_id, bundle_digest, bundle_bytes) values ($1, $2, $3, $4, $5, 1)`,
      [project, uuid(7, i), type, uuid(6, i), digest],
    );
  }
  await database.query(
    `insert into device (project_id, id, name, type_id, site, tags, state)
     select $1, ('01900000-0000-7000-8900-' || lpad(to_hex(i), 12, '0'))::uuid, 'unit-' || lpad((i * 7919 % $3::int)::text, 6, '0'), $2,
       'site-' || i % 20, array['batch-' || i % 50, 'line-' || i % 7], 'active'
     from generate_series(0, $3::int - 1) i`,
    [project, type, DEVICES - SENDERS],
  );
  await database.query(
    `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, firmware_order, abi, reset_cause, slots,
       fetch_slot, active_digest, hello, reported, reported_version, update_state, name)
     select project_id, id, 1, now(), '1.4.0', '', 65536, 1, '[]', 0, ($2::bytea[])[1 + n % $3::int], '{}', '{}', 1, 'active', name
     from (select *, row_number() over (order by id) as n from device where project_id = $1) d`,
    [project, Array.from({ length: VERSIONS }, (_, i) => digestOf(i)), VERSIONS],
  );
  await database.query(
    `insert into presence (project_id, device_id, connected, last_seen_at, next_contact_by, lost_at)
     select project_id, id, true, now(), now() + interval '1 day', now() + interval '2 days' from device where project_id = $1`,
    [project],
  );
  await database.query('vacuum analyze');
}

const digestOf = (version) => Buffer.alloc(32, 0x10 + version);

/** As the first administrator makes it with the printed link. @returns {Promise<{name: string, value: string}>} */
async function sessionOf({ url, setupUrl }) {
  const answer = await fetch(`${url}/api/v1/setup`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      ...{ email: 'bench@example.org', name: 'Bench', password: 'a long bench password' },
      token: new URL(setupUrl).hash.slice(1),
    }),
  });
  const [name, value] = answer.headers.get('set-cookie')?.split(';')[0].split('=') ?? [];
  if (!answer.ok || value === undefined) throw new Error(`no session: ${await answer.text()}`);
  return { name, value };
}
