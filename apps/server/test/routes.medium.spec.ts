/**
 * Every route of the table, generated: another project's identifiers lead nowhere, a role below is refused, another
 * site's page changes nothing. A new route is tested without being listed, or fails for want of a fixture.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Route, RouteName } from '@tinyfleet/contracts';
import { downTopics, upTopics } from '@tinyfleet/wire';
import mqtt from 'mqtt';
import { uuidv7 } from 'uuidv7';
import {
  allRoutes,
  bodyOf,
  headersOf,
  isConstant,
  makeWorld,
  mutatingRoutes,
  parametersOf,
  pathOf,
  projectRoutes,
  type Values,
} from './route-fixtures.js';
import { startTestServer, type TestServer } from './test-server.js';

const ROLES = ['viewer', 'operator', 'developer', 'admin'] as const;
type Role = (typeof ROLES)[number];
let server: TestServer;
let mine: Values;
let theirs: Values;
const cookies = new Map<string, string>();

beforeAll(async () => {
  server = await startTestServer();
  mine = await makeWorld(server, 'a', 1);
  theirs = await makeWorld(server, 'b', 2);
  for (const role of ROLES) cookies.set(role, await memberOf(mine['projects/:project']!, role));
});
afterAll(async () => {
  await server.stop();
});

async function memberOf(project: string, role: Role): Promise<string> {
  const { auth, stores, projects } = server.running.services;
  const email = `${uuidv7()}@example.org`;
  const person = {
    id: uuidv7(),
    email,
    name: email,
    passwordHash: null,
    instanceAdmin: false,
    emailProvenAt: null,
  };
  await stores.people.add(person);
  await stores.people.putMember(await projects.scopeOf(project), person.id, role);
  return `tinyfleet_session=${await auth.openSession(person)}`;
}

async function call(name: RouteName, route: Route, values: Values, headers: Record<string, string>) {
  const body = bodyOf(name);
  const response = await server.fetch(pathOf(route, values), {
    method: route.method,
    headers: { ...headersOf(route), ...headers },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout(10_000),
  });
  // Streams of events do not end.
  if (response.headers.get('content-type')?.startsWith('text/event-stream') === true) {
    await response.body?.cancel();
    return { status: response.status, code: '' };
  }
  const text = await response.text();
  const isJson =
    /json/.test(response.headers.get('content-type') ?? '') &&
    !/ndjson/.test(response.headers.get('content-type') ?? '');
  const code = isJson && text !== '' ? ((JSON.parse(text) as { code?: string }).code ?? '') : '';
  return { status: response.status, code };
}
const as = (role: Role) => ({ cookie: cookies.get(role) ?? '', origin: server.url });
/** Entries of a project's log: what changes nothing adds none. */
const entriesOf = async (values: Values) => {
  const [row] = await server.running.services.database.query<{ n: number }>(
    'select count(*)::int as n from audit where project_name = $1',
    [values['projects/:project']],
  );
  return row?.n;
};

/** No such identifiers: who is admitted gets 404 or worse for the request, and changes nothing. */
const nothing = (): Values => ({
  ...Object.fromEntries(Object.keys(mine).map((key) => [key, 'nothing'])),
  'projects/:project': mine['projects/:project']!,
  'versions/:version': '9.9.9',
  'versions/:firmwareVersion': '9.9.9',
  'releases/:release': 'nothing@9.9.9',
  'rollouts/:number': '999',
  'deployments/:deployment': '999',
  'alerts/:alert': '999',
  'signing-keys/:keyId': 'f'.repeat(16),
  'members/:email': 'nothing@example.org',
  'invitations/:id': uuidv7(),
  'device-imports/:import': uuidv7(),
  'bulk-actions/:action': uuidv7(),
  'samples/:sample': uuidv7(),
  'credentials/:credential': uuidv7(),
});

/** Each parameter but the project, in each route. */
const foreign = projectRoutes.flatMap(([name, route]) =>
  parametersOf(route)
    .filter((key) => key !== 'projects/:project' && !isConstant(key))
    .map((key) => [`${name} ${key}`, name, route, key] as const),
);

describe("another project's identifiers", () => {
  let before: number | undefined;
  beforeAll(async () => {
    before = await entriesOf(theirs);
  });

  it.each(foreign)("should be as if they were nobody's: %s", async (_title, name, route, key) => {
    const outcome = async (value: string | undefined) =>
      await call(name, route, { ...mine, [key]: value ?? '' }, as('admin'));
    expect(theirs[key]).not.toBe(mine[key]);
    const refused = await outcome(theirs[key]);
    expect(refused.status).toBeGreaterThanOrEqual(400);
    expect(refused.status).toBeLessThan(500);
    expect(refused).toEqual(await outcome(nothing()[key]));
  });

  it.each(projectRoutes)('should not be found below their own project: %s', async (name, route) => {
    expect(await call(name, route, theirs, as('admin'))).toEqual({
      status: 404,
      code: 'registry.project-not-found',
    });
  });

  it('should have stayed as they were', async () => {
    expect(await entriesOf(theirs)).toBe(before);
  });
});

describe('topics of another project', () => {
  const own = () => `${mine['projects/:project']}/${mine['devices/:device']}`;
  const other = () => `${theirs['projects/:project']}/${theirs['devices/:device']}`;
  let token = '';
  beforeAll(async () => {
    const params = { project: mine['projects/:project']!, device: mine['devices/:device']! };
    ({ token } = await server.client.call('deviceToken', { params, body: {} }));
  });
  async function connect() {
    return await mqtt.connectAsync(server.running.mqttUrl ?? '', {
      clientId: own(),
      username: own(),
      password: token,
      reconnectPeriod: 0,
    });
  }

  it.each([...downTopics, '#'])('should not be subscribed to: down/%s', async (leaf) => {
    const client = await connect();
    const outcome = await Promise.race([
      client.subscribeAsync(`fleet/1/${other()}/down/${leaf}`, { qos: 1 }).then(
        (granted) => granted.map(({ qos }) => qos),
        () => 'refused',
      ),
      new Promise((resolve) => client.once('close', () => resolve('closed'))),
    ]);
    expect([[128], 'refused', 'closed']).toContainEqual(outcome);
    await client.endAsync(true);
  });

  it.each(upTopics)('should not be published to: up/%s', async (leaf) => {
    const client = await connect();
    client.on('error', () => {});
    const closed = new Promise((resolve) => client.once('close', () => resolve('closed')));
    const published = client.publishAsync(`fleet/1/${other()}/up/${leaf}`, Buffer.from([0xa0]), { qos: 1 });
    expect(
      await Promise.race([
        closed,
        published.then(
          () => 'taken',
          () => 'closed',
        ),
      ]),
    ).toBe('closed');
    await client.endAsync(true);
    const [row] = await server.running.services.database.query<{ n: number }>(
      `select (select count(*) from telemetry_window w join project p on p.id = w.project_id where p.name = $1)::int
         + (select count(*) from device_report r join project p on p.id = r.project_id where p.name = $1)::int as n`,
      [theirs['projects/:project']],
    );
    expect(row?.n).toBe(0);
  });
});

const below = (access: Route['access']): Role | undefined => ROLES[ROLES.indexOf(access as Role) - 1];
describe('roles', () => {
  it.each(projectRoutes.filter(([, { access }]) => below(access) !== undefined))(
    'should refuse a role one below: %s',
    async (name, route) => {
      const role = below(route.access)!;
      expect(await call(name, route, mine, as(role))).toEqual({ status: 403, code: 'auth.forbidden' });
    },
  );

  it.each(projectRoutes.filter(([name]) => name !== 'projectDelete'))(
    'should admit the role itself: %s',
    async (name, route) => {
      const { status } = await call(name, route, nothing(), as(route.access as Role));
      expect([401, 403]).not.toContain(status);
      expect(status).toBeLessThan(500);
    },
  );

  it.each(allRoutes.filter(([, { path, access }]) => access === 'admin' && !path.includes('/:project')))(
    'should refuse who is no administrator of the instance: %s',
    async (name, route) => {
      expect(await call(name, route, mine, as('admin'))).toEqual({ status: 403, code: 'auth.forbidden' });
    },
  );
});

describe('a page of another site', () => {
  const cases = (cookie: string): readonly Record<string, string>[] => [
    { cookie, origin: 'https://evil.example' },
    { cookie, origin: 'null' },
    { cookie, origin: server.url.replace('http:', 'https:') },
    { cookie, origin: `${server.url}0` },
    { cookie },
    { cookie, 'sec-fetch-site': 'cross-site' },
    { cookie, 'sec-fetch-site': 'same-site' },
    { cookie, 'sec-fetch-site': 'none' },
    { cookie, origin: server.url, 'sec-fetch-site': 'cross-site' },
    // A header that means nothing does not make the request one of a script.
    { cookie, origin: 'https://evil.example', authorization: 'Basic eDp5' },
  ];

  it.each(mutatingRoutes)(
    'should change nothing with the cookie of who is logged in: %s',
    async (name, route) => {
      const cookie = cookies.get('admin') ?? '';
      const outcomes = new Set<string>();
      for (const headers of cases(cookie)) outcomes.add((await call(name, route, mine, headers)).code);
      for (const code of outcomes) expect(['auth.cross-origin', 'auth.unauthenticated']).toContain(code);
      expect(outcomes).toContain('auth.cross-origin');
    },
  );

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'text/plain'])(
    'should not get in with a form: %s',
    async (type) => {
      const response = await server.fetch(`/api/v1/projects/${mine['projects/:project']}/device-types`, {
        method: 'POST',
        headers: { ...as('admin'), 'content-type': type },
        body: '{"name":"x"}',
      });
      expect([400, 415]).toContain(response.status);
    },
  );

  it('should not read with its own cookie beside a token, nor with a bad token beside a cookie', async () => {
    const headers = { cookie: cookies.get('admin') ?? '', authorization: 'Bearer nonsense' };
    expect((await server.fetch('/api/v1/session', { headers })).status).toBe(401);
  });
});
