/** Who gets in: set-up, sessions, tokens, and every route of the table against strangers. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { routes, type Route } from '@tinyfleet/contracts';
import { uuidv7 } from 'uuidv7';
import { startTestServer, type TestServer } from './test-server.js';

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer();
  await server.client.call('projectCreate', { body: { name: 'mine' } });
  await server.client.call('projectCreate', { body: { name: 'theirs' } });
  await server.client.call('deviceRegister', {
    params: { project: 'theirs' },
    body: { name: 'd', type: 'wasm' },
  });
});
afterAll(async () => {
  await server.stop();
});

const json = { 'content-type': 'application/json' };
const post = async (path: string, body: unknown, headers: Record<string, string> = {}) =>
  server.fetch(`/api/v1${path}`, {
    method: 'POST',
    headers: { ...json, ...headers },
    body: JSON.stringify(body),
  });
const codeOf = async (response: Response) => ((await response.json()) as { code: string }).code;
const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? '';

/** A row is enough; how people are invited is tested elsewhere. */
async function member(project: string, role: string): Promise<string> {
  const { database, auth } = server.running.services;
  const id = uuidv7();
  await database.query(`insert into person (id, email, name, password_hash) values ($1, $2, 'x', 'x')`, [
    id,
    `${id}@example.org`,
  ]);
  await database.query(
    `insert into member (project_id, person_id, role) select id, $1, $2 from project where name = $3`,
    [id, role, project],
  );
  return `tinyfleet_session=${await auth.openSession({ id })}`;
}

/** A path with all parameters filled with names that may exist. */
const pathOf = (route: Route, project: string) =>
  `/api/v1${route.path}`
    .replace(':project', project)
    .replace(':release', 'kws@1.1.0')
    .replace(':version', '1.1.0')
    .replace(':number', '1')
    .replace(':part', 'inputs')
    .replace(/:[a-zA-Z]+/g, 'd');
const call = async (route: Route, project: string, headers: Record<string, string>) =>
  server.fetch(pathOf(route, project), {
    method: route.method,
    headers: { ...(route.body === undefined ? {} : json), ...headers },
    ...(route.body === undefined ? {} : { body: '{}' }),
    signal: AbortSignal.timeout(5_000),
  });

const all = Object.entries(routes as Record<string, Route>);

describe('set-up and sessions', () => {
  const admin = { email: 'Ada@Example.org', password: 'correct horse battery' };
  let cookie = '';

  it('should make the first administrator with the link, once', async () => {
    const link = server.running.setupUrl ?? '';
    const token = link.split('#')[1] ?? '';
    expect(link).toMatch(/\/setup#[\w-]{43}$/);
    expect(await codeOf(await post('/setup', { ...admin, token: 'x'.repeat(43) }))).toBe(
      'auth.setup-link-invalid',
    );
    const all = await Promise.all([1, 2, 3].map(async () => post('/setup', { ...admin, token })));
    expect(all.map(({ status }) => status).sort()).toEqual([201, 409, 409]);
    expect(await (await server.fetch('/api/v1/setup')).json()).toMatchObject({ done: true });
    await expect(server.client.call('setupLink')).rejects.toMatchObject({ code: 'auth.setup-done' });
  });

  it('should open a session with the password only, in a cookie that scripts and other sites do not get', async () => {
    expect(await codeOf(await post('/session', { ...admin, password: 'wrong' }))).toBe('auth.bad-login');
    expect(await codeOf(await post('/session', { ...admin, email: 'nobody@example.org' }))).toBe(
      'auth.bad-login',
    );
    const response = await post('/session', admin);
    expect(response.headers.get('set-cookie')).toMatch(/; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+$/);
    cookie = cookieOf(response);
    const me = await server.fetch('/api/v1/session', { headers: { cookie } });
    expect(await me.json()).toMatchObject({ email: 'ada@example.org', via: 'session', isAdmin: true });
  });

  it('should take changes with a cookie from its own origin only', async () => {
    const body = { name: 'from-browser' };
    expect(await codeOf(await post('/tokens', body, { cookie, origin: 'https://evil.example' }))).toBe(
      'auth.cross-origin',
    );
    expect(await codeOf(await post('/tokens', body, { cookie }))).toBe('auth.cross-origin');
    expect(await codeOf(await post('/session', admin, { origin: 'https://evil.example' }))).toBe(
      'auth.cross-origin',
    );
    expect((await post('/tokens', body, { cookie, origin: server.url })).status).toBe(201);
  });

  it('should make, list, use and revoke API tokens, and store none of them', async () => {
    const response = await post('/tokens', { name: 'ci' }, { cookie, origin: server.url });
    const { token } = (await response.json()) as { token: string };
    expect(await codeOf(await post('/tokens', { name: 'ci' }, { cookie, origin: server.url }))).toBe(
      'auth.token-exists',
    );
    const authorization = `Bearer ${token}`;
    const me = await server.fetch('/api/v1/session', { headers: { authorization } });
    expect(await me.json()).toMatchObject({ email: 'ada@example.org', via: 'token' });
    const list = await server.fetch('/api/v1/tokens', { headers: { authorization } });
    expect(JSON.stringify(await list.json())).not.toContain(token);
    const [stored] = await server.running.services.database.query<{ n: number }>(
      `select count(*)::int n from api_token t where t::text like '%' || $1 || '%'`,
      [token],
    );
    expect(stored?.n).toBe(0);
    await server.fetch('/api/v1/tokens/ci', { method: 'DELETE', headers: { authorization } });
    expect((await server.fetch('/api/v1/session', { headers: { authorization } })).status).toBe(401);
  });

  it('should end a session for good', async () => {
    const response = await server.fetch('/api/v1/session', {
      method: 'DELETE',
      headers: { cookie, origin: server.url },
    });
    expect(response.status).toBe(204);
    expect((await server.fetch('/api/v1/session', { headers: { cookie } })).status).toBe(401);
  });

  it('should slow down guessing of one account, and say for how long', async () => {
    const guess = async () => post('/session', { email: 'victim@example.org', password: 'guess' });
    let response = await guess();
    for (let i = 0; i < 10 && response.status === 401; i++) response = await guess();
    expect(response.status).toBe(429);
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0);
  });
});

describe('routes', () => {
  it.each(all.filter(([, route]) => route.access !== 'public'))(
    'should answer 401 on %s without credentials',
    async (_name, route) => {
      const response = await call(route, 'mine', {});
      expect([response.status, await codeOf(response)]).toEqual([401, 'auth.unauthenticated']);
    },
  );

  it('should not tell a project that is not mine from one that does not exist', async () => {
    const cookie = await member('mine', 'admin');
    const [theirs, nobodys] = await Promise.all(
      ['theirs', 'nobodys'].map(async (name) =>
        server.fetch(`/api/v1/projects/${name}`, { headers: { cookie } }),
      ),
    );
    const [a, b] = [await theirs!.json(), await nobodys!.json()] as { detail: string }[];
    expect(a?.detail.replace('theirs', '')).toBe(b?.detail.replace('nobodys', ''));
  });
});

describe('unattended set-up', () => {
  it('should make the administrator from the configuration and keep the CLI token over a restart', async () => {
    const env = { TINYFLEET_ADMIN_EMAIL: 'ops@example.org', TINYFLEET_ADMIN_PASSWORD: 'a long password' };
    const unattended = await startTestServer(env);
    try {
      expect(unattended.running.setupUrl).toBeUndefined();
      const body = JSON.stringify({
        email: env.TINYFLEET_ADMIN_EMAIL,
        password: env.TINYFLEET_ADMIN_PASSWORD,
      });
      const response = await unattended.fetch('/api/v1/session', { method: 'POST', headers: json, body });
      expect(response.status).toBe(201);
      await unattended.running.stop();
      const again = await startTestServer({ ...env, TINYFLEET_DATA_DIR: unattended.dataDir });
      expect(again.token).toBe(unattended.token);
      expect((await again.client.call('me')).isAdmin).toBe(true);
      await again.stop();
    } finally {
      await unattended.stop();
    }
  });
});
