/** `tinyfleet setup-link` and `context`: which server and project commands talk to. */
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { readContext, storedContext, writeContext } from '../context.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';

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

export function contextCommand(): Command {
  const command = new Command('context').description('Which server and project commands talk to');
  command
    .command('show', { isDefault: true })
    .description('server, project and where they come from')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet context show')
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
