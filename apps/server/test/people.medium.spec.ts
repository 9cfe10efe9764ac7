/** People over HTTP: invitations, one-time links, members, sessions, and what ends when somebody's rights do. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ApiError, createClient, type Client, type Resource } from '@tinyfleet/contracts';
import { eventually } from '@tinyfleet/testing';
import { startTestServer, type TestServer } from './test-server.js';

const HOUR_MS = 3_600_000;
const password = 'correct horse battery';
let server: TestServer;
let admin: Client;

/** A browser: it keeps its cookie and says where it is. */
class Browser {
  cookie = '';
  readonly client: Client;
  constructor(readonly headers: Record<string, string> = {}) {
    this.client = createClient({
      baseUrl: server.url,
      retries: 0,
      fetch: async (input, init) => {
        const own = { ...(init?.headers as Record<string, string>), ...this.headers, origin: server.url };
        const response = await fetch(input, { ...init, headers: { ...own, cookie: this.cookie } });
        const [set] = response.headers.getSetCookie();
        if (set !== undefined) this.cookie = set.split(';')[0] ?? '';
        return response;
      },
    });
  }
  async logIn(email: string, secret = password): Promise<this> {
    await this.client.call('login', { body: { email, password: secret } });
    return this;
  }
}

/** Over a connection of our own, so that a source address of its own can be claimed. */
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'done',
    (error: unknown) => (error instanceof ApiError ? error.code : String(error)),
  );
const tokenOf = ({ path }: { path: string }) => path.split('#')[1] ?? '';
async function join(email: string, role: Resource<'Role'>, project = 'p'): Promise<Browser> {
  const invited = await admin.call('invitationCreate', { params: { project }, body: { email, role } });
  const browser = new Browser();
  await browser.client.call('invitationAccept', { body: { token: tokenOf(invited), password } });
  return browser;
}
const auditOf = async (subject: string) =>
  (await admin.call('instanceAuditList', { query: { subject } })).items.map(({ action }) => action);

beforeAll(async () => {
  server = await startTestServer({
    TINYFLEET_ADMIN_EMAIL: 'root@example.org',
    TINYFLEET_ADMIN_PASSWORD: password,
    TINYFLEET_TRUST_PROXY: 'true',
  });
  admin = server.client;
  for (const name of ['p', 'q']) await admin.call('projectCreate', { body: { name } });
});
afterAll(async () => {
  await server.stop();
});

describe('invitations', () => {
  const params = { project: 'p' };

  it('should make an account with a role, once, and say before what the link is for', async () => {
    const body = { email: 'Ada@Example.org', role: 'developer' as const };
    const invited = await admin.call('invitationCreate', { params, body });
    expect(invited).toMatchObject({ email: 'ada@example.org', project: 'p', role: 'developer' });
    const listed = (await admin.call('invitationList', { params })).items;
    expect(JSON.stringify(listed)).not.toContain(tokenOf(invited));
    expect(listed.map(({ id }) => id)).toContain(invited.id);
    const token = tokenOf(invited);
    const browser = new Browser();
    expect(await browser.client.call('invitationPreview', { body: { token } })).toEqual({
      email: 'ada@example.org',
      project: 'p',
      role: 'developer',
      isAdmin: false,
      hasAccount: false,
    });
    const accept = async (who: Browser, secret = password) =>
      who.client.call('invitationAccept', { body: { token, password: secret } });
    expect(await codeOf(accept(browser, 'too short'))).toBe('auth.password-short');
    const both = await Promise.allSettled([accept(browser), accept(new Browser())]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await codeOf(accept(browser))).toBe('auth.link-invalid');
    expect((await (await new Browser().logIn('ada@example.org')).client.call('me')).projects).toEqual([
      { name: 'p', role: 'developer' },
    ]);
    expect((await admin.call('invitationList', { params })).items).toEqual([]);
    expect(await codeOf(admin.call('invitationCreate', { params, body }))).toBe('auth.member-exists');
  });

  it('should end with the next one for the same address, when revoked and when it expires', async () => {
    const body = { email: 'bob@example.org', role: 'viewer' as const };
    const preview = async (invited: { path: string }) =>
      codeOf(new Browser().client.call('invitationPreview', { body: { token: tokenOf(invited) } }));
    const first = await admin.call('invitationCreate', { params, body });
    const second = await admin.call('invitationCreate', { params, body });
    expect([await preview(first), await preview(second)]).toEqual(['auth.link-invalid', 'done']);
    await admin.call('invitationDelete', { params: { ...params, id: second.id } });
    expect(await preview(second)).toBe('auth.link-invalid');
    expect(await codeOf(admin.call('invitationDelete', { params: { ...params, id: second.id } }))).toBe(
      'auth.invitation-not-found',
    );
    const third = await admin.call('invitationCreate', { params, body });
    await server.running.services.database.query(
      `update invitation set expires_at = now() - interval '1 second'`,
    );
    expect(await preview(third)).toBe('auth.link-invalid');
    expect((await admin.call('invitationList', { params })).items).toEqual([]);
  });

  it('should let who has an account accept with his password or his session, and never take a role away', async () => {
    const ada = await new Browser().logIn('ada@example.org');
    const invite = async (role: Resource<'Role'>) =>
      tokenOf(
        await admin.call('invitationCreate', {
          params: { project: 'q' },
          body: { email: 'ada@example.org', role },
        }),
      );
    const token = await invite('admin');
    const stranger = new Browser();
    expect(await codeOf(stranger.client.call('invitationAccept', { body: { token } }))).toBe(
      'auth.bad-password',
    );
    expect(
      await codeOf(stranger.client.call('invitationAccept', { body: { token, password: 'something else' } })),
    ).toBe('auth.bad-password');
    const { projects } = await ada.client.call('invitationAccept', { body: { token } });
    expect(projects).toContainEqual({ name: 'q', role: 'admin' });
    await server.running.services.database.query(
      `update invitation set role = 'viewer'; delete from invitation`,
    );
  });

  it('should make administrators of the instance, who see every project', async () => {
    const body = { email: 'second@example.org', isAdmin: true };
    const invited = await admin.call('instanceInvitationCreate', { body });
    expect((await admin.call('instanceInvitationList')).items).toMatchObject([
      { isAdmin: true, project: null },
    ]);
    const browser = new Browser();
    const me = await browser.client.call('invitationAccept', {
      body: { token: tokenOf(invited), password, name: 'Second' },
    });
    expect(me).toMatchObject({ isAdmin: true, name: 'Second' });
    expect(me.projects.map(({ name }) => name)).toEqual(['p', 'q']);
    expect(await codeOf(admin.call('instanceInvitationCreate', { body }))).toBe('auth.person-exists');
  });
});

describe('members', () => {
  const params = { project: 'p' };

  it('should change a role at once, and remove', async () => {
    const carl = await join('carl@example.org', 'viewer');
    const register = async () =>
      codeOf(carl.client.call('deviceRegister', { params, body: { name: 'c', type: 'wasm' } }));
    expect(await register()).toBe('auth.forbidden');
    const at = { ...params, email: 'carl@example.org' };
    expect(await admin.call('memberPut', { params: at, body: { role: 'operator' } })).toMatchObject({
      role: 'operator',
    });
    expect(await register()).toBe('done');
    await admin.call('memberDelete', { params: at });
    expect(await register()).toBe('registry.project-not-found');
    expect((await auditOf('carl@example.org')).slice(0, 2)).toEqual(['member.removed', 'member.updated']);
  });

  it('should never lose the last admin, also when two remove each other at once', async () => {
    const [x, y] = [await join('x@example.org', 'admin'), await join('y@example.org', 'admin')];
    const remove = async (who: Browser, email: string) =>
      codeOf(who.client.call('memberDelete', { params: { ...params, email } }));
    const outcomes = await Promise.all([remove(x, 'y@example.org'), remove(y, 'x@example.org')]);
    expect(outcomes.filter((outcome) => outcome === 'done')).toHaveLength(1);
    const [left] = (await admin.call('memberList', { params })).items.filter(
      ({ role, isMember }) => isMember && role === 'admin',
    );
    const at = { ...params, email: left!.email };
    expect(await codeOf(admin.call('memberDelete', { params: at }))).toBe('auth.last-admin');
    expect(await codeOf(admin.call('memberPut', { params: at, body: { role: 'viewer' } }))).toBe(
      'auth.last-admin',
    );
  });

  it('should add who has an account for administrators of the instance only', async () => {
    const [other] = (await admin.call('memberList', { params })).items.filter(
      ({ role, isMember }) => isMember && role === 'admin',
    );
    const body = { role: 'viewer' as const };
    const at = { ...params, email: 'second@example.org' };
    const projectAdmin = await new Browser().logIn(other!.email);
    // The same answer as for an address nobody has.
    expect(await codeOf(projectAdmin.client.call('memberPut', { params: at, body }))).toBe(
      'auth.member-not-found',
    );
    expect((await admin.call('memberPut', { params: at, body })).role).toBe('viewer');
    expect(await codeOf(admin.call('memberPut', { params: { ...at, email: 'no@example.org' }, body }))).toBe(
      'auth.member-not-found',
    );
  });
});

describe('people', () => {
  it('should be listed and found', async () => {
    const { items } = await admin.call('personList', { query: { text: 'ADA' } });
    expect(items).toMatchObject([
      { email: 'ada@example.org', hasPassword: true, providers: [], disabledAt: null },
    ]);
    expect((await admin.call('personGet', { params: { email: 'ADA@example.org' } })).email).toBe(
      'ada@example.org',
    );
    const first = await admin.call('personList', { query: { limit: 2 } });
    const rest = await admin.call('personList', { query: { limit: 500, cursor: first.nextCursor! } });
    const emails = [...first.items, ...rest.items].map(({ email }) => email);
    expect(emails).toEqual([...new Set(emails)].sort());
  });

  it('should lose sessions, tokens and open streams within a second of being disabled', async () => {
    const dora = await join('dora@example.org', 'viewer');
    const { token } = await dora.client.call('tokenCreate', { body: { name: 't' } });
    const stream = await fetch(`${server.url}/api/v1/projects/p/events`, {
      headers: { cookie: dora.cookie },
    });
    const ended = stream.text();
    await admin.call('personUpdate', { params: { email: 'dora@example.org' }, body: { disabled: true } });
    const at = Date.now();
    const authorization = `Bearer ${token}`;
    expect(await codeOf(dora.client.call('me'))).toBe('auth.unauthenticated');
    expect((await server.fetch('/api/v1/session', { headers: { authorization } })).status).toBe(401);
    await ended;
    expect(Date.now() - at).toBeLessThan(1_000);
    expect(await codeOf(new Browser().logIn('dora@example.org'))).toBe('auth.bad-login');
    await admin.call('personUpdate', { params: { email: 'dora@example.org' }, body: { disabled: false } });
    expect(await codeOf(dora.client.call('me'))).toBe('auth.unauthenticated');
    expect((await server.fetch('/api/v1/session', { headers: { authorization } })).status).toBe(401);
    expect(await codeOf(new Browser().logIn('dora@example.org'))).toBe('done');
  });

  it('should end the stream of who leaves the project, and of a session that is ended', async () => {
    const email = 'eve@example.org';
    const eve = await join(email, 'viewer');
    const open = async () =>
      (await fetch(`${server.url}/api/v1/projects/p/events`, { headers: { cookie: eve.cookie } })).text();
    const stream = open();
    const other = await new Browser().logIn(email);
    await other.client.call('sessionDeleteOthers');
    await stream;
    await eve.logIn(email);
    const again = open();
    await admin.call('memberDelete', { params: { project: 'p', email } });
    await again;
  });

  it('should always leave one administrator of the instance', async () => {
    const change = async (email: string, body: Resource<'PersonPatch'>) =>
      codeOf(admin.call('personUpdate', { params: { email }, body }));
    expect(await change('second@example.org', { isAdmin: false })).toBe('done');
    expect(await change('root@example.org', { isAdmin: false })).toBe('auth.last-instance-admin');
    expect(await change('root@example.org', { disabled: true })).toBe('auth.last-instance-admin');
    expect(await change('root@example.org', { name: 'Root' })).toBe('done');
    const [entry] = (await admin.call('instanceAuditList', { query: { subject: 'root@example.org' } })).items;
    expect(entry).toMatchObject({ before: { name: 'root@example.org' }, after: { name: 'Root' } });
  });

  it('should set a password with a link, once, and lose every session', async () => {
    const params = { email: 'ada@example.org' };
    const ada = await new Browser().logIn(params.email);
    const [old, link] = [
      await admin.call('personReset', { params }),
      await admin.call('personReset', { params }),
    ];
    const reset = async (path: string) =>
      codeOf(
        new Browser().client.call('passwordReset', {
          body: { token: tokenOf({ path }), password: 'a new password' },
        }),
      );
    expect(await reset(old.path)).toBe('auth.link-invalid');
    expect(await reset(link.path)).toBe('done');
    expect(await reset(link.path)).toBe('auth.link-invalid');
    expect(await codeOf(ada.client.call('me'))).toBe('auth.unauthenticated');
    expect(await codeOf(new Browser().logIn(params.email))).toBe('auth.bad-login');
    expect(await codeOf(new Browser().logIn(params.email, 'a new password'))).toBe('done');
  });

  it('should change the own password with the current one, and lose the other sessions', async () => {
    const email = 'ada@example.org';
    const [here, there] = [
      await new Browser().logIn(email, 'a new password'),
      await new Browser().logIn(email, 'a new password'),
    ];
    const change = async (current: string) =>
      codeOf(here.client.call('passwordChange', { body: { current, password } }));
    expect(await change('something else')).toBe('auth.bad-password');
    expect(await change('a new password')).toBe('done');
    expect(await codeOf(here.client.call('me'))).toBe('done');
    expect(await codeOf(there.client.call('me'))).toBe('auth.unauthenticated');
    // As another keyboard sends the same characters: composed here, with combining marks there.
    await here.client.call('passwordChange', {
      body: { current: password, password: 'caf\u00e9 \u00fcber alles' },
    });
    expect(await codeOf(new Browser().logIn(email, 'cafe\u0301 u\u0308ber alles'))).toBe('done');
  });
});

describe('links to set a password', () => {
  const email = 'links@example.org';
  const reset = async ({ path }: { path: string }, next = 'by the link 1') =>
    codeOf(
      new Browser().client.call('passwordReset', { body: { token: tokenOf({ path }), password: next } }),
    );

  it('should end when the password is changed otherwise, and with it every other session', async () => {
    const [here, there] = [await join(email, 'viewer'), await new Browser().logIn(email)];
    const link = await admin.call('personReset', { params: { email } });
    const body = { current: password, password: 'chosen otherwise' };
    await here.client.call('passwordChange', { body });
    expect(await reset(link)).toBe('auth.link-invalid');
    expect(await codeOf(here.client.call('me'))).toBe('done');
    expect(await codeOf(there.client.call('me'))).toBe('auth.unauthenticated');
    expect(await codeOf(new Browser().logIn(email, 'chosen otherwise'))).toBe('done');
  });

  it('should end when the account is disabled, and not come back with it', async () => {
    const link = await admin.call('personReset', { params: { email } });
    for (const disabled of [true, false])
      await admin.call('personUpdate', { params: { email }, body: { disabled } });
    expect(await reset(link)).toBe('auth.link-invalid');
  });

  it('should end with the next one', async () => {
    const [old, link] = [
      await admin.call('personReset', { params: { email } }),
      await admin.call('personReset', { params: { email } }),
    ];
    expect(await reset(old)).toBe('auth.link-invalid');
    expect(await reset(link)).toBe('done');
  });
});

describe('sessions', () => {
  const email = 'root@example.org';

  it('should be listed with where they are from, and ended one by one', async () => {
    const one = await new Browser({ 'user-agent': 'one', 'x-forwarded-for': '192.0.2.1' }).logIn(email);
    // The proxy adds whom it sees at the end; what a client put there before is a claim.
    const forwarded = '6.6.6.6, 192.0.2.2';
    const two = await new Browser({ 'user-agent': 'two', 'x-forwarded-for': forwarded }).logIn(email);
    const { items } = await one.client.call('sessionList');
    expect(items[0]).toMatchObject({
      userAgent: 'two',
      address: '192.0.2.2',
      via: 'password',
      isCurrent: false,
    });
    expect(items[1]).toMatchObject({ userAgent: 'one', isCurrent: true });
    expect(JSON.stringify(items)).not.toContain(two.cookie.split('=')[1]);
    await one.client.call('sessionDelete', { params: { id: items[0]!.id } });
    expect(await codeOf(two.client.call('me'))).toBe('auth.unauthenticated');
    expect(await codeOf(one.client.call('sessionDelete', { params: { id: items[0]!.id } }))).toBe(
      'auth.session-not-found',
    );
    const ada = await new Browser().logIn('second@example.org');
    expect(await codeOf(ada.client.call('sessionDelete', { params: { id: items[1]!.id } }))).toBe(
      'auth.session-not-found',
    );
  });

  it('should be a new one at every login, and the one before ends', async () => {
    const browser = await new Browser().logIn(email);
    const before = browser.cookie;
    await browser.logIn(email);
    expect(browser.cookie).not.toBe(before);
    const response = await server.fetch('/api/v1/session', { headers: { cookie: before } });
    expect(response.status).toBe(401);
  });

  it('should end when it is not used for long, and when it is old however it is used', async () => {
    const { database } = server.running.services;
    const browser = await new Browser().logIn(email);
    const age = async (column: string, ms: number) =>
      database.query(
        `update session set ${column} = now() + $1::float8 * interval '1 millisecond'
         where id = (select id from session order by created_at desc limit 1)`,
        [ms],
      );
    await age('last_used_at', -72 * HOUR_MS + 60_000);
    expect(await codeOf(browser.client.call('me'))).toBe('done');
    await eventually(async () => {
      const [row] = await database.query<{ fresh: boolean }>(
        `select last_used_at > now() - interval '1 minute' as fresh from session order by created_at desc limit 1`,
      );
      expect(row?.fresh).toBe(true);
    });
    await age('last_used_at', -72 * HOUR_MS - 1_000);
    expect(await codeOf(browser.client.call('me'))).toBe('auth.unauthenticated');
    await browser.logIn(email);
    await age('expires_at', -1);
    expect(await codeOf(browser.client.call('me'))).toBe('auth.unauthenticated');
  });

  it('should be a cookie of the host over TLS, which a plain connection or a sibling cannot set', async () => {
    const https = new Browser({ 'x-forwarded-proto': 'https' });
    const response = await server.fetch('/api/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-forwarded-proto': 'https' },
      body: JSON.stringify({ email, password }),
    });
    const [set = ''] = response.headers.getSetCookie();
    expect(set).toMatch(
      /^__Host-tinyfleet_session=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/,
    );
    https.cookie = (set.split(';')[0] ?? '').replace('__Host-', '');
    expect(await codeOf(https.client.call('me'))).toBe('auth.unauthenticated');
    https.cookie = `__Host-${https.cookie}`;
    expect(await codeOf(https.client.call('me'))).toBe('done');
  });
});
