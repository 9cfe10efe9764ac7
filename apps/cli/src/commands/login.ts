/** `tinyfleet login` and `logout`: a login of this machine by password or provider, or a token that is given. */
import { hostname } from 'node:os';
import { Command } from 'commander';
import pc from 'picocolors';
import { duration, integer, usage } from '../arguments.js';
import { readContext, removeLogin, writeContext, type StoredContext } from '../context.js';
import { loginFile } from '../paths.js';
import { Session } from '../session.js';
import { ask, askSecret } from './confirm.js';
import { challengeOf, hasScreen, newVerifier, tokenByBrowser } from './login-browser.js';

export function loginCommand(): Command {
  return new Command('login')
    .description('sign in to a server and keep an API token for it')
    .option('--email <email>', 'sign in with a password, which is asked for (or TINYFLEET_PASSWORD)')
    .option('--oidc', 'sign in with your provider, in a browser')
    .option('--paste', 'with --oidc: the browser is on another machine, its code is pasted here')
    .option('--no-browser', 'with --oidc: open none, only show the address')
    .option('--timeout <time>', 'with --oidc: how long to wait', duration('--timeout', 1, 3_600), 300)
    .option('--days <n>', 'how long the login is good for', integer('--days', 1, 3_650), 90)
    .addHelpText(
      'after',
      `
Needs --url. With --token that token is kept; else your password or your provider makes one for this machine, which
\`session list\` shows and \`logout\` ends. It is kept in a file that only you can read. A login before it ends.

Examples:
  $ npx tinyfleet login --url https://fleet.example.com --oidc
  $ npx tinyfleet login --url https://fleet.example.com --email me@example.com
  $ npx tinyfleet login --url https://fleet.example.com --token "$TOKEN"`,
    )
    .action(async (options: LoginOptions, self: Command) => {
      const session = Session.of(self);
      const url = (session.globals.url ?? process.env['TINYFLEET_URL'])?.replace(/\/+$/, '');
      if (url === undefined) usage('Name the server with --url https://...');
      if (options.paste && !options.oidc) usage('--paste goes with --oidc.');
      const before = readContext(loginFile());
      const token = session.globals.token ?? (await tokenFromPerson(url, options));
      const { createClient } = await import('@tinyfleet/contracts');
      const me = await createClient({ baseUrl: url, token }).call('me');
      const only = me.projects.length === 1 ? me.projects[0]?.name : undefined;
      const project = session.globals.project ?? only;
      writeContext(loginFile(), { url, token, ...(project === undefined ? {} : { project }) });
      if (before !== undefined && before.token !== token) await endLogin(before);
      session.out.one(
        { url, email: me.email, project: project ?? null, tokenExpiresAt: me.token?.expiresAt ?? null },
        () =>
          `${pc.green('signed in')}  ${me.email} at ${url}${project === undefined ? '' : `, project ${project}`}`,
      );
    });
}

interface LoginOptions {
  readonly email?: string;
  readonly oidc?: boolean;
  readonly paste?: boolean;
  readonly browser: boolean;
  readonly timeout: number;
  readonly days: number;
}

/** Without a terminal and an address, what is read is a token. */
async function tokenFromPerson(url: string, options: LoginOptions): Promise<string> {
  if (options.oidc) {
    if (options.email !== undefined) usage('--email or --oidc, not both.');
    const { createClient } = await import('@tinyfleet/contracts');
    return await tokenByBrowser(url, createClient({ baseUrl: url }), {
      days: options.days,
      machine: machineName(),
      timeoutSeconds: options.timeout,
      isPasted: options.paste === true,
      opensBrowser: options.browser && hasScreen(),
    });
  }
  if (options.email === undefined && !process.stdin.isTTY) return await askSecret('API token: ');
  const email = options.email ?? (await ask('E-mail: '));
  return await tokenByPassword(url, email, options.days);
}

/** Signs in as the dashboard does, lets this machine in and ends that session. */
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
    const verifier = newVerifier();
    const body = { challenge: challengeOf(verifier), machine: machineName(), expiresInDays: days };
    const { code } = await browser.call('cliLoginApprove', { body });
    return (await createClient({ baseUrl: url }).call('cliLoginRedeem', { body: { code, verifier } })).token;
  } finally {
    await browser.call('logout').catch(() => {});
  }
}

/** The host's name without its domain, in the characters of names. */
function machineName(): string {
  const name = (hostname().split('.')[0] ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '-');
  return name.replace(/^-/, '').slice(0, 40) || 'unnamed';
}

export function logoutCommand(): Command {
  return new Command('logout')
    .description('forget the login and revoke its token; commands talk to the local server again')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet logout')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const stored = readContext(loginFile());
      const revoked = stored ? await endLogin(stored) : undefined;
      removeLogin();
      session.out.one({ revoked: revoked ?? null }, () =>
        revoked === undefined
          ? 'The login is forgotten. A token that was given to it stays: revoke it in the dashboard if it may have leaked.'
          : `${pc.green('signed out')}  ${revoked} has ended`,
      );
    });
}

/** Name of the login that ended; undefined when it was not made by `login`, or the server does not answer. */
async function endLogin({ url, token }: StoredContext): Promise<string | undefined> {
  const { createClient } = await import('@tinyfleet/contracts');
  const client = createClient({ baseUrl: url, token, retries: 0 });
  try {
    const own = (await client.call('sessionList')).items.find(({ isCurrent }) => isCurrent);
    if (own === undefined) return undefined;
    await client.call('sessionDelete', { params: { id: own.id } });
    return own.name ?? undefined;
  } catch {
    return undefined;
  }
}
