/** `tinyfleet provisioning-key`: secrets by which units of a fleet register themselves. */
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { commaList, duration, integer } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

interface CreateOptions {
  readonly type: string[];
  readonly nameTemplate: string;
  readonly tags: string[];
  readonly site?: string;
  readonly quota: number;
  readonly approval: boolean;
  readonly maxPending: number;
  readonly again: 'never' | 'until-connected' | 'always';
  readonly expires: number;
}

export function provisioningKeyCommand(): Command {
  const command = new Command('provisioning-key').description('Keys by which devices register themselves');

  command
    .command('create')
    .description('make a key; it is shown once')
    .argument('<name>')
    .requiredOption('--type <list>', 'device types it is for, comma separated', commaList)
    .option(
      '--name-template <text>',
      'of {name} {type} {number} {random}; {name} is what the device proposes',
      '{name}',
    )
    .option('--tags <list>', 'comma separated', commaList, [])
    .option('--site <name>', 'where its devices stand')
    .option('--quota <n>', 'devices it may make', integer('--quota', 1, 1_000_000), 1_000)
    .option('--no-approval', 'let devices in without asking a person')
    .option(
      '--max-pending <n>',
      'devices that may wait at a time',
      integer('--max-pending', 1, 100_000),
      1_000,
    )
    .addOption(
      new Option('--again <when>', 'whether a device that asks once more is answered')
        .choices(['never', 'until-connected', 'always'])
        .default('until-connected'),
    )
    .option(
      '--expires <time>',
      'such as 30d; 0: it does not end',
      duration('--expires', 0, 3_650 * 86_400),
      90 * 86_400,
    )
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet provisioning-key create line-1 --type nrf52840-dk --quota 500 --tags line-1',
    )
    .action(async (name: string, options: CreateOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const made = await client.call('provisioningKeyCreate', {
        params: { project: await session.project() },
        body: {
          name,
          types: options.type,
          nameTemplate: options.nameTemplate,
          tags: options.tags,
          site: options.site ?? null,
          quota: options.quota,
          needsApproval: options.approval,
          maxPending: options.maxPending,
          again: options.again,
          expiresInSeconds: options.expires === 0 ? null : options.expires,
        },
      });
      session.out.one(made, () =>
        renderFacts([
          ['provisioning key', made.name],
          ['secret', pc.bold(made.key)],
          ['devices', made.quota],
          ['approval', made.needsApproval ? 'by a person' : 'none'],
          ['ends', made.expiresAt],
        ]),
      );
      session.out.hint('Keep the secret: it is stored as a hash and cannot be shown again.');
    });

  command
    .command('list')
    .description('keys and how many devices they made')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet provisioning-key list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('provisioningKeyList', {
        params: { project: await session.project() },
      });
      session.out.list(
        items,
        [
          { header: 'name', value: (k) => k.name },
          { header: 'state', value: (k) => k.state, text: (k) => state(k.state) },
          { header: 'types', value: (k) => k.types.join(' ') },
          { header: 'used', value: (k) => k.used },
          { header: 'quota', value: (k) => k.quota },
          { header: 'approval', value: (k) => (k.needsApproval ? 'by a person' : 'none') },
          { header: 'ends', value: (k) => k.expiresAt },
          { header: 'last use', value: (k) => k.lastUsedAt, text: (k) => ago(k.lastUsedAt) },
        ],
        'None yet. npx tinyfleet provisioning-key create NAME --type TYPE',
      );
    });

  command
    .command('revoke')
    .description('end a key; devices it made stay')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet provisioning-key revoke line-1')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Revoke provisioning key ${name} of ${project}?`, options.yes);
      await client.call('provisioningKeyRevoke', { params: { project, key: name } });
      session.out.one({ revoked: name }, () => `${pc.green('revoked')}  provisioning key ${name}`);
    });

  return command;
}
