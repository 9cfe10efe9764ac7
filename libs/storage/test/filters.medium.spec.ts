/** The filter language against a real database: what each field finds, what is missing, and that no text becomes SQL. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { ProjectScope } from '@tinyfleet/contracts';
import { isFleetError, type FleetError } from '@tinyfleet/errors';
import { versionOrder, versionOrderOf } from '@tinyfleet/contracts';
import { FILTER_FIELDS, parseFilter } from '@tinyfleet/filter';
import { CATALOGUE } from '@tinyfleet/registry';
import { PgStores, type Database } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import { startTestDatabase, type TestDatabase } from './test-database.js';

let test: TestDatabase;
let database: Database;
let stores: PgStores;
let scope: ProjectScope;

/** What a device reports and how it is away; one that reports nothing was never heard of. */
interface Seen {
  firmware?: string;
  version?: string;
  reported?: Record<string, unknown>;
  secondsAgo?: number;
  connected?: boolean;
}

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  stores = new PgStores(database);
  scope = await stores.projects.add(
    { name: 'p', title: '', simulated: false, windowSeconds: 60, pickEvery: 0 },
    null,
  );
  await stores.types.refreshBuiltIn(scope, CATALOGUE);
  for (const version of ['1.9.0', '1.10.0', '2.0.0-rc.2', '2.0.0-rc.10', '2.0.0', '2.1.0'])
    await release(version);
  await device(
    'a',
    { tags: ['pilot', 'eu'], site: 'hall-1', hardwareRevision: 'B2', attributes: { cost: 4, owner: 'ann' } },
    {
      firmware: '1.4.0',
      version: '1.9.0',
      reported: { battery: 19, mode: 'eco', charging: true },
      secondsAgo: 60,
      connected: true,
    },
  );
  await device(
    'b',
    { tags: ['eu'], location: { text: 'roof', latitude: 1, longitude: 2 } },
    {
      firmware: '1.10.0-rc.1',
      version: '2.0.0-rc.10',
      reported: { battery: 20, mode: 'sport' },
      secondsAgo: 7_200,
    },
  );
  await device(
    'c',
    { type: 'qemu-m4', site: '50%_\\' },
    {
      firmware: 'nightly',
      version: '2.1.0',
      reported: { battery: '19', load: 3 },
      secondsAgo: 90_000,
    },
  );
  await device('d', { attributes: { cost: '4' } }, {});
});
afterAll(async () => {
  await test.stop();
});

const digest = (text: string) => createHash('sha256').update(text).digest();

async function release(version: string, bundle = version): Promise<void> {
  const source = { digest: digest(version).toString('hex'), bytes: 1 };
  await stores.models.lock(scope, 'kws');
  await stores.models.addVersion(scope, {
    ...{
      model: 'kws',
      version,
      versionOrder: versionOrder(version),
      format: 'tflite',
      fileName: 'f',
      source,
    },
    ...{
      contract: { inputs: [], outputs: [], operators: {}, macs: 1 },
      inspection: {},
      labels: [],
      createdBy: 't',
    },
  });
  const id = uuidv7();
  await database.query(
    `insert into blob (project_id, digest, kind, bytes) values ($1, $2, 'bundle', 1) on conflict do nothing`,
    [scope.id, digest(`b${bundle}`)],
  );
  await database.query(
    `insert into release (project_id, id, model_version_id, sequence, state, created_by)
     select $1, $2, id, next_number($1, 'release', 2), 'approved', 't' from model_version where project_id = $1 and version = $3`,
    [scope.id, id, version],
  );
  await database.query(
    `insert into build (project_id, id, model_version_id, type_id, state, source_digest, options_digest, created_by)
     select $1, gen_random_uuid(), v.id, t.id, 'succeeded', '', '', 't' from model_version v, device_type t
     where v.project_id = $1 and v.version = $2 and t.project_id = $1 and t.name in ('wasm', 'qemu-m4')`,
    [scope.id, version],
  );
  await database.query(
    `insert into release_artifact (project_id, release_id, type_id, build_id, bundle_digest, bundle_bytes)
     select $1, $2, b.type_id, b.id, $3, 1 from build b join model_version v on v.id = b.model_version_id where v.version = $4`,
    [scope.id, id, digest(`b${bundle}`), version],
  );
}

async function device(
  name: string,
  rest: Partial<Parameters<PgStores['devices']['add']>[1][number]>,
  seen: Seen,
): Promise<void> {
  await stores.devices.add(scope, [
    {
      ...{
        name,
        type: 'wasm',
        tags: [],
        site: '',
        hardwareRevision: '',
        notes: '',
        location: null,
        attributes: {},
      },

      ...rest,
    },
  ]);
  if (seen.firmware === undefined) return;
  const { id } = await stores.devices.lock(scope, name);
  await database.query(
    `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, firmware_order, abi, reset_cause,
       slots, fetch_slot, active_digest, hello, reported, update_state, name)
     values ($1, $2, 1, now(), $3, $4, 1, 1, '[]', 0, $5, '{}', $6, 'active', $7)`,
    [
      scope.id,
      id,
      seen.firmware,
      versionOrderOf(seen.firmware) ?? null,
      digest(`b${seen.version}`),
      seen.reported,
      name,
    ],
  );
  await database.query(
    `insert into presence (project_id, device_id, connected, last_seen_at, next_contact_by, lost_at)
     values ($1, $2, $3, now() - make_interval(secs => $4), now() - make_interval(secs => $4 - 3600), now() + interval '1 h')`,
    [scope.id, id, seen.connected ?? false, seen.secondsAgo ?? 0],
  );
}

const found = async (filter: string): Promise<string> =>
  (await stores.devices.list(scope, parseFilter(filter), { limit: 50 })).items
    .map(({ name }) => name)
    .join('');

describe('device filter', () => {
  it.each([
    ['', 'abcd'],
    ['name = "*"', 'abcd'],
    ['name in (a, "c*")', 'ac'],
    ['type = wasm', 'abd'],
    ['type = "qemu-*"', 'c'],
    ['type in (wasm, "qemu-m4")', 'abcd'],
    ['type = nothing', ''],
    ['tag = eu', 'ab'],
    ['tag = eu and tag = pilot', 'a'],
    ['tag in (pilot, eu)', 'ab'],
    ['tag = "p*"', 'a'],
    ['has tag', 'ab'],
    ['site = "hall-*"', 'a'],
    ['site = "50%_\\\\"', 'c'],
    ['site = "50%*\\\\"', 'c'],
    ['site = "5_*"', ''],
    ['site = "*"', 'ac'],
    ['location = roof', 'b'],
    ['has location', 'b'],
    ['hardwareRevision = "B*"', 'a'],
    ['state = registered', 'abcd'],
    ['state in (active, retired)', ''],
    ['presence = never', 'd'],
    ['presence = connected', 'a'],
    ['presence = silent', 'bc'],
    ['presence in (never, connected)', 'ad'],
    ['firmware = "1.4"', 'a'],
    ['firmware = "night*"', 'c'],
    ['firmware < "1.10"', 'ab'],
    ['firmware >= "1.10"', ''],
    ['firmware >= "1.10.0-rc.1"', 'b'],
    ['has firmware', 'abc'],
    ['version < "2.0"', 'ab'],
    ['version < "2.0.0-rc.2"', 'a'],
    ['version > "1.10"', 'bc'],
    ['version <= "1.9"', 'a'],
    ['version = "2.1"', 'c'],
    ['version = "kws@1.9.0"', 'a'],
    ['version in ("1.9.0", "2.1.0")', 'ac'],
    ['release = "kws@2.*"', 'bc'],
    ['has release', 'abc'],
    ['has releaseState and releaseState = approved', 'abc'],
    ['releaseState in (revoked, draft)', ''],
    ['update = active', 'abc'],
    ['lastSeen < 1h', 'a'],
    ['lastSeen > 1h', 'bc'],
    ['lastSeen < 1d', 'ab'],
    ['lastSeen > 2020-01-01', 'abc'],
    ['has lastSeen', 'abc'],
    ['createdAt < 1h', 'abcd'],
    ['createdAt < 2020-01-01', ''],
    ['attr.battery < 20', 'a'],
    ['attr.battery <= 20', 'ab'],
    ['attr.battery = 20', 'b'],
    ['attr.battery = 20.0', 'b'],
    ['attr.battery = "19"', 'c'],
    ['attr.battery in (19, "19")', 'ac'],
    ['has attr.battery', 'abc'],
    ['attr.mode = "e*"', 'a'],
    ['attr.charging = true', 'a'],
    ['attr.charging = "true"', ''],
    ['desired.cost = 4', 'a'],
    ['desired.cost > 3', 'a'],
    ['has desired.cost', 'ad'],
    ['desired.owner = "a*"', 'a'],
    ['type = wasm and tag in (pilot, eu) and version < "2.1" and lastSeen < 1h and attr.battery < 20', 'a'],
    ['not (tag = eu or type = "qemu-m4")', 'd'],
  ])('should find by %j the devices %j', async (filter, names) => {
    expect(await found(filter)).toBe(names);
  });

  it('should hold false what is missing, and true its negation: the truth table of docs/filters.md', async () => {
    // Device d has reported nothing, is in no group, has no tag, site, location, and its cost is a text.
    for (const comparison of [
      ...['tag = x', 'site = x', 'location = x', 'hardwareRevision = x', 'has tag', 'has site'],
      ...[
        'version = "1"',
        'version < "1"',
        'version >= "1"',
        'release = x',
        'firmware = x',
        'firmware < "9"',
        'update = x',
      ],
      ...[
        'attr.battery = 20',
        'attr.battery < 20',
        'attr.battery >= 20',
        'has attr.battery',
        'desired.cost = 4',
      ],
      ...['desired.cost < 9', 'desired.other = 1', 'lastSeen < 1h', 'lastSeen > 1h', 'presence = connected'],
    ]) {
      expect([comparison, await found(`name = d and ${comparison}`)]).toEqual([comparison, '']);
      expect([comparison, await found(`name = d and not ${comparison}`)]).toEqual([comparison, 'd']);
    }
    expect(await found('attr.battery != 20')).toBe('acd');
    expect(await found('attr.battery != 20 and has attr.battery')).toBe('ac');
    expect(await found('site not in (x)')).toBe('abcd');
  });

  it('should order pre-releases as semantic versions do', async () => {
    const inOrder = ['1.9.0', '1.10.0', '2.0.0-rc.2', '2.0.0-rc.10', '2.0.0', '2.1.0'];
    for (const [i, version] of inOrder.entries()) {
      const below = inOrder.slice(0, i);
      const rows = await database.query<{ version: string }>(
        `select version from model_version where project_id = $1 and version_order collate "C" < $2 order by version_order collate "C"`,
        [scope.id, versionOrderOf(version)],
      );
      expect(rows.map((row) => row.version)).toEqual(below);
    }
  });

  it('should count the fleet as its devices say', async () => {
    expect(await stores.projects.summary(scope)).toMatchObject({
      devices: 4,
      byPresence: { never: 1, connected: 1, silent: 2 },
      byType: { wasm: 3, 'qemu-m4': 1 },
      byRelease: { 'kws@1.9.0': 1, 'kws@2.0.0-rc.10': 1, 'kws@2.1.0': 1 },
    });
  });

  it('should page in every order without losing or repeating a device', async () => {
    for (const sort of ['name', 'lastSeen', 'createdAt'] as const) {
      for (const order of ['asc', 'desc'] as const) {
        const names: string[] = [];
        let cursor: string | undefined;
        do {
          const page = await stores.devices.list(scope, { kind: 'all' }, { limit: 1, sort, order, cursor });
          names.push(...page.items.map(({ name }) => name));
          cursor = page.nextCursor ?? undefined;
        } while (cursor !== undefined);
        const up =
          sort === 'lastSeen' ? (order === 'asc' ? 'cbad' : 'abcd') : order === 'asc' ? 'abcd' : 'dcba';
        expect([sort, order, names.join('')]).toEqual([sort, order, up]);
      }
    }
    for (const cursor of ['["x","y"]', '["2026-01-01 00:00:00+00","y"]', '["\'; drop table device","y"]'])
      for (const sort of ['lastSeen', 'createdAt'] as const)
        await stores.devices
          .list(scope, { kind: 'all' }, { limit: 1, sort, cursor: Buffer.from(cursor).toString('base64url') })
          .catch((error: unknown) => expect(error).toMatchObject({ code: 'registry.cursor-invalid' }));
  });

  it('should answer whatever a stranger writes with devices or a registered error, and leave the tables alone', async () => {
    const value = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 30 }).map((text) => JSON.stringify(text)),
      fc.constantFrom(
        `"'; drop table device; --"`,
        `"$1"`,
        `"\\\\"`,
        `"%"`,
        `"*"`,
        '""',
        '1e300',
        '-1',
        '2.1',
        '1h',
        'true',
        `"{}"`,
      ),
      fc.constantFrom(
        '"1.2.3-rc.1"',
        '36525d',
        '0s',
        '9999-12-31',
        '"\u0000"',
        '"\ud800"',
        '"🦊*"',
        '9999999999999999999999999',
      ),
    );
    const field = fc.oneof(
      fc.constantFrom(...Object.keys(FILTER_FIELDS)),
      fc.stringMatching(/^(attr|desired)\.[A-Za-z][A-Za-z0-9_-]{0,10}$/),
    );
    const operator = fc.constantFrom('=', '!=', '<', '<=', '>', '>=');
    const comparison = fc.oneof(
      fc.tuple(field, operator, value).map((parts) => parts.join(' ')),
      fc.tuple(field, value, value).map(([name, a, b]) => `${name} not in (${a}, ${b})`),
      field.map((name) => `has ${name}`),
    );
    const source = fc.tuple(comparison, fc.constantFrom('and', 'or', 'and not', 'or not'), comparison);
    let ran = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          comparison,
          source.map((parts) => parts.join(' ')),
        ),
        async (filter) => {
          try {
            await stores.devices.list(scope, parseFilter(filter), { limit: 5 });
            ran++;
          } catch (error) {
            if (!isFleetError(error)) throw error;
          }
        },
      ),
      { numRuns: 1_500 },
    );
    expect(ran).toBeGreaterThan(300);
    expect(await found('')).toBe('abcd');
  });
});

describe('releases with the same bundle', () => {
  it('should find devices whose release was revoked', async () => {
    const set = async (state: string) =>
      await database.query(
        `update release set state = $1 where model_version_id in (select id from model_version where version = '1.9.0')`,
        [state],
      );
    await set('revoked');
    expect(await found('releaseState = revoked')).toBe('a');
    expect(await found('releaseState != revoked and has release')).toBe('bc');
    await set('approved');
  });

  it('should be told apart by the release that the device names, else be the newest, as lists show it', async () => {
    for (const version of ['3.0.0', '3.1.0', '3.2.0']) await release(version, 'shared');
    const names = new Map<string, number>();
    const rows = await database.query<{ version: string; sequence: number }>(
      `select v.version, r.sequence::int as sequence from release r join model_version v on v.id = r.model_version_id
       where r.project_id = $1`,
      [scope.id],
    );
    for (const { version, sequence } of rows) names.set(version, sequence);
    for (const [sequence, runs] of [
      [names.get('3.0.0'), '3.0.0'],
      [names.get('3.1.0'), '3.1.0'],
      [names.get('3.2.0'), '3.2.0'],
      [0, '3.2.0'],
      [names.get('1.9.0'), '3.2.0'],
    ] as const) {
      await database.query(
        `update device_report r set active_digest = $2, release_sequence = $3 from device d
         where d.id = r.device_id and d.name = 'c' and r.project_id = $1`,
        [scope.id, digest('bshared'), sequence],
      );
      expect((await stores.devices.get(scope, 'c')).activeRelease).toBe(`kws@${runs}`);
      for (const version of ['3.0.0', '3.1.0', '3.2.0']) {
        const is = version === runs ? 'c' : '';
        expect([runs, version, await found(`version = "${version}"`)]).toEqual([runs, version, is]);
        expect(await found(`release in ("kws@${version}", x)`)).toBe(is);
        expect(await found(`name = c and version != "${version}"`)).toBe(is === 'c' ? '' : 'c');
      }
      expect(await found('version >= "3.1"')).toBe(runs >= '3.1.0' ? 'c' : '');
      expect(await found('version > "3.0.0" and version < "3.2.0"')).toBe(runs === '3.1.0' ? 'c' : '');
      expect(await found('version >= 3')).toBe('c');
      expect((await stores.projects.summary(scope)).byRelease).toEqual({
        'kws@1.9.0': 1,
        'kws@2.0.0-rc.10': 1,
        [`kws@${runs}`]: 1,
      });
    }
  });
});

describe('groups in filters', () => {
  const group = async (name: string, filter: string | null): Promise<void> => {
    await database.query(
      `insert into device_group (project_id, id, name, kind, filter, created_by) values ($1, $2, $3, $4, $5, 't')`,
      [scope.id, randomUUID(), name, filter === null ? 'static' : 'dynamic', filter],
    );
  };

  it('should stand for their members or their filter, groups in groups as well', async () => {
    await group('by-hand', null);
    await database.query(
      `insert into device_group_member select d.project_id, g.id, d.id from device d join device_group g using (project_id)
       where g.name = 'by-hand' and d.name in ('b', 'd')`,
    );
    await group('european', 'tag = eu');
    await group('both', 'group = european or group = "by-hand"');
    expect(await found('group = "by-hand"')).toBe('bd');
    expect(await found('group = both')).toBe('abd');
    expect(await found('group != both')).toBe('c');
    expect(await found('group in (european, "by-hand") and not name = a')).toBe('bd');
    await expect(found('group = none')).rejects.toMatchObject({ code: 'registry.group-not-found' });
  });

  it('should refuse to go round in a circle, nest too deep or grow beyond the limit', async () => {
    await group('x', 'group = y');
    await group('y', 'tag = a and not group = x');
    await expect(found('group = x')).rejects.toMatchObject({ code: 'registry.group-cycle' });
    await group('deep-0', 'tag = a');
    for (let i = 1; i <= 8; i++) await group(`deep-${i}`, `group = "deep-${i - 1}"`);
    expect(await found('group = "deep-7"')).toBe('');
    await expect(found('group = "deep-8"')).rejects.toMatchObject({ code: 'registry.group-cycle' });
    const many = (n: number) => `tag in (${Array.from({ length: n }, (_, i) => `t${i}`).join(', ')})`;
    await group('many', many(199));
    expect(await found('group = many')).toBe('');
    const error = await found('group = many or tag = x').catch((e: unknown) => e as FleetError);
    expect(error).toMatchObject({ code: 'registry.filter-too-complex', data: { terms: 201, limit: 200 } });
  });
});
