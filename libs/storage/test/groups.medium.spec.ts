/** Groups and bulk actions against a real database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import {
  BulkService,
  CATALOGUE,
  GroupService,
  attributeLimits,
  bulkDefaults,
  groupDefaults,
} from '@tinyfleet/registry';
import { PgStores, transactOn, type Database } from '@tinyfleet/storage';
import { startTestDatabase, type TestDatabase } from './test-database.js';

let test: TestDatabase;
let database: Database;
let stores: PgStores;
let scope: ProjectScope;
let groups: GroupService;
let counter = 0;
const failures: unknown[] = [];

beforeAll(async () => {
  test = await startTestDatabase();
  database = test.database;
  stores = new PgStores(database);
});
beforeEach(async () => {
  scope = await project();
  await register(scope, ['a', 'b', 'c', 'd']);
  groups = service();
});
afterAll(async () => {
  await groups.settle();
  await test.stop();
  expect(failures).toEqual([]);
});

async function project(): Promise<ProjectScope> {
  const name = `p${++counter}`;
  const made = await stores.projects.add(
    { name, title: '', simulated: false, windowSeconds: 60, pickEvery: 0 },
    null,
  );
  await stores.types.refreshBuiltIn(made, CATALOGUE);
  return made;
}
const register = async (where: ProjectScope, names: string[]) =>
  stores.devices.add(
    where,
    names.map((name) => ({
      ...{ name, type: 'wasm', tags: [`is-${name}`], site: 'hall', hardwareRevision: '', notes: '' },
      ...{ location: null, attributes: { owner: name } },
    })),
  );
const service = (options: Partial<typeof groupDefaults> = {}) =>
  new GroupService(stores, transactOn(database), (error) => failures.push(error), {
    ...groupDefaults,
    ...options,
  });
const found = async (filter: string): Promise<string> =>
  (await stores.devices.list(scope, parseFilter(filter), { limit: 50 })).items
    .map(({ name }) => name)
    .join('');
const create = (name: string, filter: string | null = null) =>
  groups.create('test', scope, { name, filter, notes: '' });
const lastAudit = async () => (await stores.audit.list(scope, { limit: 1 })).items[0];

describe('groups', () => {
  it('should have members by name or by a filter of the moment', async () => {
    expect(await create('pilot')).toMatchObject({ kind: 'static', count: 0, countedAt: null, revision: 1 });
    const change = (rest: Resource<'GroupMembersChange'>, remove = false) =>
      groups.changeMembers('test', scope, 'pilot', { ...rest, remove });
    expect(await change({ devices: ['a', 'b', 'a'] })).toEqual({ changed: 2, count: 2 });
    expect(await change({ filter: 'name in (b, c)' })).toEqual({ changed: 1, count: 3 });
    expect(await change({ devices: ['a'] }, true)).toEqual({ changed: 1, count: 2 });
    expect(await lastAudit()).toMatchObject({
      action: 'group.members-removed',
      subject: 'pilot',
      data: { devices: ['a'], changed: 1 },
    });
    expect(await found('group = pilot')).toBe('bc');
    await expect(change({ devices: ['nobody'] })).rejects.toMatchObject({
      code: 'registry.device-not-found',
    });
    await expect(change({ filter: ' ' })).rejects.toMatchObject({ code: 'registry.bulk-filter-empty' });
    expect((await groups.get(scope, 'pilot')).count).toBe(2);
  });

  it('should follow a filter, say when it was counted, and count again when that is old', async () => {
    expect(await create('eu', 'name in (a, b)')).toMatchObject({
      kind: 'dynamic',
      filter: 'name in ("a", "b")',
      count: 2,
      countedAt: expect.any(String),
    });
    await stores.devices.remove(scope, 'a');
    expect((await groups.get(scope, 'eu')).count).toBe(2);
    const impatient = service({ countMaxAgeMs: -1 });
    expect((await impatient.list(scope, { limit: 10 })).items).toMatchObject([{ name: 'eu', count: 2 }]);
    await impatient.settle();
    expect((await groups.get(scope, 'eu')).count).toBe(1);
    const changed = await groups.update('test', scope, 'eu', { filter: 'site = hall', notes: 'all' });
    expect(changed).toMatchObject({ filter: 'site = "hall"', count: 3, revision: 2, notes: 'all' });
    expect(await lastAudit()).toMatchObject({ action: 'group.updated', subject: 'eu' });
  });

  it('should refuse members of a filter, a filter of members, and names that are taken or unknown', async () => {
    await create('hand');
    await create('rule', 'name = a');
    await expect(
      groups.changeMembers('test', scope, 'rule', { devices: ['a'], remove: false }),
    ).rejects.toMatchObject({ code: 'registry.group-static' });
    await expect(groups.update('test', scope, 'hand', { filter: 'name = a' })).rejects.toMatchObject({
      code: 'registry.group-static',
    });
    await expect(create('hand')).rejects.toMatchObject({ code: 'registry.group-exists' });
    await expect(create('x', 'group = nothing')).rejects.toMatchObject({ code: 'registry.group-not-found' });
    await expect(create('x', 'nonsense')).rejects.toMatchObject({ code: 'registry.filter-invalid' });
  });

  it('should refuse to lead back to itself, and to go while another names it', async () => {
    await create('one', 'name = a');
    await create('two', 'group = one or name = b');
    await expect(groups.update('test', scope, 'one', { filter: 'group = one' })).rejects.toMatchObject({
      code: 'registry.group-cycle',
    });
    await expect(groups.update('test', scope, 'one', { filter: 'not group = two' })).rejects.toMatchObject({
      code: 'registry.group-cycle',
    });
    await expect(groups.remove('test', scope, 'one')).rejects.toMatchObject({
      code: 'registry.group-in-use',
      data: { other: 'two' },
    });
    await groups.remove('test', scope, 'two');
    await groups.remove('test', scope, 'one');
    expect((await groups.list(scope, { limit: 10 })).items).toEqual([]);
  });

  it('should be found in their own project only', async () => {
    await create('mine', 'name = a');
    const other = await project();
    await expect(stores.groups.get(other, 'mine')).rejects.toMatchObject({
      code: 'registry.group-not-found',
    });
    await expect(stores.devices.list(other, parseFilter('group = mine'), { limit: 1 })).rejects.toMatchObject(
      { code: 'registry.group-not-found' },
    );
    await register(other, ['z']);
    const [theirs] = await stores.deviceSets.named(other, ['z']);
    const { id } = await stores.groups.lock(scope, 'mine');
    await expect(stores.groups.addMembers(scope, id, [theirs!])).rejects.toMatchObject({ code: '23503' });
  });

  it('should take as many groups and members as the limits and refuse one more', async () => {
    groups = service({ maxGroups: 2, maxMembersAtOnce: 3 });
    await create('one');
    await create('two');
    await expect(create('three')).rejects.toMatchObject({ code: 'registry.groups-too-many' });
    const add = (filter: string) => groups.changeMembers('test', scope, 'one', { filter, remove: false });
    expect(await add('name in (a, b, c)')).toEqual({ changed: 3, count: 3 });
    await expect(add('name = "*"')).rejects.toMatchObject({
      code: 'registry.group-members-too-many',
      data: { count: 4, limit: 3 },
    });
  });
});

describe('bulk actions', () => {
  const run = (
    filter: string,
    change: Resource<'BulkChange'>,
    rest: { dryRun?: boolean; expect?: number } = {},
    limits: Partial<typeof bulkDefaults> = {},
  ) =>
    new BulkService(
      transactOn(database),
      { ...bulkDefaults, ...limits },
      { ...attributeLimits, maxCount: 2 },
    ).run('test', scope, { filter, change, dryRun: false, ...rest });

  it('should count first and change nothing, then change them all at once and say so in the audit log', async () => {
    const change: Resource<'BulkChange'> = {
      ...{ tag: ['late', 'is-a'], untag: ['is-b'], site: 'yard', hardwareRevision: 'C1', notes: 'n' },
      ...{ location: { text: 'gate', latitude: null, longitude: null }, desired: { cost: 3, owner: null } },
    };
    expect(await run('name in (a, b)', change, { dryRun: true })).toEqual({
      ...{ matched: 2, changed: 0, dryRun: true, sample: ['a', 'b'] },
    });
    expect(await stores.devices.get(scope, 'a')).toMatchObject({ revision: 1, site: 'hall' });
    expect(await run('name in (a, b)', change, { expect: 2 })).toMatchObject({ matched: 2, changed: 2 });
    expect(await stores.devices.detail(scope, 'b')).toMatchObject({
      ...{ tags: ['is-a', 'late'], site: 'yard', hardwareRevision: 'C1', notes: 'n', revision: 2 },
      attributes: { desired: { version: 2, values: { cost: 3 } } },
      location: { text: 'gate' },
    });
    expect(await stores.devices.get(scope, 'c')).toMatchObject({ tags: ['is-c'], revision: 1 });
    const entry = await lastAudit();
    expect(entry).toMatchObject({
      action: 'devices.updated',
      data: { filter: 'name in (a, b)', matched: 2 },
    });
    expect(JSON.stringify(entry)).toContain('"site":"hall"');
    expect(JSON.stringify(entry)).toContain('"site":"yard"');
    const events = await stores.eventReader.after(scope, 0, 100);
    expect(events.at(-1)).toMatchObject({ name: 'devices.updated', data: { devices: ['a', 'b'] } });
  });

  it('should refuse when another number matches by now', async () => {
    await expect(run('name in (a, b)', { notes: 'x' }, { expect: 3 })).rejects.toMatchObject({
      code: 'registry.bulk-count-changed',
      data: { count: 2, expected: 3 },
    });
    expect((await stores.devices.get(scope, 'a')).revision).toBe(1);
  });

  it('should suspend, resume and retire those that can, and fill groups', async () => {
    await create('away');
    expect(await run('name in (a, b)', { state: 'suspend', addToGroup: 'away' })).toMatchObject({
      changed: 2,
    });
    expect(await run('name in (b, c)', { state: 'resume' })).toMatchObject({ matched: 2, changed: 1 });
    expect(await found('state = suspended')).toBe('a');
    expect(await run('group = away', { state: 'retire' })).toMatchObject({ matched: 2, changed: 2 });
    expect(await found('state = retired')).toBe('ab');
    expect(await run('name = b', { removeFromGroup: 'away' })).toMatchObject({ changed: 1 });
    expect(await found('group = away')).toBe('a');
    await expect(run('name = b', { addToGroup: 'nowhere' })).rejects.toMatchObject({
      code: 'registry.group-not-found',
    });
    await create('rule', 'name = a');
    await expect(run('name = b', { addToGroup: 'rule' }, { dryRun: true })).rejects.toMatchObject({
      code: 'registry.group-static',
    });
  });

  it('should take as many devices, tags and attributes as the limits and refuse one more', async () => {
    expect(await run('name in (a, b, c)', { notes: 'x' }, {}, { maxDevices: 3 })).toMatchObject({
      changed: 3,
    });
    await expect(run('name = "*"', { notes: 'y' }, {}, { maxDevices: 3 })).rejects.toMatchObject({
      code: 'registry.bulk-too-many',
      data: { count: 4, limit: 3 },
    });
    expect(await run('name = "*"', { notes: 'y' }, { dryRun: true }, { maxDevices: 3 })).toMatchObject({
      matched: 4,
    });
    await run('name = a', { tag: ['x', 'y'] }, {}, { maxTags: 3 });
    await expect(run('name = a', { tag: ['z'] }, {}, { maxTags: 3 })).rejects.toMatchObject({
      code: 'registry.tags-too-many',
      data: { device: 'a', count: 4, limit: 3 },
    });
    await run('name = a', { desired: { b: 1 } });
    await expect(run('name = a', { desired: { c: 1 } })).rejects.toMatchObject({
      code: 'registry.attributes-too-many',
      data: { count: 3, limit: 2 },
    });
    await expect(run('name = a', { desired: { 'no key': 1 } })).rejects.toMatchObject({
      code: 'registry.attribute-invalid',
    });
    await expect(run('', { notes: 'all' })).rejects.toMatchObject({ code: 'registry.bulk-filter-empty' });
  });

  it('should change each device once when two people act at the same time', async () => {
    await Promise.all(
      Array.from({ length: 6 }, (_, i) => run('name = "*"', { tag: [`t${i}`] }, { expect: 4 })),
    );
    const { items } = await stores.devices.list(scope, { kind: 'all' }, { limit: 10 });
    for (const { tags, revision } of items) {
      expect(tags.filter((tag) => tag.startsWith('t'))).toHaveLength(6);
      expect(revision).toBe(7);
    }
  });
});
