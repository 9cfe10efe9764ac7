/** What an API token may do, and how fast anybody may ask: at each limit and one beyond. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError, createClient, type CallInput, type Client } from '@tinyfleet/contracts';
import { uuidv7 } from 'uuidv7';
import { startTestServer, type TestServer } from './test-server.js';

const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );

describe('API tokens', () => {
  let server: TestServer;
  let owner: Client;
  let personId: string;
  const email = 'owner@example.org';

  beforeAll(async () => {
    server = await startTestServer({ TINYFLEET_TOKENS_PER_PERSON: '12' });
    for (const name of ['p', 'q']) await server.client.call('projectCreate', { body: { name } });
    const { stores, auth, projects } = server.running.services;
    personId = uuidv7();
    await stores.people.add({
      id: personId,
      email,
      name: 'Owner',
      passwordHash: null,
      instanceAdmin: true,
      emailProvenAt: null,
    });
    for (const name of ['p', 'q'])
      await stores.people.putMember(await projects.scopeOf(name), personId, 'admin');
    const cookie = `tinyfleet_session=${await auth.openSession({ id: personId })}`;
    owner = createClient({
      baseUrl: server.url,
      fetch: async (input, init) =>
        fetch(input, {
          ...init,
          headers: { ...(init?.headers as Record<string, string>), cookie, origin: server.url },
        }),
    });
  });
  afterAll(async () => {
    await server.stop();
  });

  let counter = 0;
  async function make(body: Omit<CallInput<'tokenCreate'>['body'], 'name'> = {}, by = owner) {
    const made = await by.call('tokenCreate', { body: { name: `t-${++counter}`, ...body } });
    return { ...made, client: createClient({ baseUrl: server.url, token: made.token, retries: 0 }) };
  }
  const end = async (name: string) => owner.call('tokenDelete', { params: { name } });
  const register = async (client: Client, project: string) =>
    codeOf(
      client.call('deviceRegister', {
        params: { project },
        body: { name: `d-${++counter}`, type: 'wasm' },
      }),
    );

  it('should be kept to one project, which is all it sees', async () => {
    const { client, name } = await make({ project: 'p' });
    expect(await register(client, 'p')).toBe('done');
    expect(await register(client, 'q')).toBe('registry.project-not-found');
    expect((await client.call('projectList')).items.map((project) => project.name)).toEqual(['p']);
    const me = await client.call('me');
    expect(me).toMatchObject({ isAdmin: false, projects: [{ name: 'p' }], token: { name, project: 'p' } });
    expect(await codeOf(client.call('personList'))).toBe('auth.token-scope');
    expect(await codeOf(client.call('projectCreate', { body: { name: 'r' } }))).toBe('auth.token-scope');
    expect(await codeOf(owner.call('tokenCreate', { body: { name: 'x', project: 'nobodys' } }))).toBe(
      'registry.project-not-found',
    );
    await end(name);
  });

  it('should be kept to a role, to areas and to reading', async () => {
    const viewer = await make({ role: 'viewer' });
    expect(await register(viewer.client, 'p')).toBe('auth.forbidden');
    expect((await viewer.client.call('me')).projects[0]?.role).toBe('viewer');
    expect(await codeOf(viewer.client.call('config'))).toBe('auth.forbidden');
    const models = await make({ areas: ['models', 'builds'] });
    expect(await codeOf(models.client.call('modelList', { params: { project: 'p' } }))).toBe('done');
    expect(await register(models.client, 'p')).toBe('auth.token-scope');
    expect(await codeOf(models.client.call('me'))).toBe('done');
    expect(await codeOf(models.client.call('deviceEndpointGet'))).toBe('done');
    const reader = await make({ readOnly: true });
    expect(await codeOf(reader.client.call('deviceList', { params: { project: 'p' } }))).toBe('done');
    expect(await register(reader.client, 'p')).toBe('auth.token-scope');
    const nonsense = owner.call('tokenCreate', { body: { name: 'x', areas: ['devices', 'nonsense'] } });
    expect(await codeOf(nonsense)).toBe('auth.area-unknown');
    for (const { name } of [viewer, models, reader]) await end(name);
  });

  it('should never make a token that may more than itself, or lives longer', async () => {
    for (const limits of [{ project: 'p' }, { areas: ['tokens'] }, { readOnly: true }]) {
      const limited = await make(limits);
      expect(await codeOf(make({}, limited.client))).toBe('auth.token-scope');
      await end(limited.name);
    }
    const parent = await make({ role: 'operator', expiresInDays: 1 });
    const child = await make({ role: 'admin', expiresInDays: 30 }, parent.client);
    expect(child).toMatchObject({ role: 'operator', expiresAt: parent.expiresAt });
    for (const { name } of [parent, child]) await end(name);
  });

  it('should lose what its owner loses, at once', async () => {
    const { stores, projects } = server.running.services;
    const scope = await projects.scopeOf('p');
    const { client, name } = await make();
    expect(await codeOf(client.call('config'))).toBe('done');
    await stores.people.update(personId, { instanceAdmin: false, emailProvenAt: null });
    expect(await codeOf(client.call('config'))).toBe('auth.forbidden');
    expect(await register(client, 'p')).toBe('done');
    await stores.people.putMember(scope, personId, 'viewer');
    expect(await register(client, 'p')).toBe('auth.forbidden');
    await stores.people.removeMember(scope, personId);
    expect(await register(client, 'p')).toBe('registry.project-not-found');
    await stores.people.putMember(scope, personId, 'admin');
    await end(name);
  });

  it('should end when it expires and when it is revoked, and say when it was used', async () => {
    const { database } = server.running.services;
    const { client, name, expiresAt, prefix, token } = await make({ expiresInDays: 2 });
    expect(Math.round((Date.parse(expiresAt!) - Date.now()) / 86_400_000)).toBe(2);
    expect(token.startsWith(prefix)).toBe(true);
    expect(await codeOf(client.call('me'))).toBe('done');
    const [listed] = (await owner.call('tokenList')).items.filter((one) => one.name === name);
    expect(Date.now() - Date.parse(listed!.lastUsedAt!)).toBeLessThan(60_000);
    expect(JSON.stringify(listed)).not.toContain(token);
    await database.query(`update api_token set expires_at = now() - interval '1 ms' where name = $1`, [name]);
    expect(await codeOf(client.call('me'))).toBe('auth.unauthenticated');
    await database.query('update api_token set expires_at = null where name = $1', [name]);
    expect(await codeOf(client.call('me'))).toBe('done');
    await end(name);
    expect(await codeOf(client.call('me'))).toBe('auth.unauthenticated');
  });

  it('should be as many as the limit and not one more, also when they are made together', async () => {
    const made = await Promise.all(Array.from({ length: 15 }, async () => codeOf(make())));
    expect(made.filter((code) => code === 'done')).toHaveLength(12);
    expect(made.filter((code) => code === 'auth.token-limit')).toHaveLength(3);
    const same = await Promise.all([1, 2].map(async () => codeOf(end('t-none'))));
    expect(same).toEqual(['auth.token-not-found', 'auth.token-not-found']);
  });
});

describe('limits', () => {
  let server: TestServer;
  const BURST = 20;
  const ATTEMPTS = 3;
  const PER_SOURCE = 6;
  beforeAll(async () => {
    server = await startTestServer({
      TINYFLEET_TRUST_PROXY: 'true',
      TINYFLEET_API_RATE: '1',
      TINYFLEET_API_BURST: String(BURST),
      TINYFLEET_LOGIN_ATTEMPTS: String(ATTEMPTS),
      TINYFLEET_LOGIN_ATTEMPTS_PER_SOURCE: String(PER_SOURCE),
      TINYFLEET_ADMIN_EMAIL: 'root@example.org',
      TINYFLEET_ADMIN_PASSWORD: 'a long password',
    });
  });
  afterAll(async () => {
    await server.stop();
  });

  let sources = 0;
  /** Every source its own limits. */
  const newSource = () => `198.51.100.${++sources}`;
  const from = (address: string, headers: Record<string, string> = {}) => ({
    'x-forwarded-for': address,
    ...headers,
  });
  const statuses = async (count: number, work: () => Promise<Response>) => {
    const all: Response[] = [];
    for (let i = 0; i < count; i++) all.push(await work());
    return all;
  };
  const login = async (address: string, email: string, password = 'wrong') =>
    server.fetch('/api/v1/session', {
      method: 'POST',
      headers: from(address, { 'content-type': 'application/json' }),
      body: JSON.stringify({ email, password }),
    });

  it('should hold a token at its rate, from wherever it is used, and say for how long', async () => {
    const authorization = `Bearer ${server.token}`;
    const use = async () =>
      server.fetch('/api/v1/session', { headers: from(newSource(), { authorization }) });
    const answers = await statuses(BURST + 1, use);
    expect(answers.slice(0, BURST).map(({ status }) => status)).toEqual(Array(BURST).fill(200));
    const refused = answers.at(-1)!;
    expect(refused.status).toBe(429);
    expect(refused.headers.get('retry-after')).toBe('1');
    expect(await refused.json()).toMatchObject({ code: 'server.rate-limited', data: { seconds: 1 } });
  });

  it('should hold a source that makes tokens up, and nobody beside it', async () => {
    const address = newSource();
    const use = async () =>
      server.fetch('/api/v1/session', {
        headers: from(address, { authorization: `Bearer tft_${uuidv7()}` }),
      });
    // Some more than one beyond the limit: while they are sent, a few are allowed again.
    const answers = (await statuses(BURST * 4 + 20, use)).map(({ status }) => status);
    expect(answers.slice(0, BURST * 4)).toEqual(Array(BURST * 4).fill(401));
    expect(answers).toContain(429);
    expect((await server.fetch('/api/v1/setup', { headers: from(newSource()) })).status).toBe(200);
    // Probes are not the API's.
    expect((await server.fetch('/health/live', { headers: from(address) })).status).toBe(200);
  });

  it('should lock an account after its attempts, for everybody, known or not, in the same words', async () => {
    for (const email of ['root@example.org', 'nobody@example.org']) {
      const answers = await statuses(ATTEMPTS + 1, async () => login(newSource(), email));
      expect(answers.map(({ status }) => status)).toEqual([...Array<number>(ATTEMPTS).fill(401), 429]);
      expect(await answers[0]!.json()).toMatchObject({ code: 'auth.bad-login' });
      expect(await answers.at(-1)!.json()).toMatchObject({ code: 'auth.too-many-attempts' });
    }
    // The right password does not help either, or guessing could go on.
    expect((await login(newSource(), 'root@example.org', 'a long password')).status).toBe(429);
  });

  it('should not let attempts slip through together', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, async () => login(newSource(), 'parallel@example.org')),
    );
    expect(answers.filter(({ status }) => status === 401)).toHaveLength(ATTEMPTS);
  });

  it('should hold a source that tries many accounts', async () => {
    const address = newSource();
    let i = 0;
    const answers = await statuses(PER_SOURCE + 1, async () => login(address, `a${++i}@example.org`));
    expect(answers.map(({ status }) => status)).toEqual([...Array<number>(PER_SOURCE).fill(401), 429]);
  });

  it('should take as long for an account as for none', async () => {
    const timed = async (email: string) => {
      const at = performance.now();
      await login(newSource(), email);
      return performance.now() - at;
    };
    const { stores } = server.running.services;
    const emails = Array.from({ length: 7 }, (_, i) => `known${i}@example.org`);
    const passwordHash = (await stores.auth.findPerson('root@example.org'))!.passwordHash;
    for (const email of emails)
      await stores.people.add({
        id: uuidv7(),
        email,
        name: email,
        passwordHash,
        instanceAdmin: false,
        emailProvenAt: null,
      });
    // In turns, and the fastest of each: what else the machine does then burdens neither side.
    const known: number[] = [];
    const unknown: number[] = [];
    for (const email of emails) {
      known.push(await timed(email));
      unknown.push(await timed(`un${email}`));
    }
    const ratio = Math.min(...unknown) / Math.min(...known);
    // argon2id takes tens of milliseconds: without the decoy an unknown account would answer in a tenth of that.
    expect(ratio).toBeGreaterThan(0.4);
    expect(ratio).toBeLessThan(2.5);
  });
});
