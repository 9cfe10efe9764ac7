/** `tinyfleet webhook`: who is told of events, what came of it, and telling again. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { commaList, integer, usage } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type Webhook = CallOutput<'webhookGet'>;

export function webhookCommand(): Command {
  const command = new Command('webhook').description('Tell other systems of events');

  command
    .command('create')
    .description('make a webhook; its secret is shown once')
    .argument('<name>')
    .requiredOption('--to <url>', 'https address that takes a POST')
    .requiredOption('--events <list>', 'such as device.registered,rollout.changed', commaList)
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet webhook create ops --to https://ops.example/hook --events rollout.changed',
    )
    .action(async (name: string, options: { to: string; events: string[] }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const made = await client.call('webhookCreate', {
        params,
        body: { name, url: options.to, events: options.events },
      });
      session.out.one(
        made,
        () => `${facts(made.webhook)}\n${renderFacts([['secret', pc.bold(made.secret)]])}`,
      );
      session.out.hint('Keep the secret: receivers check signatures with it, and it cannot be shown again.');
    });

  command
    .command('list')
    .description('webhooks of the project')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('webhookList', { params, query }));
      session.out.list(
        items,
        [
          { header: 'name', value: (w) => w.name },
          { header: 'state', value: stateOf, text: (w) => state(stateOf(w)) },
          { header: 'url', value: (w) => w.url },
          { header: 'events', value: (w) => w.events.join(' ') },
        ],
        'No webhooks yet. npx tinyfleet webhook create NAME --to URL --events device.registered',
      );
    });

  command
    .command('show')
    .description('one webhook')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook show ops')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const webhook = await client.call('webhookGet', {
        params: { project: await session.project(), webhook: name },
      });
      session.out.one(webhook, () => facts(webhook));
    });

  command
    .command('update')
    .description('change its address or events, stop it or let it go on')
    .argument('<name>')
    .option('--to <url>', 'instead of the one it has')
    .option('--events <list>', 'instead of those it has', commaList)
    .option('--enable', 'let it go on where it stopped')
    .option('--disable', 'deliver nothing until it is enabled')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook update ops --enable')
    .action(
      async (
        name: string,
        options: { to?: string; events?: string[]; enable?: boolean; disable?: boolean },
        self: Command,
      ) => {
        if (options.enable && options.disable) usage('--enable or --disable, not both.');
        const session = Session.of(self);
        const client = await session.client();
        const webhook = await client.call('webhookUpdate', {
          params: { project: await session.project(), webhook: name },
          body: {
            ...(options.to === undefined ? {} : { url: options.to }),
            ...(options.events === undefined ? {} : { events: options.events }),
            ...(options.enable ? { enabled: true } : options.disable ? { enabled: false } : {}),
          },
        });
        session.out.one(webhook, () => facts(webhook));
      },
    );

  command
    .command('secret')
    .description('a new secret, shown once; the one before signs too for a while')
    .argument('<name>')
    .option('--overlap <seconds>', 'how long both are used', integer('--overlap', 0, 604_800), 86_400)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook secret ops')
    .action(async (name: string, { overlap }: { overlap: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const made = await client.call('webhookSecret', {
        params: { project: await session.project(), webhook: name },
        body: { overlapSeconds: overlap },
      });
      session.out.one(made, () => renderFacts([['secret', pc.bold(made.secret)]]));
    });

  command
    .command('deliveries')
    .description('what was delivered and what came of it, newest first')
    .argument('<name>')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 100)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook deliveries ops')
    .action(async (name: string, { limit }: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), webhook: name };
      const items = await all((query) => client.call('webhookDeliveries', { params, query }), limit);
      session.out.list(items, [
        { header: 'id', value: (d) => d.id },
        { header: 'event', value: (d) => d.type },
        { header: 'number', value: (d) => d.number },
        { header: 'state', value: (d) => d.state, text: (d) => state(d.state) },
        { header: 'attempts', value: (d) => d.attempts },
        { header: 'status', value: (d) => d.status },
        { header: 'ms', value: (d) => d.latencyMs },
        { header: 'error', value: (d) => d.error },
        { header: 'last attempt', value: (d) => d.lastAttemptAt, text: (d) => ago(d.lastAttemptAt) },
      ]);
    });

  command
    .command('replay')
    .description('deliver one again, or the events of a range of numbers; their ids stay')
    .argument('<name>')
    .option('--id <delivery>', 'of `webhook deliveries`')
    .option('--from <number>', 'first event', integer('--from', 1, Number.MAX_SAFE_INTEGER))
    .option('--to <number>', 'last event', integer('--to', 1, Number.MAX_SAFE_INTEGER))
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook replay ops --from 120 --to 180')
    .action(async (name: string, options: { id?: string; from?: number; to?: number }, self: Command) => {
      const { id, from, to } = options;
      const session = Session.of(self);
      const client = await session.client();
      const body =
        id !== undefined
          ? { id }
          : from !== undefined && to !== undefined
            ? { from, to }
            : usage('Name --id, or --from and --to.');
      const done = await client.call('webhookReplay', {
        params: { project: await session.project(), webhook: name },
        body,
      });
      session.out.one(done, () => `${done.count} to be delivered`);
    });

  command
    .command('test')
    .description('deliver a webhook.ping')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook test ops')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), webhook: name };
      const delivery = await client.call('webhookTest', { params });
      session.out.one(delivery, () => `${state(delivery.state)}  ${delivery.id}`);
      session.out.hint(`Look at it: npx tinyfleet webhook deliveries ${name}`);
    });

  command
    .command('delete')
    .description('remove a webhook and its deliveries')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet webhook delete ops --yes')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Remove webhook ${name} from ${project}?`, options.yes);
      await client.call('webhookDelete', { params: { project, webhook: name } });
      session.out.one({ removed: name }, () => `${pc.green('removed')}  webhook ${name}`);
    });

  return command;
}

const stateOf = (webhook: Webhook): string =>
  !webhook.enabled ? 'disabled' : webhook.failingSince === null ? 'ok' : 'failing';

const facts = (webhook: Webhook): string =>
  renderFacts([
    ['webhook', webhook.name],
    ['state', state(stateOf(webhook))],
    ['reason', webhook.disabledReason],
    ['url', webhook.url],
    ['events', webhook.events.join(' ')],
    ['failing since', webhook.failingSince === null ? null : ago(webhook.failingSince)],
    ['made', `${ago(webhook.createdAt)} by ${webhook.createdBy}`],
  ]);
