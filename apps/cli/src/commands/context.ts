/** `tinyfleet setup-link`, `login`, `logout` and `context`: which server and project commands talk to. */
import { hostname } from 'node:os';
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { usage } from '../arguments.js';
import { readContext, removeLogin, storedContext, writeContext } from '../context.js';
import { renderFacts } from '../output/output.js';
import { loginFile } from '../paths.js';
import { Session } from '../session.js';
import { askSecret } from './confirm.js';

export function setupLinkCommand(): Command {
  return new Command('setup-link')
    .description('a new one-time link to make the first administrator')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet setup-link')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { path } = await client.call('setupLink');
      const link = new URL(path, session.context.url).href;
      session.out.one({ link }, () => link);
    });
}

export function loginCommand(): Command {
  return new Command('login')
    .description('sign in to a server and keep an API token for it')
    .option('--email <email>', 'sign in with a password, which is asked for (or TINYFLEET_PASSWORD)')
    .addHelpText(
      'after',
      `
Needs --url, and --token or --email. The token is kept in a file that only you can read.

Examples:
  $ npx tinyfleet login --url https://fleet.example.com --email me@example.com
  $ npx tinyfleet login --url https://fleet.example.com --token "$TOKEN"`,
    )
    .action(async (options: { email?: string }, self: Command) => {
      const session = Session.of(self);
      const url = (session.globals.url ?? process.env['TINYFLEET_URL'])?.replace(/\/+$/, '');
      if (url === undefined) usage('Name the server with --url https://...');
      const token =
        session.globals.token ??
        (options.email === undefined
          ? await askSecret('API token: ')
          : await tokenByPassword(url, options.email));
      const { createClient } = await import('@tinyfleet/contracts');
      const me = await createClient({ baseUrl: url, token }).call('me');
      const only = me.projects.length === 1 ? me.projects[0]?.name : undefined;
      const project = session.globals.project ?? only;
      writeContext(loginFile(), { url, token, ...(project === undefined ? {} : { project }) });
      session.out.one(
        { url, email: me.email, project: project ?? null },
        () =>
          `${pc.green('signed in')}  ${me.email} at ${url}${project === undefined ? '' : `, project ${project}`}`,
      );
    });
}

/** Signs in as the dashboard does and makes a token of its own. */
async function tokenByPassword(url: string, email: string): Promise<string> {
  const password = process.env['TINYFLEET_PASSWORD'] ?? (await askSecret(`Password of ${email}: `));
  const { ApiError, createClient } = await import('@tinyfleet/contracts');
  const anonymous = createClient({ baseUrl: url });
  let cookie = '';
  const capture: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    cookie = response.headers
      .getSetCookie()
      .map((c) => c.split(';')[0])
      .join('; ');
    return response;
  };
  await createClient({ baseUrl: url, fetch: capture }).call('login', { body: { email, password } });
  const headers = { cookie, origin: new URL(url).origin };
  for (let attempt = 0; ; attempt++) {
    const name = `cli-${hostname().toLowerCase()}${attempt === 0 ? '' : `-${attempt + 1}`}`.slice(0, 63);
    try {
      return (await anonymous.call('tokenCreate', { body: { name }, headers })).token;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409 || attempt >= 20) throw error;
    }
  }
}

export function logoutCommand(): Command {
  return new Command('logout')
    .description('forget the login; commands talk to the local server again')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet logout')
    .action((_options, self: Command) => {
      const session = Session.of(self);
      removeLogin();
      session.out.line('The login is forgotten. Revoke its token in the dashboard if it may have leaked.');
    });
}

export function contextCommand(): Command {
  const command = new Command('context').description('Which server and project commands talk to');
  command
    .command('show', { isDefault: true })
    .description('server, project and where they come from')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet context')
    .action((_options, self: Command) => {
      const session = Session.of(self);
      const { url, project, source } = session.context;
      session.out.one({ url, project: project ?? null, source }, () =>
        renderFacts([
          ['server', url],
          ['project', project ?? 'the only one, or --project'],
          ['from', source],
        ]),
      );
    });
  command
    .command('use')
    .description('choose the project')
    .argument('<project>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet context use demo')
    .action(async (project: string, _options, self: Command) => {
      const session = Session.of(self);
      const stored = storedContext(session.globals.dataDir);
      if (stored === undefined) throw new FleetError('cli.no-context');
      const client = await session.client();
      await client.call('projectGet', { params: { project } });
      writeContext(stored.file, { ...(readContext(stored.file) ?? stored.context), project });
      session.out.one({ project }, () => `${pc.green('chosen')}  project ${project}`);
    });
  return command;
}
