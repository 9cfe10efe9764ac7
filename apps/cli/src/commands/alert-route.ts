/** `tinyfleet alert route`: where alerts go. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { commaList, usage } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type Severity = CallOutput<'alertGet'>['severity'];
interface AddOptions {
  readonly webhook?: string;
  readonly slack?: string;
  readonly email?: string[];
  readonly server?: string;
  readonly from?: string;
  readonly minSeverity: Severity;
}

export function alertRouteCommand(): Command {
  const command = new Command('route').description('Where alerts go: webhooks, Slack, e-mail');

  command
    .command('add')
    .description('send alerts somewhere')
    .argument('<name>')
    .option('--webhook <url>', 'https address that takes a signed POST; its secret is shown once')
    .option('--slack <url>', 'incoming webhook of Slack or what understands the same')
    .option('--email <list>', 'addresses, comma separated; needs --server and --from', commaList)
    .option('--server <url>', 'smtps://user:password@host:465')
    .option('--from <address>', 'who writes')
    .option('--min-severity <severity>', 'warning or critical', 'warning')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet alert route add ops --slack https://hooks.slack.com/services/T0/B0/x',
    )
    .action(async (name: string, options: AddOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const made = await client.call('alertRouteCreate', { params, body: bodyOf(name, options) });
      const { route, secret } = made;
      session.out.one(made, () =>
        renderFacts([
          ['route', route.name],
          ['kind', route.kind],
          ['to', route.target],
          ['secret', secret === null ? null : pc.bold(secret)],
        ]),
      );
      session.out.hint(`Try it: npx tinyfleet alert route test ${name}`);
    });

  command
    .command('list')
    .description('routes by name')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert route list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('alertRouteList', { params, query }));
      session.out.list(
        items,
        [
          { header: 'name', value: (r) => r.name },
          { header: 'kind', value: (r) => r.kind },
          { header: 'to', value: (r) => r.target },
          { header: 'from severity', value: (r) => r.minSeverity },
          { header: 'last error', value: (r) => r.lastError },
          { header: 'made', value: (r) => r.createdAt, text: (r) => ago(r.createdAt) },
        ],
        'Alerts go nowhere. npx tinyfleet alert route add NAME --slack URL',
      );
    });

  command
    .command('test')
    .description('send something now, and say what came of it')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert route test ops')
    .action(async (route: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), route };
      const delivery = await client.call('alertRouteTest', { params });
      session.out.one(delivery, () => [state(delivery.state), delivery.error].filter(Boolean).join('  '));
    });

  command
    .command('delete')
    .description('remove it; what waits for it is not sent')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet alert route delete ops --yes')
    .action(async (route: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Remove alert route ${route} from ${project}?`, options.yes);
      await client.call('alertRouteDelete', { params: { project, route } });
      session.out.one({ removed: route }, () => `${pc.green('removed')}  alert route ${route}`);
    });

  return command;
}

function bodyOf(name: string, { webhook, slack, email, server, from, minSeverity }: AddOptions) {
  const given = [webhook, slack, email].filter((one) => one !== undefined);
  if (given.length !== 1) usage('Name one of --webhook, --slack and --email.');
  if (webhook !== undefined) return { kind: 'webhook' as const, name, url: webhook, minSeverity };
  if (slack !== undefined) return { kind: 'slack' as const, name, url: slack, minSeverity };
  if (server === undefined || from === undefined) usage('--email needs --server and --from.');
  return { kind: 'email' as const, name, server, from, to: email ?? [], minSeverity };
}
