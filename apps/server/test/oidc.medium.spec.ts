/** Signing in with a real OpenID provider in this process (oidc-provider), as a browser that follows redirects. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdentityService } from '@tinyfleet/auth';
import { transactOn } from '@tinyfleet/storage';
import Provider, { type Context } from 'oidc-provider';
import { uuidv7 } from 'uuidv7';
import { startTestServer, type TestServer } from './test-server.js';

const clientId = 'tinyfleet';
const clientSecret = 'a secret of the test, long enough';
const CALLBACK = '/api/v1/oidc/callback';

/** Accounts at the provider by subject. */
const accounts: Record<string, { email?: string; email_verified?: boolean; name?: string }> = {};
let subject = '';
/** Breaks the signature of ID tokens. */
let tampers = false;
let providerServer: Server;
let handle: (request: IncomingMessage, response: ServerResponse) => void = (_request, response) => {
  response.writeHead(503).end();
};
let server: TestServer;

beforeAll(async () => {
  // It warns of everything that a provider in production would have set.
  jest.spyOn(console, 'warn').mockReturnValue();
  jest.spyOn(console, 'info').mockReturnValue();
  providerServer = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => providerServer.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(providerServer.address() as AddressInfo).port}`;
  server = await startTestServer({
    TINYFLEET_ADMIN_EMAIL: 'root@example.org',
    TINYFLEET_ADMIN_PASSWORD: 'a long password',
    TINYFLEET_OIDC_ISSUER: issuer,
    TINYFLEET_OIDC_CLIENT_ID: clientId,
    TINYFLEET_OIDC_CLIENT_SECRET: clientSecret,
    TINYFLEET_OIDC_NAME: 'Example',
    TINYFLEET_OIDC_PROVISION: 'true',
    TINYFLEET_OIDC_DEFAULT_PROJECT: 'p',
    TINYFLEET_OIDC_DEFAULT_ROLE: 'operator',
  });
  await server.client.call('projectCreate', { body: { name: 'p' } });
  handle = startProvider(issuer, server.url + CALLBACK);
});
afterAll(async () => {
  await server.stop();
  providerServer.closeAllConnections();
  await new Promise((resolve) => providerServer.close(resolve));
});
beforeEach(() => {
  tampers = false;
});

function startProvider(issuer: string, redirectUri: string): typeof handle {
  const provider = new Provider(issuer, {
    clients: [{ client_id: clientId, client_secret: clientSecret, redirect_uris: [redirectUri] }],
    pkce: { required: () => true },
    cookies: { keys: ['a key of the test'] },
    claims: { email: ['email', 'email_verified'], profile: ['name'] },
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_context: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
    findAccount: (_context: unknown, accountId: string) => ({
      accountId,
      claims: () => ({ sub: accountId, ...accounts[accountId] }),
    }),
    loadExistingGrant: async ({ oidc }: Context) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client.clientId,
        accountId: oidc.session.accountId,
      });
      grant.addOIDCScope('openid email profile');
      await grant.save();
      return grant;
    },
  });
  const callback = provider.callback();
  return (request, response) => {
    if (request.url?.startsWith('/interaction/')) {
      const login = { accountId: subject };
      void provider.interactionFinished(request, response, { login }, { mergeWithLastSubmission: false });
      return;
    }
    if (tampers && request.url === '/token') {
      const end = response.end.bind(response);
      response.end = ((body: string | Buffer) => {
        const answer = JSON.parse(String(body)) as { id_token: string };
        const at = answer.id_token.lastIndexOf('.') + 1;
        const other = answer.id_token[at] === 'A' ? 'B' : 'A';
        answer.id_token = answer.id_token.slice(0, at) + other + answer.id_token.slice(at + 1);
        response.removeHeader('content-length');
        return end(JSON.stringify(answer));
      }) as typeof response.end;
    }
    callback(request, response);
  };
}
/** Cookies by origin and path, which is all that these two servers need. */
class Browser {
  readonly cookies = new Map<string, Map<string, string>>();
  readonly visited: string[] = [];

  async get(url: string): Promise<Response> {
    const { origin, pathname } = new URL(url);
    this.visited.push(origin === new URL(server.url).origin ? pathname : `provider${pathname}`);
    const jar = this.cookies.get(origin) ?? new Map<string, string>();
    this.cookies.set(origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(url, { redirect: 'manual', headers: { cookie } });
    for (const set of response.headers.getSetCookie()) {
      const [pair = ''] = set.split(';');
      const at = pair.indexOf('=');
      if (/max-age=0|expires=thu, 01 jan 1970/i.test(set)) jar.delete(pair.slice(0, at));
      else jar.set(pair.slice(0, at), pair.slice(at + 1));
    }
    return response;
  }

  /** Follows redirects until `stop` or a page. @returns the last address */
  async follow(url: string, stop: (url: URL) => boolean = () => false): Promise<URL> {
    let at = new URL(url);
    for (let hops = 0; hops < 20; hops++) {
      const response = await this.get(at.href);
      const location = response.headers.get('location');
      if (location === null) return at;
      at = new URL(location, at);
      if (stop(at)) return at;
    }
    throw new Error(`no end: ${this.visited.join(', ')}`);
  }

  get session(): string | undefined {
    return this.cookies.get(new URL(server.url).origin)?.get('tinyfleet_session');
  }
  me = async () =>
    (await (
      await server.fetch('/api/v1/session', { headers: { cookie: `tinyfleet_session=${this.session}` } })
    ).json()) as Record<string, unknown>;
}
const login = (next = '/') => `${server.url}/api/v1/oidc/login?next=${encodeURIComponent(next)}`;
const isCallback = (url: URL) => url.pathname === CALLBACK;
const problemOf = (url: URL) => url.searchParams.get('problem');

describe('sign-in with an OpenID provider', () => {
  it('should be offered to the login page', async () => {
    expect(await server.client.call('loginOptions')).toEqual({
      provider: { name: 'Example', path: '/api/v1/oidc/login' },
    });
  });

  it('should lead a verified address to its account, with PKCE, state and nonce, and stay with the identity', async () => {
    subject = 'sub-root';
    accounts[subject] = { email: 'Root@example.org', email_verified: true };
    const browser = new Browser();
    const asked = await browser.follow(login('/p/p'), (url) => url.pathname === '/auth');
    expect(Object.fromEntries(asked.searchParams)).toMatchObject({
      response_type: 'code',
      code_challenge_method: 'S256',
    });
    for (const name of ['code_challenge', 'state', 'nonce'])
      expect(asked.searchParams.get(name)).toMatch(/^[\w-]{43}$/);
    expect((await browser.follow(asked.href)).pathname).toBe('/p/p');
    expect(await browser.me()).toMatchObject({ email: 'root@example.org', isAdmin: true, via: 'session' });
    // The address is another one now: the identity leads to the same account.
    accounts[subject] = { email: 'renamed@example.org', email_verified: false };
    const again = new Browser();
    await again.follow(login());
    expect(await again.me()).toMatchObject({ email: 'root@example.org' });
    const { items } = await server.client.call('instanceAuditList', {
      query: { subject: 'root@example.org' },
    });
    expect(items.map(({ action }) => action)).toEqual([
      'session.opened',
      'session.opened',
      'person.identity-added',
      'person.made',
    ]);
    expect(items[0]).toMatchObject({ data: { via: 'oidc' }, address: '127.0.0.1' });
  });

  it('should make an account with the default role when that is wanted, and none when not', async () => {
    subject = 'sub-new';
    accounts[subject] = { email: 'new@example.org', email_verified: true, name: 'Newcomer' };
    const browser = new Browser();
    expect((await browser.follow(login())).pathname).toBe('/');
    expect(await browser.me()).toMatchObject({
      email: 'new@example.org',
      name: 'Newcomer',
      isAdmin: false,
      projects: [{ name: 'p', role: 'operator' }],
    });
    const strict = new IdentityService(transactOn(server.running.services.database), {
      provision: false,
      newId: uuidv7,
    });
    const identity = { issuer: 'https://other', subject: 'x', isEmailVerified: true, name: undefined };
    // U+212A, the Kelvin sign, is a k in small letters.
    await expect(strict.personOf({ ...identity, email: '\u212aim@example.org' })).rejects.toMatchObject({
      code: 'auth.oidc-email-unverified',
    });
    await expect(strict.personOf({ ...identity, email: 'nobody@example.org' })).rejects.toMatchObject({
      code: 'auth.oidc-no-account',
    });
    // No password was made for it.
    const body = JSON.stringify({ email: 'new@example.org', password: '' });
    const headers = { 'content-type': 'application/json' };
    expect((await server.fetch('/api/v1/session', { method: 'POST', headers, body })).status).toBe(401);
  });

  it('should refuse an address that is not verified, and a disabled account', async () => {
    subject = 'sub-unverified';
    accounts[subject] = { email: 'root@example.org', email_verified: false };
    expect(problemOf(await new Browser().follow(login()))).toBe('auth.oidc-email-unverified');
    accounts[subject] = {};
    expect(problemOf(await new Browser().follow(login()))).toBe('auth.oidc-email-unverified');
    subject = 'sub-new';
    const params = { email: 'new@example.org' };
    await server.client.call('personUpdate', { params, body: { disabled: true } });
    const browser = new Browser();
    expect(problemOf(await browser.follow(login()))).toBe('auth.oidc-no-account');
    expect(browser.session).toBeUndefined();
  });

  it('should refuse an answer of another login, of another browser, and one that is used twice', async () => {
    subject = 'sub-root';
    const [mine, other] = [new Browser(), new Browser()];
    const answer = await mine.follow(login(), isCallback);
    const theirs = await other.follow(login(), isCallback);
    expect(problemOf(await new Browser().follow(answer.href))).toBe('auth.oidc-expired');
    expect(problemOf(await mine.follow(theirs.href))).toBe('auth.oidc-expired');
    // The state is right, the code is another login's: the provider sees the wrong verifier.
    const mixed = await other.follow(login(), isCallback);
    mixed.searchParams.set('code', answer.searchParams.get('code') ?? '');
    expect(problemOf(await other.follow(mixed.href))).toBe('auth.oidc-failed');
    const again = new Browser();
    const good = await again.follow(login(), isCallback);
    expect((await again.follow(good.href)).pathname).toBe('/');
    expect(problemOf(await again.follow(good.href))).toBe('auth.oidc-expired');
    const sealed = new Browser();
    const late = await sealed.follow(login(), isCallback);
    sealed.cookies.get(new URL(server.url).origin)?.set('tinyfleet_oidc', 'A'.repeat(200));
    expect(problemOf(await sealed.follow(late.href))).toBe('auth.oidc-expired');
  });

  it('should refuse an ID token whose signature is wrong, an error of the provider, and one that is away', async () => {
    subject = 'sub-root';
    tampers = true;
    expect(problemOf(await new Browser().follow(login()))).toBe('auth.oidc-failed');
    tampers = false;
    const browser = new Browser();
    const answer = await browser.follow(login(), isCallback);
    answer.searchParams.delete('code');
    answer.searchParams.set('error', 'access_denied');
    expect(problemOf(await browser.follow(answer.href))).toBe('auth.oidc-failed');
    const waiting = new Browser();
    const late = await waiting.follow(login(), isCallback);
    const working = handle;
    handle = (_request, response) => void response.writeHead(503).end();
    expect(problemOf(await waiting.follow(late.href))).toBe('auth.oidc-failed');
    handle = working;
  });

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example', 'javascript:alert(1)'])(
    'should not lead elsewhere: %s',
    async (next) => {
      subject = 'sub-root';
      const browser = new Browser();
      const end = await browser.follow(login(next));
      expect([end.origin, end.pathname]).toEqual([new URL(server.url).origin, '/']);
    },
  );
});
