/** `tinyfleet config show`: the server's effective settings. */
import { Command } from 'commander';
import pc from 'picocolors';
import { isRecord } from '../record.js';
import { Session } from '../session.js';

export function configCommand(): Command {
  const command = new Command('config').description("The server's configuration");
  command
    .command('show')
    .description('effective settings, secrets left out')
    .option('--all', 'with a sentence for each')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet config show')
    .action(async (options: { all?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const settings = await client.call('config');
      const rows = Object.entries(settings).map(([name, entry]) => ({
        name,
        value: isRecord(entry) && 'value' in entry ? text(entry['value']) : text(entry),
        variable: isRecord(entry) && typeof entry['env'] === 'string' ? entry['env'] : '',
        description: isRecord(entry) && typeof entry['description'] === 'string' ? entry['description'] : '',
      }));
      if (session.globals.output === 'json') return session.out.line(JSON.stringify(settings, undefined, 2));
      session.out.list(rows, [
        { header: 'setting', value: (r) => r.name },
        { header: 'value', value: (r) => r.value },
        { header: 'environment', value: (r) => r.variable, text: (r) => pc.dim(r.variable) },
        ...(options.all === true
          ? [{ header: 'meaning', value: (r: (typeof rows)[number]) => r.description }]
          : []),
      ]);
    });
  return command;
}

const text = (value: unknown): string =>
  value === null || value === undefined
    ? ''
    : typeof value === 'object'
      ? JSON.stringify(value)
      : String(value);
