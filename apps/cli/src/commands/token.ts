/** `tinyfleet token`: API tokens of one's own, as narrow as their use. */
import type { Resource } from '@tinyfleet/contracts';
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { commaList, integer } from '../arguments.js';
import { ago } from '../output/format.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

export function tokenCommand(): Command {
  const command = new Command('token').description('API tokens for scripts and other machines');

  command
    .command('list')
    .description('your tokens, with what each may do')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet token list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const { items } = await (await session.client()).call('tokenList');
      session.out.list(items, [
        { header: 'name', value: (t) => t.name },
        { header: 'begins', value: (t) => t.prefix },
        { header: 'may', value: scopeText },
        { header: 'expires', value: (t) => t.expiresAt, text: (t) => t.expiresAt ?? 'never' },
        { header: 'used', value: (t) => t.lastUsedAt, text: (t) => ago(t.lastUsedAt) },
      ]);
    });

  command
    .command('create')
    .description('make a token; it is shown once')
    .argument('<name>')
    .option('--only-project <name>', 'the only project it is for')
    .addOption(
      new Option('--role <role>', 'the most it allows; never more than you may')
        .choices(['viewer', 'operator', 'developer', 'admin'])
        .default('admin'),
    )
    .option('--areas <list>', 'the only parts of the API it is for, such as devices,builds', commaList)
    .option('--read-only', 'it may change nothing')
    .option(
      '--days <n>',
      'how long it is good for (default: until it is revoked)',
      integer('--days', 1, 3_650),
    )
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet token create ci --only-project pumps --role developer --areas models,builds,releases --days 90
  $ npx tinyfleet token create grafana --read-only`,
    )
    .action(async (name: string, options: CreateOptions, self: Command) => {
      const session = Session.of(self);
      const made = await (
        await session.client()
      ).call('tokenCreate', {
        body: {
          name,
          project: options.onlyProject ?? null,
          role: options.role,
          areas: options.areas ?? null,
          readOnly: options.readOnly ?? false,
          expiresInDays: options.days ?? null,
        },
      });
      session.out.one(made, () => made.token);
      session.out.hint(`It may: ${scopeText(made)}. It is not shown again.`);
    });

  command
    .command('revoke')
    .description('end a token at once')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet token revoke ci')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      await confirm(`Revoke the token ${name}? What uses it stops working.`, options.yes);
      await client.call('tokenDelete', { params: { name } });
      session.out.one({ revoked: name }, () => `${pc.green('revoked')}  token ${name}`);
    });
  return command;
}

interface CreateOptions {
  onlyProject?: string;
  role: Resource<'Role'>;
  areas?: string[];
  readOnly?: boolean;
  days?: number;
}

/** `developer in pumps: models, builds`. */
function scopeText({ role, project, areas, readOnly }: Omit<Resource<'ApiToken'>, 'name'>): string {
  const where = project === null ? '' : ` in ${project}`;
  const what = areas === null ? '' : `: ${areas.join(', ')}`;
  return `${role}${where}${what}${readOnly ? ', read only' : ''}`;
}
