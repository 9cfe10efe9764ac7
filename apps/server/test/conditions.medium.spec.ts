/** Idempotency keys and entity tags over a real port: what a header demands is kept by every route. */
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DeviceRegister, routes, routeUrl, type Route } from '@tinyfleet/contracts';
import { PgIdempotencyStore, requestConditions } from '@tinyfleet/storage';
import { startTestServer, type TestServer } from './test-server.js';

let server: TestServer;
const params = { project: 'p' };

beforeAll(async () => {
  server = await startTestServer({ TINYFLEET_IDEMPOTENCY_ANSWER_BYTES: '20000' });
  await server.client.call('projectCreate', { body: { name: 'p' } });
  await server.client.call('projectCreate', { body: { name: 'q' } });
});
afterAll(async () => {
  await server.stop();
});

async function send(
  route: Route,
  given: {
    project?: string;
    body?: unknown;
    headers?: Record<string, string>;
    params?: object;
    token?: string;
  },
) {
  const response = await server.fetch(routeUrl(route, { project: given.project ?? 'p', ...given.params }), {
    method: route.method,
    headers: {
      authorization: `Bearer ${given.token ?? server.token}`,
      ...(given.body === undefined ? {} : { 'content-type': 'application/json' }),
      ...given.headers,
    },
    ...(given.body === undefined ? {} : { body: JSON.stringify(given.body) }),
  });
  const text = await response.text();
  return {
    status: response.status,
    headers: response.headers,
    body: (text === '' ? undefined : JSON.parse(text)) as Record<string, unknown>,
  };
}
const register = (name: string, key?: string, rest: object = {}) =>
  send(routes.deviceRegister, {
    body: { name, type: 'wasm' },
    headers: key === undefined ? {} : { 'idempotency-key': key },
    ...rest,
  });
const database = () => server.running.services.database;

describe('Idempotency-Key', () => {
  it('should keep nothing of a body by which it could be guessed', async () => {
    await register('i-guess', 'guess');
    const hash = createHash('sha256');
    const body = JSON.stringify({ name: 'i-guess', type: 'wasm' });
    for (const part of ['POST', '/api/v1/projects/p/devices', body])
      hash.update(`${Buffer.byteLength(part)}:`).update(part);
    const guess = hash.digest();
    const rows = await database().query<{ fingerprint: Buffer }>('select fingerprint from idempotency');
    expect(rows).not.toHaveLength(0);
    expect(rows.some(({ fingerprint }) => fingerprint.equals(guess))).toBe(false);
  });

  it('should repeat the first answer, the token in it too, and do nothing again', async () => {
    const key = randomUUID();
    const first = await register('i-1', key);
    const second = await register('i-1', `"${key}"`);
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(first.headers.get('idempotency-replayed')).toBeNull();
    expect(second.headers.get('idempotency-replayed')).toBe('true');
    const [row] = await database().query<{ answer: Buffer }>(
      `select answer from idempotency where state = 'done' and status = 201`,
    );
    expect(row?.answer.toString('latin1')).not.toContain(first.body['token']);
  });

  it('should refuse the key for another body, route or query', async () => {
    const key = randomUUID();
    await register('i-2', key);
    const other = await register('i-3', key);
    expect([other.status, other.body['code']]).toEqual([422, 'server.idempotency-key-reused']);
    const elsewhere = await send(routes.labelsPost, {
      body: { labels: [] },
      headers: { 'idempotency-key': key },
    });
    expect(elsewhere.body['code']).toBe('server.idempotency-key-reused');
  });

  it('should be of one caller and one project', async () => {
    const key = randomUUID();
    const { token } = await server.client.call('tokenCreate', { body: { name: 'other' } });
    expect((await register('i-4', key)).status).toBe(201);
    expect((await register('i-4', key, { project: 'q' })).headers.get('idempotency-replayed')).toBeNull();
    expect((await register('i-4', key, { token })).body['code']).toBe('registry.device-exists');
  });

  it('should carry out requests that come at once with one key a single time', async () => {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => register('i-5', key)));
    const fresh = answers.filter(
      ({ status, headers }) => status === 201 && headers.get('idempotency-replayed') === null,
    );
    expect(fresh).toHaveLength(1);
    for (const { status, body } of answers) {
      if (status !== 201) expect([status, body['code']]).toEqual([409, 'server.idempotency-in-progress']);
    }
  });

  it('should be free again after a failure', async () => {
    const key = randomUUID();
    expect((await register('Wrong Case', key)).status).toBe(400);
    expect((await register('i-1', key)).body['code']).toBe('registry.device-exists');
    expect((await register('i-6', key)).status).toBe(201);
  });

  it('should be 1 to 255 visible characters, and for JSON only', async () => {
    expect((await register('i-7', 'k'.repeat(255))).status).toBe(201);
    for (const key of ['k'.repeat(256), '""', '"open', 'a b']) {
      const { status, body } = await register('i-8', key);
      expect([key.slice(0, 9), status, body['code']]).toEqual([
        key.slice(0, 9),
        400,
        'server.idempotency-key-invalid',
      ]);
    }
    const { body } = await send(routes.modelImport, {
      params: { model: 'm' },
      headers: { 'idempotency-key': 'k', 'content-type': 'application/octet-stream' },
      body: {},
    });
    expect(body['code']).toBe('server.idempotency-unsupported');
  });

  it('should say that an answer which is longer than the limit is not kept, and do nothing again', async () => {
    const devices = Array.from({ length: 80 }, (_, i) => ({ name: `many-${i}`, type: 'wasm' }));
    const headers = { 'idempotency-key': randomUUID() };
    const first = await send(routes.deviceRegisterMany, { body: { devices }, headers });
    expect(JSON.stringify(first.body).length).toBeGreaterThan(20_000);
    const second = await send(routes.deviceRegisterMany, { body: { devices }, headers });
    expect([second.status, second.body['code']]).toEqual([409, 'server.idempotency-answer-lost']);
  });

  it('should keep an attempt that was taken over from committing', async () => {
    const { devices } = server.running.services;
    const scope = await server.running.services.projects.scopeOf('p');
    const limits = { keepSeconds: 60, lockSeconds: 1, maxPerCaller: 5 };
    const store = new PgIdempotencyStore(database(), limits);
    const request = {
      id: Buffer.from('slow'),
      projectId: scope.id,
      actor: 'me',
      fingerprint: Buffer.from('f'),
    };
    const [slow, next] = [randomUUID(), randomUUID()];
    expect(await store.take({ ...request, holder: slow })).toEqual({ kind: 'held' });
    expect(await store.take({ ...request, holder: next })).toEqual({ kind: 'running' });
    await database().execute(`update idempotency set locked_until = now() where id = $1`, [request.id]);
    expect(await store.take({ ...request, holder: next })).toEqual({ kind: 'held' });
    const registerAs = (holder: string, name: string) =>
      requestConditions.run({ hold: { id: request.id, holder } }, async () =>
        devices.register('me', scope, [DeviceRegister.parse({ name, type: 'wasm' })]),
      );
    await expect(registerAs(slow, 'i-slow')).rejects.toMatchObject({
      code: 'server.idempotency-in-progress',
    });
    await registerAs(next, 'i-next');
    // The process ends here: what it did is known, its answer is not.
    await database().execute(`update idempotency set locked_until = now() where id = $1`, [request.id]);
    expect(await store.take({ ...request, holder: slow })).toEqual({ kind: 'lost' });
    const { items } = await server.client.call('deviceList', { params, query: { filter: 'name = "i-*"' } });
    expect(items.map(({ name }) => name)).toContain('i-next');
    expect(items.map(({ name }) => name)).not.toContain('i-slow');
  });

  it('should forget what has expired, and of one caller all but the newest', async () => {
    const store = new PgIdempotencyStore(database(), { keepSeconds: 60, lockSeconds: 1, maxPerCaller: 3 });
    const add = async (id: string) =>
      store.take({
        id: Buffer.from(id),
        projectId: null,
        actor: 'hoarder',
        fingerprint: Buffer.from('f'),
        holder: randomUUID(),
      });
    const left = async () => {
      await store.sweep();
      const rows = await database().query<{ id: Buffer }>(
        `select id from idempotency where actor = 'hoarder' order by created_at`,
      );
      return rows.map(({ id }) => id.toString());
    };
    for (const id of ['a', 'b', 'c']) await add(id);
    expect(await left()).toEqual(['a', 'b', 'c']);
    await add('d');
    expect(await left()).toEqual(['b', 'c', 'd']);
    await database().execute(`update idempotency set expires_at = now() where id = $1`, [Buffer.from('c')]);
    expect(
      await store.take({
        id: Buffer.from('c'),
        projectId: null,
        actor: 'hoarder',
        fingerprint: Buffer.from('new'),
        holder: randomUUID(),
      }),
    ).toEqual({ kind: 'held' });
    await database().execute(`update idempotency set expires_at = now() where id = $1`, [Buffer.from('b')]);
    expect(await left()).toEqual(['d', 'c']);
  });
});

describe('ETag', () => {
  it('should let a reader skip what it has, for every single resource', async () => {
    const first = await send(routes.projectGet, {});
    const etag = first.headers.get('etag') ?? '';
    expect(etag).toMatch(/^"[\w.-]+"$/);
    for (const known of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const again = await send(routes.projectGet, { headers: { 'if-none-match': known } });
      expect([again.status, again.body, again.headers.get('etag')]).toEqual([304, undefined, etag]);
    }
    expect((await send(routes.projectGet, { headers: { 'if-none-match': '"x"' } })).status).toBe(200);
    expect((await send(routes.deviceList, {})).headers.get('etag')).toBeNull();
  });

  it('should keep devices and groups from being changed on top of what others changed', async () => {
    const device = { device: 'i-1' };
    const body = { site: 'x' };
    const etag = (await send(routes.deviceGet, { params: device })).headers.get('etag') ?? '';
    const change = (tag: string) =>
      send(routes.deviceUpdate, { params: device, body, headers: { 'if-match': tag } });
    expect((await change(etag)).status).toBe(200);
    const stale = await change(etag);
    expect([stale.status, stale.body['code']]).toEqual([412, 'server.precondition-failed']);
    const gone = await send(routes.deviceDelete, { params: device, headers: { 'if-match': etag } });
    expect(gone.status).toBe(412);
    await server.client.call('groupCreate', { params, body: { name: 'g' } });
    const group = { params: { group: 'g' }, headers: { 'if-match': '"1"' } };
    expect((await send(routes.groupUpdate, { ...group, body: { notes: 'n' } })).status).toBe(200);
    expect((await send(routes.groupDelete, group)).status).toBe(412);
    expect((await send(routes.projectDelete, { project: 'q', headers: { 'if-match': '"0"' } })).status).toBe(
      412,
    );
  });

  it('should refuse a list of tags that is none, or too long', async () => {
    for (const known of ['x', '"a" "b"', Array.from({ length: 21 }, () => '"a"').join(',')]) {
      const { status, body } = await send(routes.projectGet, { headers: { 'if-none-match': known } });
      expect([status, body['code']]).toEqual([400, 'server.precondition-invalid']);
    }
    const most = Array.from({ length: 20 }, () => '"a"').join(',');
    expect((await send(routes.projectGet, { headers: { 'if-none-match': most } })).status).toBe(200);
  });
});
