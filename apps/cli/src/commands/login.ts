/** `tinyfleet login` and `logout`: an API token of one's own for this machine, made with the password or given. */
import { hostname } from 'node:os';
import type { Client } from '@tinyfleet/contracts';
import { Command } from 'commander';
import pc from 'picocolors';
import { integer, usage } from '../arguments.js';
import { readContext, removeLogin, writeContext } from '../context.js';
import { loginFile } from '../paths.js';
import { Session } from '../session.js';
import { ask, askSecret } from './confirm.js';

/** Tokens that `login` made: `logout` revokes those and leaves others alone. */
const OWN_PREFIX = 'cli-';

export function loginCommand(): Command {
  return new Command('login')
    .description('sign in to a server and keep an API token for it')
    .option('--email <email>', 'sign in with a password, which is asked for (or TINYFLEET_PASSWORD)')
    .option('--days <n>', 'how long the token is good for', integer('--days', 1, 3_650), 90)
    .addHelpText(
      'after',
      `
Needs --url. With --token that token is kept; else e-mail address and password make one for this machine. Accounts
that sign in elsewhere make a token in the dashboard. The token is kept in a file that only you can read.

Examples:
  $ npx tinyfleet login --url https://fleet.example.com --email me@example.com
  $ npx tinyfleet login --url https://fleet.example.com --token "$TOKEN"`,
    )
    .action(async (options: { email?: string; days: number }, self: Command) => {
      const session = Session.of(self);
      const url = (session.globals.url ?? process.env['TINYFLEET_URL'])?.replace(/\/+$/, '');
      if (url === undefined) usage('Name the server with --url https://...');
      const token = session.globals.token ?? (await tokenFromPerson(url, options));
      const { createClient } = await import('@tinyfleet/contracts');
      const me = await createClient({ baseUrl: url, token }).call('me');
      const only = me.projects.length === 1 ? me.projects[0]?.name : undefined;
      const project = session.globals.project ?? only;
      writeContext(loginFile(), { url, token, ...(project === undefined ? {} : { project }) });
      session.out.one(
        { url, email: me.email, project: project ?? null, tokenExpiresAt: me.token?.expiresAt ?? null },
        () =>
          `${pc.green('signed in')}  ${me.email} at ${url}${project === undefined ? '' : `, project ${project}`}`,
      );
    });
}

/** Without a terminal and an address, what is read is a token. */
async function tokenFromPerson(url: string, options: { email?: string; days: number }): Promise<string> {
  if (options.email === undefined && !process.stdin.isTTY) return await askSecret('API token: ');
  const email = options.email ?? (await ask('E-mail: '));
  return await tokenByPassword(url, email, options.days);
}

/** Signs in as the dashboard does, makes a token and ends that session. */
async function tokenByPassword(url: string, email: string, days: number): Promise<string> {
  const password = process.env['TINYFLEET_PASSWORD'] ?? (await askSecret(`Password of ${email}: `));
  const { createClient } = await import('@tinyfleet/contracts');
  let cookie = '';
  const { origin } = new URL(url);
  const browser = createClient({
    baseUrl: url,
    fetch: async (input, init) => {
      const headers = { ...(init?.headers as Record<string, string>), origin, cookie };
      const response = await fetch(input, { ...init, headers });
      const [set] = response.headers.getSetCookie();
      if (set !== undefined) cookie = set.split(';')[0] ?? '';
      return response;
    },
  });
  await browser.call('login', { body: { email, password } });
  try {
    return await newToken(browser, days);
  } finally {
    await browser.call('logout').catch(() => {});
  }
}

async function newToken(browser: Client, days: number): Promise<string> {
  const { ApiError } = await import('@tinyfleet/contracts');
  for (let attempt = 0; ; attempt++) {
    const base = OWN_PREFIX + hostname().toLowerCase().slice(0, 50);
    const name = attempt === 0 ? base : `${base}-${attempt + 1}`;
    try {
      return (await browser.call('tokenCreate', { body: { name, expiresInDays: days } })).token;
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 'auth.token-exists' || attempt >= 20) throw error;
    }
  }
}

export function logoutCommand(): Command {
  return new Command('logout')
    .description('forget the login and revoke its token; commands talk to the local server again')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet logout')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const stored = readContext(loginFile());
      const revoked = stored ? await revokeOwn(stored.url, stored.token) : undefined;
      removeLogin();
      session.out.one({ revoked: revoked ?? null }, () =>
        revoked === undefined
          ? 'The login is forgotten. A token that was given to it stays: revoke it in the dashboard if it may have leaked.'
          : `${pc.green('signed out')}  token ${revoked} is revoked`,
      );
    });
}

/** Name of the token that ended; undefined when it was not made here, or the server does not answer. */
async function revokeOwn(url: string, token: string): Promise<string | undefined> {
  const { createClient } = await import('@tinyfleet/contracts');
  const client = createClient({ baseUrl: url, token, retries: 0 });
  try {
    const me = await client.call('me');
    if (!me.token?.name.startsWith(OWN_PREFIX)) return undefined;
    await client.call('tokenDelete', { params: { name: me.token.name } });
    return me.token.name;
  } catch {
    return undefined;
  }
}
