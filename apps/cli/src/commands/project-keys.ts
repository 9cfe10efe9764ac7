/** `tinyfleet project keys`: the keys that sign releases, and changing them without touching a device by hand. */
import { Command } from 'commander';
import pc from 'picocolors';
import { ago, state } from '../output/format.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

export function keysCommand(): Command {
  const command = new Command('keys').description('Keys that sign releases: list, rotate, activate');

  command
    .command('list', { isDefault: true })
    .description('keys of the project and how many devices trust them')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project keys list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('signingKeyList', { params: { project: await session.project() } });
      session.out.list(items, [
        { header: 'key', value: (k) => k.keyId },
        { header: 'state', value: (k) => k.state, text: (k) => state(k.state) },
        { header: 'sequence', value: (k) => k.sequence },
        { header: 'devices', value: (k) => k.devices.current },
        { header: 'may follow on', value: (k) => k.devices.next },
        { header: 'made', value: (k) => k.createdAt, text: (k) => ago(k.createdAt) },
      ]);
      const next = items.find((key) => key.state === 'next');
      if (next)
        session.out.hint(
          `When the devices hold it, sign with it: npx tinyfleet project keys activate ${next.keyId}`,
        );
    });

  command
    .command('rotate')
    .description('make the next key and hand it to every device, signed by the present one')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      `
Nothing is signed with the next key before it is activated. Devices that are away are told when they come back.

Example:
  $ npx tinyfleet project keys rotate`,
    )
    .action(async (options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Make another signing key for ${project}?`, options.yes);
      const key = await client.call('signingKeyRotate', { params: { project } });
      session.out.one(key, () => `${pc.green('made')}  next key ${key.keyId}`);
      session.out.hint('See how far it is: npx tinyfleet project keys list');
    });

  command
    .command('activate')
    .description('sign with the next key from now on, and the signed releases again with it')
    .argument('<key>', 'as `keys list` shows it')
    .option('--force', 'also when devices do not hold it yet: they are offered nothing until they do')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project keys activate 21fe31dfa154a261')
    .action(async (keyId: string, options: { force?: boolean; yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Sign with key ${keyId} from now on, and retire the present one?`, options.yes);
      const key = await client.call('signingKeyActivate', {
        params: { project, keyId },
        body: { force: options.force === true },
      });
      session.out.one(key, () => `${pc.green('active')}  key ${key.keyId}`);
    });

  return command;
}
