/** Stores against a real database: tenants stay apart, numbers have no gaps, logs stay, bytes survive COPY. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { projectScope, type ProjectScope } from '@tinyfleet/contracts';
import { versionOrder } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import { CATALOGUE, DEVICE_TRANSITIONS, type DeviceMove, type DeviceState } from '@tinyfleet/registry';
import { BinaryCopy, PgStores, copy, transactOn, type Database } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
import { namedQuery } from '../src/postgres/queries/index.js';
import { REMOVE_FIRST } from '../src/postgres/stores/project-store.js';
import { startTestDatabase, type TestDatabase } from './test-database.js';

let test: TestDatabase;
let database: Database;
let stores: PgStores;

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  stores = new PgStores(database);
});
afterAll(async () => {
  await test.stop();
});

let counter = 0;
async function newProject(): Promise<ProjectScope> {
  const project = { title: '', simulated: false, windowSeconds: 60, pickEvery: 0, name: `p${++counter}` };
  const scope = await stores.projects.add(project, null);
  await stores.types.refreshBuiltIn(scope, CATALOGUE);
  return scope;
}
const device = (name: string, tags: string[] = [], site = '') => ({
  name,
  type: 'wasm',
  tags,
  site,
  hardwareRevision: '',
  notes: '',
  location: null,
  attributes: {},
});

async function addModel(scope: ProjectScope, version = '1.1.0') {
  const source = { digest: createHash('sha256').update(`${scope.name}${version}`).digest('hex'), bytes: 10 };
  await stores.models.lock(scope, 'kws');
  await stores.models.addVersion(scope, {
    model: 'kws',
    version,
    versionOrder: versionOrder(version),
    format: 'tflite',
    fileName: 'kws.tflite',
    source,
    contract: { inputs: [], outputs: [], operators: {}, macs: 1 },
    inspection: {},
    labels: ['yes', 'no'],
    createdBy: 'test',
  });
}

const needs = {
  abi: 65536,
  opSet: '08',
  ownOpSet: '',
  arenaBytes: 100,
  stateBytes: 0,
  classes: 2,
  schemaCrc: 9,
};

async function build(scope: ProjectScope, version = '1.1.0'): Promise<string> {
  const ref = { model: 'kws', version, type: 'wasm' };
  const source = await stores.builds.source(scope, ref);
  const optionsDigest = createHash('sha256').update(version).digest('hex');
  const { id } = await stores.builds.ensure(scope, {
    ...source,
    options: {},
    optionsDigest,
    createdBy: 'test',
  });
  await stores.builds.begin(scope, id);
  const digest = createHash('sha256').update(`bundle ${scope.name} ${version}`).digest('hex');
  await stores.builds.succeed(scope, id, {
    bundle: { digest, bytes: 5 },
    report: { arenaBytes: 100, compilerVersion: '0' },
    needs,
  });
  return digest;
}

describe('tenants', () => {
  it('should refuse to store a reference into another project', async () => {
    const [mine, theirs] = [await newProject(), await newProject()];
    const [type] = await database.query<{ id: string }>(
      `select id from device_type where project_id = $1 limit 1`,
      [theirs.id],
    );
    await expect(
      database.query(`insert into device (project_id, id, name, type_id) values ($1, $2, 'x', $3)`, [
        mine.id,
        uuidv7(),
        type?.id,
      ]),
    ).rejects.toMatchObject({ code: '23503', constraint: 'device_type_fkey' });
  });

  it('should lead every key and foreign key of tenant tables with the project', async () => {
    const rows = await database.query<{ table: string; constraint: string }>(
      `select c.conrelid::regclass::text as table, c.conname as constraint
       from pg_constraint c join pg_attribute a on a.attrelid = c.conrelid and a.attname = 'project_id' and a.attnotnull
       where c.contype in ('p', 'f', 'u') and c.conrelid::regclass::text not like 'pgboss%'
         and (select attname from pg_attribute where attrelid = c.conrelid and attnum = c.conkey[1]) <> 'project_id'`,
    );
    // A person is of the instance; a reader's cursor is found by its reader.
    const known = ['member_person_fkey', 'event_cursor_pkey'];
    expect(rows.filter(({ constraint }) => !known.includes(constraint))).toEqual([]);
  });

  it('should list, find and change only what is in the project', async () => {
    const [mine, theirs] = [await newProject(), await newProject()];
    await stores.devices.add(mine, [device('a')]);
    await stores.devices.add(theirs, [device('b')]);
    const page = { limit: 10 };
    expect((await stores.devices.list(mine, { kind: 'all' }, page)).items.map(({ name }) => name)).toEqual([
      'a',
    ]);
    await expect(stores.devices.get(mine, 'b')).rejects.toMatchObject({ code: 'registry.device-not-found' });
    await expect(stores.devices.remove(mine, 'b')).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
    await expect(stores.devices.update(mine, 'b', { tags: [] })).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
  });

  it('should remove a project with every row that has its key, and tell which blobs nobody names any more', async () => {
    const [mine, theirs] = [await newProject(), await newProject()];
    for (const scope of [mine, theirs]) {
      await stores.devices.add(scope, [device('a')]);
      await addModel(scope);
      await build(scope);
      await stores.keys.addFirst(scope, {
        id: uuidv7(),
        publicKey: Buffer.alloc(32),
        sealedPrivateKey: null,
      });
      const release = { model: 'kws', version: '1.1.0', notes: '', soakS: 1, createdBy: 'test' };
      await stores.releases.add(scope, release);
      await stores.events.emit(scope, 'project.changed', { project: scope.name });
      await database.query(`select ensure_telemetry_day('2026-01-05')`);
      await database.query(
        `insert into telemetry_window (project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at,
           component, time_known, model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes)
         values ($1, $2, 1, 1, '2026-01-05T10:00Z', 1, 1, now(), 0, true, $2, $2, '', '\\x00', 0, 1, 8, '\\x00')`,
        [scope.id, randomUUID()],
      );
    }
    await database.query(
      `with key as (insert into provisioning_key (project_id, id, name, prefix, hash, created_by, name_template, quota, needs_approval, max_pending, again)
         values ($1, $2, 'line', 'tfp_', '\\x01', 'test', '{name}', 1, false, 1, 'never') returning project_id, id)
       insert into provisioning_key_type (project_id, key_id, type_id)
       select key.project_id, key.id, t.id from key join device_type t on t.project_id = key.project_id limit 1`,
      [mine.id, randomUUID()],
    );
    await stores.audit.append(mine, { actor: 'test', action: 'project.removed', target: mine.name });
    // Both projects share one blob: it stays.
    await database.query(
      `insert into blob (project_id, digest, kind, bytes) select p, '\\xabcd', 'model', 1 from unnest($1::uuid[]) p`,
      [[mine.id, theirs.id]],
    );
    const orphans = await transactOn(database)(async ({ projects }) => await projects.remove(mine));
    expect(orphans.map((blob) => blob.digest)).not.toContain('abcd');
    expect(orphans).toHaveLength(2);
    const tables = await database.query<{ name: string }>(
      `select distinct table_name as name from information_schema.columns
       where column_name = 'project_id' and table_schema = 'public'`,
    );
    const left: string[] = [];
    for (const { name } of tables) {
      const [row] = await database.query<{ n: number }>(
        `select count(*)::int n from ${name} where project_id = $1`,
        [mine.id],
      );
      if (row?.n !== 0) left.push(name);
    }
    expect(left).toEqual(['audit']);
    expect((await stores.devices.get(theirs, 'a')).name).toBe('a');
  });

  it('should remove first what refers to other rows of a project without going with them', async () => {
    const keys = await database.query<{ child: string; parent: string; cascades: boolean }>(
      `select conrelid::regclass::text as child, confrelid::regclass::text as parent, confdeltype = 'c' as cascades
       from pg_constraint c join pg_class r on r.oid = c.conrelid
       where contype = 'f' and r.relnamespace = 'public'::regnamespace and confdeltype in ('a', 'r', 'c')`,
    );
    const gone = new Set(REMOVE_FIRST);
    for (let before = -1; before !== gone.size;) {
      before = gone.size;
      for (const { child, parent, cascades } of keys) if (cascades && gone.has(parent)) gone.add(child);
    }
    const stuck = keys.filter(
      ({ child, parent, cascades }) => !cascades && parent !== 'blob' && !gone.has(child),
    );
    expect(stuck).toEqual([]);
  });

  it('should fold nothing of a project that is gone, and all of the others', async () => {
    const scope = await newProject();
    await database.transaction(async (tx) => {
      await tx.query(namedQuery('telemetry/create-rollup-stage'));
      await tx.query(
        `insert into rollup_stage (project_id, at, model_version_id, type_id, site, schema_crc, confidence_bins, windows, n, classes,
           counters, cycles_sum, cycles_max)
         select project, '2026-01-05T10:00:00Z', $2, $2, '', 1, 8, 1, 1, '{1}', '{0}', '0', 0 from unnest($1::uuid[]) as project`,
        [[randomUUID(), scope.id], uuidv7()],
      );
      await tx.query(namedQuery('telemetry/upsert-hours'));
    });
    const [row] = await database.query<{ n: number }>(
      `select count(*)::int as n from rollup_hour where windows = 1`,
    );
    expect(row?.n).toBe(1);
  });
});

describe('outbox', () => {
  it('should number the events of a project without gaps while transactions compete and fail', async () => {
    const scope = await newProject();
    const transact = transactOn(database);
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, async (_, i) =>
        transact(async ({ events }) => {
          await events.emit(scope, 'labels.committed', { labels: i });
          if (i % 4 === 0) throw new Error('rolled back');
        }),
      ),
    );
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(30);
    const events = await stores.eventReader.after(scope, 0, 100);
    expect(events.map(({ number }) => number)).toEqual(Array.from({ length: 30 }, (_, i) => i + 1));
    expect(await stores.eventReader.lastNumber(scope)).toBe(30);
  });
});

describe('transactions', () => {
  it('should try again when two wait for each other, and leave the rest of the work undone before', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('a'), device('b')]);
    const transact = transactOn(database);
    let attempts = 0;
    const waiting: (() => void)[] = [];
    /** Until both hold their first row. */
    const meet = async () => {
      if (waiting.length === 0 && attempts < 2) await new Promise<void>((resolve) => waiting.push(resolve));
      waiting.pop()?.();
    };
    const change = async (first: string, second: string) =>
      transact(async ({ devices, events }) => {
        await devices.lock(scope, first);
        attempts++;
        if (attempts <= 2) await meet();
        await devices.lock(scope, second);
        await events.emit(scope, 'device.updated', { device: first });
      });
    await Promise.all([change('a', 'b'), change('b', 'a')]);
    expect(attempts).toBeGreaterThanOrEqual(3);
    const told = await stores.eventReader.after(scope, 0, 100);
    expect(told.filter(({ name }) => name === 'device.updated')).toHaveLength(2);
  });

  it('should give up on what always loses, with a code that says so', async () => {
    let attempts = 0;
    const lost = Object.assign(new Error('deadlock detected'), { code: '40P01' });
    await expect(
      transactOn(database)(async () => {
        attempts++;
        await Promise.reject(lost);
      }),
    ).rejects.toMatchObject({ code: 'storage.contention', data: { attempts: 4 } });
    expect(attempts).toBe(4);
  });
});

describe('claim codes', () => {
  it('should be used and replaced at the same moment without waiting for each other', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('unit')]);
    const code = (text: string) => ({
      id: uuidv7(),
      hash: createHash('sha256').update(text).digest(),
      expiresAt: new Date(Date.now() + 60_000),
      createdBy: 'test',
    });
    const [first, second] = [code('first'), code('second')];
    await stores.provisioning.addCode(scope, 'unit', first);
    let go = () => {};
    const held = new Promise<void>((resolve) => (go = resolve));
    // Not by transactOn, which would try again.
    const replaced = database.transaction(async (tx) => {
      const { devices, provisioning } = new PgStores(tx);
      await devices.lock(scope, 'unit');
      go();
      // Long enough for the other one to take what it takes first.
      await new Promise((resolve) => setTimeout(resolve, 300));
      await provisioning.addCode(scope, 'unit', second);
    });
    const used = database.transaction(async (tx) => {
      await held;
      const { devices, provisioning } = new PgStores(tx);
      const redeemed = await provisioning.redeemCode(first.hash, '192.0.2.1');
      if (redeemed) await devices.lock(scope, 'unit');
      return redeemed;
    });
    await replaced;
    expect(await used).toBeUndefined();
    expect(await stores.provisioning.redeemCode(second.hash, '192.0.2.1')).toMatchObject({ device: 'unit' });
  });
});

describe('audit log', () => {
  it('should refuse to change, remove or truncate', async () => {
    const scope = await newProject();
    await stores.audit.append(scope, { actor: 'test', action: 'x.y', target: 'z' });
    for (const sql of [`update audit set actor = 'other'`, 'delete from audit', 'truncate audit']) {
      await expect(database.query(sql)).rejects.toThrow(/append-only/);
    }
  });
});

describe('states of a device', () => {
  it('should move by the table only, and keep the name when credentials are gone', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('a')]);
    const { id } = await stores.devices.lock(scope, 'a');
    await stores.credentials.addFirst(scope, [
      { id: uuidv7(), device: 'a', hash: Buffer.of(1), sealedKey: Buffer.of(2), createdBy: 'test' },
    ]);
    const move = (name: DeviceMove) => stores.devices.move(scope, [id], name);
    const all = Object.keys(DEVICE_TRANSITIONS) as DeviceMove[];
    for (const [state, legal] of Object.entries({
      registered: { claim: 'claimed', hello: 'active', suspend: 'suspended', retire: 'retired' },
      claimed: { hello: 'active', suspend: 'suspended', retire: 'retired' },
      active: { suspend: 'suspended', retire: 'retired' },
      suspended: { resume: 'registered', retire: 'retired' },
      retired: {},
    } satisfies Record<DeviceState, Partial<Record<DeviceMove, DeviceState>>>)) {
      for (const one of all) {
        await database.query('update device set state = $2, claimed_at = null where id = $1', [id, state]);
        const to = (legal as Partial<Record<DeviceMove, DeviceState>>)[one];
        expect(await move(one)).toMatchObject(to === undefined ? [] : [{ name: 'a', from: state, to }]);
        expect((await stores.devices.get(scope, 'a')).state).toBe(to ?? state);
      }
    }
    expect((await stores.credentials.list(scope, 'a')).map((one) => one.state)).toEqual(['revoked']);
  });

  it('should resume to what the device was before', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('a')]);
    const { id } = await stores.devices.lock(scope, 'a');
    await stores.devices.move(scope, [id], 'claim');
    await stores.devices.move(scope, [id], 'suspend');
    expect(await stores.devices.move(scope, [id], 'resume')).toMatchObject([{ to: 'claimed' }]);
    await database.query(
      `insert into device_report (project_id, device_id, boot_id, hello_at, firmware_version, abi, reset_cause, slots,
         fetch_slot, hello, name) values ($1, $2, 1, now(), '1', 1, 1, '[]', 1, '{}', 'a')`,
      [scope.id, id],
    );
    await stores.devices.move(scope, [id], 'suspend');
    expect(await stores.devices.move(scope, [id], 'resume')).toMatchObject([{ to: 'active' }]);
  });

  it('should count every change by people in the revision', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('a')]);
    const location = { text: 'roof', latitude: 52.5, longitude: 13.4 };
    await stores.devices.update(scope, 'a', { notes: 'first', hardwareRevision: 'B2', location });
    const { id, revision } = await stores.devices.lock(scope, 'a');
    expect(revision).toBe(2);
    await stores.devices.setDesired(scope, id, { cost: 4, owner: 'ann', spare: true });
    expect(await stores.devices.detail(scope, 'a')).toMatchObject({
      revision: 3,
      notes: 'first',
      hardwareRevision: 'B2',
      location,
      attributes: {
        reported: { version: 0, values: {} },
        desired: { version: 1, values: { cost: 4, owner: 'ann', spare: true } },
      },
    });
    await stores.devices.update(scope, 'a', { location: null, hardwareRevision: '' });
    expect(await stores.devices.detail(scope, 'a')).toMatchObject({ location: null, hardwareRevision: null });
  });
});

describe('groups', () => {
  it('should keep the count of a static group in the transaction of the change, whatever removes members', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [device('a'), device('b'), device('c')]);
    await database.query(
      `insert into device_group (project_id, id, name, kind, created_by) values ($1, $2, 'g', 'static', 'test')`,
      [scope.id, scope.id],
    );
    const count = async () =>
      (await database.query('select count::int from device_group where id = $1', [scope.id]))[0];
    await database.query(
      `insert into device_group_member (project_id, group_id, device_id) select $1, $1, id from device where project_id = $1`,
      [scope.id],
    );
    expect(await count()).toEqual({ count: 3 });
    await stores.devices.remove(scope, 'b');
    expect(await count()).toEqual({ count: 2 });
    await database.query('delete from device_group_member where project_id = $1', [scope.id]);
    expect(await count()).toEqual({ count: 0 });
  });
});

describe('device filter', () => {
  it('should find by tag, name pattern, site, state and their negations, and page by name', async () => {
    const scope = await newProject();
    await stores.devices.add(scope, [
      device('a-1', ['demo', 'eu'], 'hall'),
      device('a-2', ['demo']),
      device('b_1', ['eu'], '50%'),
      device('b%1'),
    ]);
    const names = async (filter: string) =>
      (await stores.devices.list(scope, parseFilter(filter), { limit: 10 })).items.map(({ name }) => name);
    expect(await names('tag = "demo"')).toEqual(['a-1', 'a-2']);
    expect(await names('tag in (eu, nothing) and not tag = demo')).toEqual(['b_1']);
    expect(await names('name = "a*"')).toEqual(['a-1', 'a-2']);
    expect(await names('name = "b_*"')).toEqual(['b_1']);
    expect(await names('name = "b%*"')).toEqual(['b%1']);
    expect(await names('site = "50%" or site = hall')).toEqual(['a-1', 'b_1']);
    expect(await names('presence = never and type = wasm')).toHaveLength(4);
    expect(await names('state = registered')).toHaveLength(4);
    expect(await names('release = "kws@1.1.0"')).toEqual([]);
    expect(await names('not version = "1.1.0"')).toHaveLength(4);
    expect(await names(`name = "x' or 1=1 --"`)).toEqual([]);
    const first = await stores.devices.list(scope, { kind: 'all' }, { limit: 3 });
    const second = await stores.devices.list(
      scope,
      { kind: 'all' },
      { limit: 3, cursor: first.nextCursor ?? '' },
    );
    expect([...first.items, ...second.items].map(({ name }) => name)).toEqual(['a-1', 'a-2', 'b%1', 'b_1']);
    expect(second.nextCursor).toBeNull();
    await expect(
      stores.devices.list(scope, { kind: 'all' }, { limit: 3, cursor: 'bm90IG91cnM' }),
    ).rejects.toMatchObject({ code: 'registry.cursor-invalid' });
  });
});

describe('builds and releases', () => {
  it('should return the same build for the same options, and run only a failed one again', async () => {
    const scope = await newProject();
    await addModel(scope);
    const source = await stores.builds.source(scope, { model: 'kws', version: '1.1.0', type: 'wasm' });
    const request = { ...source, options: {}, optionsDigest: '00'.repeat(32), createdBy: 'test' };
    const first = await stores.builds.ensure(scope, request);
    expect(first).toMatchObject({ made: true, state: 'queued' });
    expect(await stores.builds.ensure(scope, request)).toEqual({
      id: first.id,
      made: false,
      state: 'queued',
    });
    expect(await stores.builds.begin(scope, first.id)).toMatchObject({ model: 'kws', attempt: 1 });
    expect(await stores.builds.cancel(scope, first.id)).toBe(true);
    expect(await stores.builds.cancel(scope, first.id)).toBe(false);
    expect(await stores.builds.progress(scope, first.id, 'plan', 0.5)).toBe(false);
    expect(await stores.builds.begin(scope, first.id)).toBeUndefined();
    await stores.builds.requeue(scope, first.id);
    expect(await stores.builds.begin(scope, first.id)).toMatchObject({ attempt: 2 });
  });

  it('should give releases even sequences and lead the fallback to the release before', async () => {
    const scope = await newProject();
    const digests: string[] = [];
    for (const version of ['1.1.0', '1.2.0']) {
      await addModel(scope, version);
      digests.push(await build(scope, version));
      await stores.releases.add(scope, { model: 'kws', version, notes: '', soakS: 60, createdBy: 'test' });
      const toSign = await stores.releases.toSign(scope, `kws@${version}`);
      const keyId = uuidv7();
      if (version === '1.1.0') {
        await stores.keys.addFirst(scope, { id: keyId, publicKey: Buffer.alloc(32), sealedPrivateKey: null });
      }
      const [key] = await stores.keys.list(scope);
      expect(toSign.artifacts[0]?.needs).toEqual(needs);
      expect(toSign.artifacts[0]?.previous?.digest).toBe(version === '1.1.0' ? undefined : digests[0]);
      const manifest = Buffer.from('manifest');
      await stores.releases.signed(scope, toSign.id, key?.id ?? '', [
        { type: 'wasm', manifest, fallback: null, firmware: null },
      ]);
    }
    const { items } = await stores.releases.list(scope, { limit: 10 });
    expect(items.map(({ ref, sequence, signedAt }) => [ref, sequence, signedAt !== null])).toEqual([
      ['kws@1.2.0', 4, true],
      ['kws@1.1.0', 2, true],
    ]);
    await expect(
      stores.releases.add(scope, { model: 'kws', version: '1.1.0', notes: '', soakS: 0, createdBy: 'test' }),
    ).rejects.toMatchObject({ code: 'releases.exists' });
    await expect(stores.releases.get(scope, 'kws@9.9.9')).rejects.toMatchObject({
      code: 'releases.not-found',
    });
  });
});

describe('BinaryCopy', () => {
  it('should store every type exactly, nulls and extremes included', async () => {
    interface Row {
      small: number;
      whole: number;
      big: bigint;
      yes: boolean;
      at: number;
      id: string;
      raw: Uint8Array;
      words: string;
      maybe: number | null;
    }
    const writer = new BinaryCopy<Row>('copied', {
      small: { column: 'small', type: copy.int2 },
      whole: { column: 'whole', type: copy.int4 },
      big: { column: 'big', type: copy.int8 },
      yes: { column: 'yes', type: copy.bool },
      at: { column: 'at', type: copy.timestamptz },
      id: { column: 'id', type: copy.uuid },
      raw: { column: 'raw', type: copy.bytea },
      words: { column: 'words', type: copy.text },
      maybe: { column: 'maybe', type: copy.nullable(copy.int4) },
    });
    await database.query(
      `create table copied (n serial, small int2, whole int4, big int8, yes bool, at timestamptz, id uuid, raw bytea, words text, maybe int4)`,
    );
    const id = randomUUID();
    const row = (i: number): Row => ({
      small: i % 2 ? -32_768 : 32_767,
      whole: i % 2 ? -(2 ** 31) : 2 ** 31 - 1,
      big: i % 2 ? -(2n ** 63n) : 2n ** 63n - 1n,
      yes: i % 2 === 0,
      at: Date.UTC(1999, 11, 31) + i,
      id,
      raw: Uint8Array.of(0, 255, i % 256),
      words: 'é€😀'.repeat(i % 7),
      maybe: i % 3 ? i : null,
    });
    // More than the writer's first buffer, so that it grows.
    const rows = Array.from({ length: 2_000 }, (_, i) => row(i));
    await database.transaction(async ({ client }) => await writer.write(client, rows));
    const stored = await database.query<Omit<Row, 'big' | 'at'> & { big: string; at: Date }>(
      'select small, whole, big, yes, at, id, raw, words, maybe from copied order by n',
    );
    expect(stored).toHaveLength(rows.length);
    const back = stored.map((one) => ({
      ...one,
      big: BigInt(one.big),
      at: one.at.getTime(),
      raw: Uint8Array.from(one.raw),
    }));
    expect(back).toEqual(rows);
  });
});

describe('telemetry partitions', () => {
  it('should make a day once when several writers need it', async () => {
    await Promise.all(
      Array.from({ length: 8 }, async () => database.query(`select ensure_telemetry_day('2026-03-01')`)),
    );
    const [row] = await database.query<{ n: number }>(
      `select count(*)::int n from pg_inherits where inhparent = 'telemetry_window'::regclass and inhrelid::regclass::text like '%20260301'`,
    );
    expect(row?.n).toBe(1);
  });

  it('should add, and take the least and greatest of arrays of different length', async () => {
    const [row] = await database.query(
      `select array_sum(array[1,2]::bigint[], array[10,20,30]::bigint[]) s, array_least(array[1,9]::bigint[], array[3,4]::bigint[]) l,
         array_greatest(null, array[3]::bigint[]) g`,
    );
    expect(row).toEqual({ s: ['11', '22', '30'], l: ['1', '4'], g: ['3'] });
  });
});

it('should find a scope by name only', async () => {
  const scope = await newProject();
  expect(await stores.projects.find(scope.name)).toEqual(projectScope(scope.id, scope.name));
  expect(await stores.projects.find('nothing')).toBeUndefined();
});
