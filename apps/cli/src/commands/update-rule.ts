/** `tinyfleet update-rule`: devices that stay on a release, stay as they are, or are in no rollout. */
import { Command } from 'commander';
import type { CallInput } from '@tinyfleet/contracts';
import { duration, releaseRef } from '../arguments.js';
import { ago, state } from '../output/format.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

type Rule = NonNullable<CallInput<'updateRuleSet'>['body']>;

export function updateRuleCommand(): Command {
  const command = new Command('update-rule').description('Pin, hold or exclude single devices');

  command
    .command('list')
    .description('devices with a rule, by name')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet update-rule list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('updateRuleList', { params, query }));
      session.out.list(
        items,
        [
          { header: 'device', value: (r) => r.device },
          { header: 'rule', value: (r) => r.kind, text: (r) => state(r.kind) },
          { header: 'release', value: (r) => r.release },
          { header: 'until', value: (r) => r.until },
          { header: 'reason', value: (r) => r.reason },
          { header: 'by', value: (r) => r.createdBy },
          { header: 'since', value: (r) => r.createdAt, text: (r) => ago(r.createdAt) },
        ],
        'No device has a rule.',
      );
    });

  withReason(command.command('pin'), 'let a device have one release and no other')
    .argument('<name@version>', 'the release')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet update-rule pin press-07 kws@1.0.0 --reason "under test"',
    )
    .action(async (device: string, release: string, { reason }: { reason: string }, self: Command) => {
      releaseRef(release);
      await set(self, device, { kind: 'pin', release, reason });
    });

  withReason(command.command('hold'), 'leave a device as it is')
    .option('--for <time>', 'so long; default: until the rule is removed', duration('--for', 1, 31_536_000))
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet update-rule hold press-07 --for 7d --reason "audit"')
    .action(async (device: string, options: { for?: number; reason: string }, self: Command) => {
      const until =
        options.for === undefined ? null : new Date(Date.now() + 1_000 * options.for).toISOString();
      await set(self, device, { kind: 'hold', until, reason: options.reason });
    });

  withReason(command.command('exclude'), 'leave a device out of every rollout')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet update-rule exclude bench-1 --reason "lab"')
    .action(async (device: string, { reason }: { reason: string }, self: Command) => {
      await set(self, device, { kind: 'exclude', reason });
    });

  command
    .command('remove')
    .description('let rollouts have a device again')
    .argument('<device>', 'its name')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet update-rule remove press-07')
    .action(async (device: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), device };
      await confirm(`Let rollouts of ${params.project} have ${device} again?`, options.yes);
      await client.call('updateRuleRemove', { params });
      session.out.one({ device }, () => `${device} takes part in rollouts again`);
    });

  return command;
}

const withReason = (command: Command, description: string): Command =>
  command
    .description(description)
    .argument('<device>', 'its name')
    .option('--reason <text>', 'why, for others to read', '');

async function set(self: Command, device: string, rule: Rule): Promise<void> {
  const session = Session.of(self);
  const client = await session.client();
  const params = { project: await session.project(), device };
  const made = await client.call('updateRuleSet', { params, body: rule });
  session.out.one(
    made,
    () => `${state(made.kind)}  ${device}${made.release === null ? '' : ` to ${made.release}`}`,
  );
}
