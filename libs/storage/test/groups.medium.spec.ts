/** Groups and bulk actions against a real database. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { parseFilter } from '@tinyfleet/filter';
import {
  BulkJob,
  BulkService,
  CATALOGUE,
  GroupService,
  attributeLimits,
  bulkDefaults,
  groupDefaults,
} from '@tinyfleet/registry';
import { PgStores, transactOn, type Database } from '@tinyfleet/storage';
import { uuidv7 } from 'uuidv7';
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
const bulkService = (limits: Partial<typeof bulkDefaults> = {}) =>
  new BulkService(
    stores,
    transactOn(database),
    uuidv7,
    { ...bulkDefaults, ...limits },
    { ...attributeLimits, maxCount: 2 },
  );
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

  it('should refuse to lead back to itself also when two are saved at once', async () => {
    for (let round = 0; round < 5; round++) {
      const names = Array.from({ length: 6 }, (_, i) => `ring-${round}-${i}`);
      for (const name of names) await create(name, 'name = a');
      // Each names the next one, the last the first: one has to be refused, whichever comes last.
      const saved = await Promise.allSettled(
        names.map(async (name, i) =>
          groups.update('test', scope, name, { filter: `group = ${names[(i + 1) % names.length]}` }),
        ),
      );
      const refused = saved.flatMap((one) =>
        one.status === 'rejected' ? [one.reason as { code: string }] : [],
      );
      expect(refused.map(({ code }) => code)).toEqual(['registry.group-cycle']);
    }
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
  ) => bulkService(limits).run('test', scope, { filter, change, dryRun: false, ...rest });

  it('should count first and change nothing, then change them all at once and say so in the audit log', async () => {
    const change: Resource<'BulkChange'> = {
      ...{ tag: ['late', 'is-a'], untag: ['is-b'], site: 'yard', hardwareRevision: 'C1', notes: 'n' },
      ...{ location: { text: 'gate', latitude: null, longitude: null }, desired: { cost: 3, owner: null } },
    };
    expect(await run('name in (a, b)', change, { dryRun: true })).toEqual({
      ...{ matched: 2, changed: 0, dryRun: true, sample: ['a', 'b'], action: null },
    });
    expect(await stores.devices.get(scope, 'a')).toMatchObject({ revision: 1, site: 'hall' });
    expect(await run('name in (a, b)', change, { expect: 2 })).toMatchObject({ matched: 2, changed: 2 });
    expect(await stores.devices.detail(scope, 'b')).toMatchObject({
      ...{ tags: ['is-a', 'late'], site: 'yard', hardwareRevision: 'C1', notes: 'n', revision: 2 },
      attributes: { desired: { version: 2, values: { cost: 3 } } },
      location: { text: 'gate' },
    });
    expect(await stores.devices.get(scope, 'c')).toMatchObject({ tags: ['is-c'], revision: 1 });
    const { items: set } = await stores.devices.attributeChanges(scope, 'b', { limit: 10 });
    expect(set.map(({ changes }) => changes)).toEqual([
      [
        { attribute: 'cost', before: null, after: 3 },
        { attribute: 'owner', before: 'b', after: null },
      ],
    ]);
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

describe('bulk actions on more devices than one transaction takes', () => {
  const job = new BulkJob(async (work) => await transactOn(database)(work), {
    maxTags: 32,
    maxAttributes: 2,
  });
  const never = () => false;
  const small = { maxDevices: 3, partDevices: 2 };
  const begin = async (
    change: Resource<'BulkChange'>,
    rest: { expect?: number } = {},
    limits: Partial<typeof bulkDefaults> = small,
  ) => {
    const request = { filter: 'name = "*"', change, dryRun: false, ...rest };
    const { action } = await bulkService(limits).run('test', scope, request);
    return action!;
  };
  const actionOf = async (id: string) => await bulkService().get(scope, id);
  const notesOf = async () => {
    const rows = await database.query<{ name: string; notes: string; revision: string }>(
      'select name, notes, revision from device where project_id = $1 order by name',
      [scope.id],
    );
    return rows.map(({ name, notes, revision }) => `${name}:${notes}${revision}`).join(' ');
  };
  /** Stops after so many parts. */
  const after = (parts: number) => {
    let done = 0;
    return () => ++done >= parts;
  };

  it('should change those that matched when it was made, part by part, and tell how far it is', async () => {
    const result = await bulkService(small).run('test', scope, {
      ...{ filter: 'name = "*"', change: { notes: 'x' }, dryRun: false, expect: 4 },
    });
    expect(result).toMatchObject({ matched: 4, changed: 0, sample: ['a', 'b', 'c', 'd'] });
    const id = result.action!;
    expect(await lastAudit()).toMatchObject({ action: 'bulk-action.begun', data: { matched: 4 } });
    expect(await actionOf(id)).toMatchObject({ state: 'waiting', handled: 0, finishedAt: null });
    await register(scope, ['late']);
    await job.run(scope, id, after(1));
    expect(await actionOf(id)).toMatchObject({ state: 'running', handled: 2, changed: 2 });
    await stores.devices.remove(scope, 'd');
    await job.run(scope, id, never);
    expect(await actionOf(id)).toMatchObject({ state: 'done', matched: 4, handled: 4, changed: 3 });
    expect(await notesOf()).toBe('a:x2 b:x2 c:x2 late:1');
    expect(await lastAudit()).toMatchObject({
      ...{ action: 'devices.updated', actor: 'test', subject: 'name = "*"' },
      data: { action: id, state: 'done', changed: 3 },
    });
    const events = await stores.eventReader.after(scope, 0, 100);
    expect(events.filter(({ name }) => name === 'bulk-action.changed').map(({ data }) => data)).toEqual(
      [
        { state: 'waiting', handled: 0, changed: 0 },
        { state: 'running', handled: 2, changed: 2 },
        { state: 'running', handled: 4, changed: 3 },
        { state: 'done', handled: 4, changed: 3 },
      ].map((one) => ({ action: id, matched: 4, ...one })),
    );
    expect((await bulkService().list(scope, { limit: 10 })).items.map((one) => one.id)).toEqual([id]);
  });

  it('should change each device once although workers die and several work on it', async () => {
    await create('all');
    const id = await begin({ notes: 'x', addToGroup: 'all' }, {}, { maxDevices: 3, partDevices: 1 });
    await job.run(scope, id, after(1));
    // Dies after the change of a part, before its commit.
    const dying = new BulkJob(
      async (work) =>
        await transactOn(database)(async (inner) => {
          await work(inner);
          throw new Error('killed');
        }),
      { maxTags: 32, maxAttributes: 2 },
    );
    await expect(dying.run(scope, id, never)).rejects.toThrow('killed');
    expect(await actionOf(id)).toMatchObject({ state: 'running', handled: 1 });
    await Promise.all([1, 2, 3].map(async () => await job.run(scope, id, never)));
    expect(await actionOf(id)).toMatchObject({ state: 'done', handled: 4, changed: 4 });
    expect(await notesOf()).toBe('a:x2 b:x2 c:x2 d:x2');
    expect(await groups.get(scope, 'all')).toMatchObject({ count: 4 });
  });

  it('should stop when it is cancelled, and fail when it cannot go on, keeping what is done', async () => {
    const id = await begin({ notes: 'x' });
    await job.run(scope, id, after(1));
    expect(await bulkService().cancel('boss', scope, id)).toMatchObject({
      ...{ state: 'cancelled', cancelledBy: 'boss', handled: 2 },
    });
    expect(await lastAudit()).toMatchObject({ action: 'bulk-action.cancelled', actor: 'boss' });
    await job.run(scope, id, never);
    expect(await notesOf()).toBe('a:x2 b:x2 c:1 d:1');
    await expect(bulkService().cancel('boss', scope, id)).rejects.toMatchObject({
      code: 'registry.bulk-action-over',
    });

    await create('gone');
    const lost = await begin({ addToGroup: 'gone' });
    await groups.remove('test', scope, 'gone');
    await job.run(scope, lost, never);
    expect(await actionOf(lost)).toMatchObject({
      ...{ state: 'failed', changed: 0, problem: { code: 'registry.group-not-found' } },
    });
    const parts = await database.query('select from bulk_action_part where project_id = $1', [scope.id]);
    expect(parts).toHaveLength(0);
  });

  it('should end when its author may do it no more, asked at each part', async () => {
    const personId = uuidv7();
    await database.query(`insert into person (id, email, name) values ($1, 'op@example.org', 'op')`, [
      personId,
    ]);
    await database.query(`insert into member (project_id, person_id, role) values ($1, $2, 'operator')`, [
      scope.id,
      personId,
    ]);
    const token = async (name: string, of: string | null, role = 'operator') =>
      await database.query(
        `insert into api_token (id, token_hash, person_id, name, prefix, role) values ($1, $2, $3, $4, 'x', $5)`,
        [uuidv7(), Buffer.from(name), of, name, role],
      );
    await token('ci/1', personId);
    await token('reads', personId, 'viewer');
    await token('box', null, 'admin');
    const mayGoOn = async (actor: string) => await stores.bulkActions.mayGoOn(scope, actor);
    for (const actor of ['person:op@example.org', 'token:op@example.org/ci/1', 'token:box', 'system'])
      expect([actor, await mayGoOn(actor)]).toEqual([actor, true]);
    for (const actor of [
      'person:no@example.org',
      'token:op@example.org/reads',
      'token:op@example.org/gone',
      'token:ci',
    ])
      expect([actor, await mayGoOn(actor)]).toEqual([actor, false]);

    const request = { filter: 'name = "*"', change: { notes: 'x' }, dryRun: false };
    const { action } = await bulkService(small).run('token:op@example.org/ci/1', scope, request);
    await job.run(scope, action!, after(1));
    await database.query(`update member set role = 'viewer' where person_id = $1`, [personId]);
    await job.run(scope, action!, never);
    expect(await actionOf(action!)).toMatchObject({
      ...{ state: 'failed', handled: 2, problem: { code: 'registry.bulk-author-gone' } },
    });
    expect(await notesOf()).toBe('a:x2 b:x2 c:1 d:1');
    await database.query(`update member set role = 'operator' where person_id = $1`, [personId]);
    await database.query('update person set disabled_at = now() where id = $1', [personId]);
    for (const actor of ['person:op@example.org', 'token:op@example.org/ci/1'])
      expect([actor, await mayGoOn(actor)]).toEqual([actor, false]);
  });

  it('should have as many open ones as the limit, and leave none that is refused', async () => {
    await expect(begin({ notes: 'x' }, { expect: 5 })).rejects.toMatchObject({
      code: 'registry.bulk-count-changed',
    });
    const ids = [await begin({ notes: 'x' }, {}, { ...small, maxOpen: 2 })];
    ids.push(await begin({ notes: 'y' }, {}, { ...small, maxOpen: 2 }));
    await expect(begin({ notes: 'z' }, {}, { ...small, maxOpen: 2 })).rejects.toMatchObject({
      code: 'registry.bulk-too-many-open',
      data: { limit: 2 },
    });
    for (const id of ids) await bulkService().cancel('test', scope, id);
    expect(await begin({ notes: 'z' }, {}, { ...small, maxOpen: 2 })).toBeDefined();
    await expect(bulkService().get(scope, uuidv7())).rejects.toMatchObject({
      code: 'registry.bulk-action-not-found',
    });
  });
});
