/** `tinyfleet session`: where one is signed in, in browsers and on command lines, and ending that. */
import { Command } from 'commander';
import type { Resource } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { usage } from '../arguments.js';
import { ago, plural } from '../output/format.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

export function sessionCommand(): Command {
  const command = new Command('session').description('Where you are signed in: browsers and command lines');

  command
    .command('list')
    .description('your sessions, newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet session list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const { items } = await (await session.client()).call('sessionList');
      session.out.list(items, [
        { header: 'id', value: (s) => s.id },
        {
          header: 'kind',
          value: (s) => s.kind,
          text: (s) => (s.isCurrent ? pc.green(`${s.kind} *`) : s.kind),
        },
        { header: 'by', value: (s) => s.via },
        { header: 'from', value: (s) => s.address },
        { header: 'with', value: nameOf },
        { header: 'used', value: (s) => s.lastUsedAt, text: (s) => ago(s.lastUsedAt) },
        { header: 'expires', value: (s) => s.expiresAt },
      ]);
      if (items.some(({ isCurrent }) => isCurrent)) session.out.hint('* this one');
    });

  command
    .command('revoke')
    .description('end a session at once, or all others')
    .argument('[id]', 'of `session list`, or the name of a command line there')
    .option('--others', 'all but the one that asks')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet session revoke cli-laptop-3fa9c1
  $ npx tinyfleet session revoke --others --yes`,
    )
    .action(async (id: string | undefined, options: { others?: boolean; yes?: boolean }, self: Command) => {
      if ((id === undefined) === (options.others !== true)) usage('Name a session, or --others.');
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('sessionList');
      if (id === undefined) {
        const others = items.filter(({ isCurrent }) => !isCurrent).length;
        await confirm(`End ${plural(others, 'other session')}?`, options.yes);
        await client.call('sessionDeleteOthers');
        session.out.one({ revoked: others }, () => `${pc.green('ended')}  ${plural(others, 'session')}`);
        return;
      }
      const found = items.find((item) => item.id === id || item.name === id);
      await confirm(`End the session ${found === undefined ? id : nameOf(found)}?`, options.yes);
      await client.call('sessionDelete', { params: { id: found?.id ?? id } });
      session.out.one({ revoked: id }, () => `${pc.green('ended')}  session ${id}`);
    });
  return command;
}

/** A command line's name, or what the browser says it is. */
const nameOf = ({ name, userAgent }: Resource<'LoginSession'>): string => name ?? userAgent ?? '';
