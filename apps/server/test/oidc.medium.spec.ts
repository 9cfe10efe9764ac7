/** Signing in with a real OpenID provider in this process (oidc-provider), as a browser that follows redirects. */
import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { IdentityService } from '@tinyfleet/auth';
import { createClient, type ApiError, type Resource } from '@tinyfleet/contracts';
import { transactOn } from '@tinyfleet/storage';
import { workspaceRoot } from '@tinyfleet/testing';
import Provider, { type Context } from 'oidc-provider';
import { uuidv7 } from 'uuidv7';
import { buildWorkspace, startTestServer, type TestServer } from './test-server.js';

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

  it('should not lead to an account that an invitation made for somebody else’s address, until its owner or an administrator says so', async () => {
    const email = 'victim@example.org';
    const secret = 'chosen by the attacker';
    const params = { project: 'p' };
    // A project's admin accepts the invitation himself: the link has told him nothing about who reads that address.
    const { path } = await server.client.call('invitationCreate', { params, body: { email, role: 'admin' } });
    const body = JSON.stringify({ token: path.split('#')[1], password: secret });
    const headers = { 'content-type': 'application/json', origin: server.url };
    expect((await server.fetch('/api/v1/invitations/accept', { method: 'POST', headers, body })).status).toBe(
      201,
    );
    subject = 'sub-victim';
    accounts[subject] = { email, email_verified: true };
    const victim = new Browser();
    expect(problemOf(await victim.follow(login()))).toBe('auth.oidc-account-unproven');
    expect(victim.session).toBeUndefined();
    expect(await server.client.call('personGet', { params: { email } })).toMatchObject({
      emailProvenAt: null,
      providers: [],
    });

    // Signed in with the password, the account is linked to whoever signs in at the provider.
    const opened = await server.fetch('/api/v1/session', {
      method: 'POST',
      headers,
      body: JSON.stringify({ email, password: secret }),
    });
    const [cookie = ''] = opened.headers.getSetCookie();
    const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=');
    const signedIn = () => {
      const browser = new Browser();
      browser.cookies.set(new URL(server.url).origin, new Map([[name, value]]));
      return browser;
    };
    expect((await signedIn().follow(`${login('/p/p')}&link=true`)).pathname).toBe('/p/p');
    expect(await server.client.call('personGet', { params: { email } })).toMatchObject({
      emailProvenAt: expect.any(String),
      providers: [expect.any(String)],
    });
    const later = new Browser();
    await later.follow(login());
    expect(await later.me()).toMatchObject({ email });
    // Not without being signed in, and not to two.
    expect(problemOf(await new Browser().follow(`${login()}&link=true`))).toBe('auth.unauthenticated');
    subject = 'sub-root';
    expect(problemOf(await signedIn().follow(`${login()}&link=true`))).toBe('auth.oidc-identity-taken');

    // An administrator takes it back, links and all, and says so again for the one that he knows.
    await server.client.call('personUpdate', { params: { email }, body: { emailProven: false } });
    subject = 'sub-victim';
    expect(problemOf(await new Browser().follow(login()))).toBe('auth.oidc-account-unproven');
    await server.client.call('personUpdate', { params: { email }, body: { emailProven: true } });
    const proven = new Browser();
    await proven.follow(login());
    expect(await proven.me()).toMatchObject({ email });
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

/** The command line as people start it, with a configuration of its own. */
class CommandLine {
  private static readonly folder = mkdtempSync(join(tmpdir(), 'tinyfleet-oidc-'));
  static readonly login = join(CommandLine.folder, 'tinyfleet/login.json');
  readonly child: ChildProcess;
  output = '';
  readonly ended: Promise<number | null>;

  constructor(...args: string[]) {
    const env: NodeJS.ProcessEnv = { ...process.env, XDG_CONFIG_HOME: CommandLine.folder, NO_COLOR: '1' };
    delete env['NODE_OPTIONS'];
    const bin = join(workspaceRoot, 'apps/cli/bin/tinyfleet.mjs');
    this.child = spawn(process.execPath, [bin, ...args], { env });
    for (const stream of [this.child.stdout, this.child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.ended = new Promise((resolve) => this.child.once('close', resolve));
  }

  static async run(...args: string[]): Promise<string> {
    const line = new CommandLine(...args);
    if ((await line.ended) !== 0) throw new Error(`${args.join(' ')}: ${line.output}`);
    return line.output;
  }

  static remove = () => rmSync(CommandLine.folder, { recursive: true, force: true });

  /** What it tells people to open. */
  async address(): Promise<string> {
    for (;;) {
      const found = /^ {2}(http\S+)$/m.exec(this.output)?.[1];
      if (found !== undefined) return found;
      if (this.child.exitCode !== null) throw new Error(this.output);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('sign-in of the command line with an OpenID provider', () => {
  const begin = (...more: string[]) =>
    new CommandLine('login', '--url', server.url, '--oidc', '--no-browser', ...more);
  /** Signs in where the command line says; what the page there is asked for. */
  const arrive = async (browser: Browser, line: CommandLine) => {
    const page = await browser.follow(await line.address(), (url) => url.pathname === '/cli-login');
    return Object.fromEntries(new URLSearchParams(page.hash.slice(1)));
  };
  /** As the page does when its button is pressed. */
  const approve = async (browser: Browser, { challenge, machine, days }: Record<string, string>) => {
    const headers = {
      'content-type': 'application/json',
      cookie: `tinyfleet_session=${browser.session}`,
      origin: server.url,
    };
    const body = JSON.stringify({ challenge, machine, expiresInDays: Number(days) });
    const response = await server.fetch('/api/v1/session/cli', { method: 'POST', headers, body });
    expect(response.status).toBe(201);
    return ((await response.json()) as Resource<'CliLoginCode'>).code;
  };
  const back = async ({ port }: Record<string, string>, query: Record<string, string>) =>
    (await fetch(`http://127.0.0.1:${port}/callback?${new URLSearchParams(query).toString()}`)).status;
  const redeem = async (code: string, verifier: string) => {
    const call = createClient({ baseUrl: server.url }).call('cliLoginRedeem', { body: { code, verifier } });
    return await call.then(
      () => 'done',
      (error: unknown) => (error as ApiError).code,
    );
  };

  beforeAll(buildWorkspace, 120_000);
  afterAll(CommandLine.remove);
  beforeEach(() => {
    subject = 'sub-root';
    accounts[subject] = { email: 'root@example.org', email_verified: true };
  });

  it('should end with a login of its own, listed as a session, ended by the next one and by logout', async () => {
    const line = begin('--days', '3');
    const browser = new Browser();
    const asked = await arrive(browser, line);
    expect(asked['days']).toBe('3');
    expect(asked['challenge']).toMatch(/^[\w-]{43}$/);
    const code = await approve(browser, asked);
    // Neither another page nor somebody who guesses gets anywhere.
    expect(await back(asked, { code, state: 'guessed' })).toBe(404);
    expect(await back(asked, { code, state: asked['state']! })).toBe(200);
    expect(await line.ended).toBe(0);
    expect(line.output).toContain('signed in  root@example.org');
    const { token } = JSON.parse(readFileSync(CommandLine.login, 'utf8')) as { token: string };
    expect(token).toMatch(/^tft_/);
    const sessions = async () =>
      JSON.parse(await CommandLine.run('session', 'list', '--output', 'json')) as Resource<'LoginSession'>[];
    const [own] = await sessions();
    expect(own).toMatchObject({ kind: 'cli', via: 'oidc', isCurrent: true, address: '127.0.0.1' });
    expect(own?.name).toMatch(new RegExp(`^cli-${asked['machine']}-[0-9a-z]{6}$`));
    const days = (Date.parse(own!.expiresAt) - Date.parse(own!.createdAt)) / 86_400_000;
    expect(days).toBeCloseTo(3, 3);
    // Another login of this machine ends the one before; tokens made by hand are another list.
    const second = begin();
    const again = new Browser();
    const more = await arrive(again, second);
    await back(more, { code: await approve(again, more), state: more['state']! });
    expect(await second.ended).toBe(0);
    const logins = (await sessions()).filter(({ kind }) => kind === 'cli');
    expect(logins).toHaveLength(1);
    expect(logins[0]!.name).not.toBe(own!.name);
    expect(
      await createClient({ baseUrl: server.url, token })
        .call('me')
        .catch(() => 'ended'),
    ).toBe('ended');
    expect(JSON.parse(await CommandLine.run('token', 'list', '--output', 'json'))).toEqual([]);
    expect(await CommandLine.run('session', 'revoke', logins[0]!.name!, '--yes')).toContain('ended');
    const after = new CommandLine('session', 'list');
    expect(await after.ended).toBe(3);
  }, 180_000);

  it('should take a pasted code when the browser is elsewhere', async () => {
    const line = begin('--paste');
    const browser = new Browser();
    const asked = await arrive(browser, line);
    expect(asked['port']).toBeUndefined();
    line.child.stdin?.end(`${await approve(browser, asked)}\n`);
    expect(await line.ended).toBe(0);
    expect(await CommandLine.run('logout')).toContain('has ended');
  }, 180_000);

  it('should end when it is refused, when nobody comes, and when no code is pasted', async () => {
    const [refused, late, empty] = [begin(), begin('--timeout', '1'), begin('--paste')];
    empty.child.stdin?.end();
    const asked = await arrive(new Browser(), refused);
    expect(await back(asked, { error: 'refused', state: asked['state']! })).toBe(200);
    expect(await Promise.all([refused.ended, late.ended, empty.ended])).toEqual([3, 7, 3]);
    expect(late.output).toContain('cli.timeout');
  }, 180_000);

  it('should give nothing for a code that is used, of another challenge, or approved by a token', async () => {
    const line = begin('--paste');
    const browser = new Browser();
    const code = await approve(browser, await arrive(browser, line));
    line.child.stdin?.end();
    expect(await redeem(code, 'v'.repeat(43))).toBe('auth.cli-login-invalid');
    expect(await redeem(code, 'v'.repeat(43))).toBe('auth.cli-login-invalid');
    const body = { challenge: 'c'.repeat(43), machine: 'laptop' };
    await expect(server.client.call('cliLoginApprove', { body })).rejects.toMatchObject({
      code: 'auth.session-needed',
    });
    await line.ended;
  }, 180_000);
});
