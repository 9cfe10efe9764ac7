// What the stores take with a million devices: pages against a bare prepared query of the same rows, filters by field,
// counts of groups, one device's page. Rounds are interleaved; warm, as a list that people look at is.
import pg from 'pg';
import { median } from '../report.mjs';

const ROUNDS = 200;
const PAGE = 50;

export async function measureLists({ database, connection, scope }) {
  const { PgStores, DEVICE_COLUMNS, DEVICE_FROM } = await import('../../libs/storage/dist/index.js');
  const stores = new PgStores(database);
  const bare = new pg.Client(connection);
  await bare.connect();
  try {
    const rowsAfter = barePage(bare, scope, { DEVICE_COLUMNS, DEVICE_FROM });
    const pages = {};
    for (const [id, name] of [
      ['first', ''],
      ['deep', DEEP],
    ]) {
      const cursor = name === '' ? undefined : Buffer.from(JSON.stringify([name])).toString('base64url');
      const list = () => stores.devices.list(scope, { kind: 'all' }, { limit: PAGE, cursor });
      const [rows, page] = [await rowsAfter(name), await list()];
      if (rows.slice(0, PAGE).some((row, i) => row.name !== page.items[i].name))
        throw new Error('not the same rows');
      const [bareMs, storeMs] = await interleaved([() => rowsAfter(name), list], ROUNDS);
      pages[id] = { bareMs, storeMs, ratio: median(storeMs) / median(bareMs), cursor };
    }
    return pages;
  } finally {
    await bare.end();
  }
}

/** The rows of a page by a prepared query and nothing around it. */
export function barePage(client, scope, { DEVICE_COLUMNS, DEVICE_FROM }) {
  const text = `select ${DEVICE_COLUMNS} ${DEVICE_FROM}
    where d.project_id = $1 and d.name > $2 order by d.name limit ${PAGE + 1}`;
  return async (name) => (await client.query({ name: 'bare', text, values: [scope.id, name] })).rows;
}
export const DEEP = 'unit-0900000';

const FILTERS = [
  'name = "unit-0500000"',
  'name = "unit-05*"',
  'name = "*-0777777"',
  'type = posix',
  'site = "site-7"',
  'state = suspended',
  'hardwareRevision = X9',
  'tag = eu',
  'tag = rare',
  'tag = "batch-7" and tag = pilot',
  'createdAt < 2025-01-02',
  'presence = connected',
  'presence = never',
  'presence in (silent, lost)',
  'lastSeen > 30d',
  'firmware = "1.7.0"',
  'firmware > "2.0.0-rc.0"',
  'release = "kws@2.0.0-rc.1"',
  'version < "1.9"',
  'update = failed',
  'attr.battery = 7',
  'attr.battery < 20',
  'attr.resetCause = watchdog',
  'desired.owner = "person-42"',
  'group = chosen',
  'group = late',
  'type = wasm and tag in (pilot, eu) and version < "2.0" and lastSeen < 1h and attr.battery < 20',
];

export async function measureFilters({ database, scope }, rounds = 20) {
  const { PgStores } = await import('../../libs/storage/dist/index.js');
  const { parseFilter } = await import('../../libs/filter/dist/index.js');
  const stores = new PgStores(database);
  const results = [];
  for (const filter of FILTERS) {
    const parsed = parseFilter(filter);
    const list = () => stores.devices.list(scope, parsed, { limit: PAGE });
    await list();
    const [times] = await interleaved([list], rounds);
    const counting = performance.now();
    const { count } = await stores.deviceSets.count(scope, parsed, 0);
    results.push({ filter, times, count, countMs: performance.now() - counting });
  }
  for (const sort of ['lastSeen', 'createdAt']) {
    const [times] = await interleaved(
      [() => stores.devices.list(scope, { kind: 'all' }, { limit: PAGE, sort })],
      rounds,
    );
    results.push({ filter: `(all, sorted by ${sort})`, times, count: Number.NaN, countMs: Number.NaN });
  }
  const names = Array.from({ length: 100 }, (_, i) => `unit-${String(i * 9_973).padStart(7, '0')}`);
  let next = 0;
  const [detail] = await interleaved([() => stores.devices.detail(scope, names[next++ % names.length])], 200);
  const [group] = await interleaved([() => stores.groups.get(scope, 'chosen')], 200);
  const [summary] = await interleaved([() => stores.projects.summary(scope)], 5);
  return { results, detail, group, summary };
}

/** Every piece of work once a round, so that what else the machine does falls on all alike. */
export async function interleaved(works, rounds) {
  const times = works.map(() => []);
  for (let round = -5; round < rounds; round++) {
    for (const [i, work] of works.entries()) {
      const started = performance.now();
      await work();
      if (round >= 0) times[i].push(performance.now() - started);
    }
  }
  return times;
}

export const percentile = (values, share) =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.ceil(values.length * share) - 1)];
