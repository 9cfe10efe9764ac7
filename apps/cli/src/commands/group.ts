/** `tinyfleet group`: saved filters and lists of members. */
import { Command } from 'commander';
import pc from 'picocolors';
import { integer, usage } from '../arguments.js';
import { ago, count, plural, state } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

export function groupCommand(): Command {
  const command = new Command('group').description('Groups of devices: create, list, show, members');

  command
    .command('create')
    .description('make a group: of all that match a filter, or static with members by name')
    .argument('<name>', 'a-z 0-9 . _ -')
    .option('--filter <expression>', 'members come and go with it')
    .option('--static', 'members by name')
    .option('--notes <text>', 'what it is for', '')
    .addHelpText(
      'after',
      `\nExamples:\n  $ npx tinyfleet group create hall-2 --filter 'site = "hall-2"'\n  $ npx tinyfleet group create pilot --static`,
    )
    .action(
      async (name: string, options: { filter?: string; static?: boolean; notes: string }, self: Command) => {
        if ((options.filter === undefined) === (options.static === undefined))
          usage('Give --filter for a dynamic group, or --static.');
        const session = Session.of(self);
        const client = await session.client();
        const group = await client.call('groupCreate', {
          params: { project: await session.project() },
          body: { name, filter: options.filter ?? null, notes: options.notes },
        });
        session.out.one(
          group,
          () => `${pc.green('made')}  group ${name}, ${plural(group.count ?? 0, 'device')}`,
        );
      },
    );

  command
    .command('list')
    .description('groups by name')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet group list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      session.out.list(
        await all((query) => client.call('groupList', { params, query })),
        [
          { header: 'name', value: (group) => group.name },
          { header: 'kind', value: (group) => group.kind },
          { header: 'devices', value: (group) => group.count },
          {
            header: 'counted',
            value: (group) => group.countedAt,
            text: (group) => (group.kind === 'static' ? 'now' : ago(group.countedAt)),
          },
          { header: 'filter', value: (group) => group.filter },
        ],
        `No groups yet. npx tinyfleet group create pilot --filter 'tag = pilot'`,
      );
    });

  command
    .command('show')
    .description('one group')
    .argument('<name>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet group show pilot')
    .action(async (name: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const group = await client.call('groupGet', {
        params: { project: await session.project(), group: name },
      });
      session.out.one(group, () =>
        renderFacts([
          ['group', group.name],
          ['kind', group.kind],
          ['filter', group.filter],
          ['devices', count(group.count ?? 0)],
          ['counted', group.kind === 'static' ? 'now' : ago(group.countedAt)],
          ['notes', group.notes],
          ['made', `${ago(group.createdAt)} by ${group.createdBy}`],
        ]),
      );
    });

  command
    .command('update')
    .description('change the filter or the notes')
    .argument('<name>')
    .option('--filter <expression>', 'of a dynamic group')
    .option('--notes <text>', 'what it is for')
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet group update hall-2 --filter 'site = "hall-2*"'`)
    .action(async (name: string, options: { filter?: string; notes?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const group = await client.call('groupUpdate', {
        params: { project: await session.project(), group: name },
        body: {
          ...(options.filter === undefined ? {} : { filter: options.filter }),
          ...(options.notes === undefined ? {} : { notes: options.notes }),
        },
      });
      session.out.one(
        group,
        () => `${pc.green('changed')}  group ${name}, ${plural(group.count ?? 0, 'device')}`,
      );
    });

  command
    .command('members')
    .description('its devices, by name')
    .argument('<name>')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 1_000)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet group members pilot')
    .action(async (name: string, options: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), group: name };
      session.out.list(
        await all((query) => client.call('groupMembers', { params, query }), options.limit),
        [
          { header: 'name', value: (d) => d.name },
          { header: 'type', value: (d) => d.type },
          { header: 'state', value: (d) => d.state, text: (d) => state(d.state) },
          { header: 'presence', value: (d) => d.presence, text: (d) => state(d.presence) },
          { header: 'release', value: (d) => d.activeRelease },
        ],
        'No device is in it.',
      );
    });

  for (const verb of ['add', 'remove'] as const) command.addCommand(membersCommand(verb));

  command
    .command('delete')
    .description('remove a group; its devices stay')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet group delete pilot --yes')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = await session.project();
      await confirm(`Delete group ${name} of ${project}?`, options.yes);
      await client.call('groupDelete', { params: { project, group: name } });
      session.out.one({ deleted: name }, () => `${pc.green('deleted')}  group ${name}`);
    });

  return command;
}

function membersCommand(verb: 'add' | 'remove'): Command {
  const [about, route] =
    verb === 'add'
      ? (['put devices into a static group', 'groupMembersAdd'] as const)
      : (['take devices out of a static group', 'groupMembersRemove'] as const);
  return new Command(verb)
    .description(about)
    .argument('<group>')
    .argument('[devices...]', 'names; without them --filter')
    .option('--filter <expression>', 'all that match now')
    .option('--yes', 'do not ask')
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet group ${verb} pilot pump-17 pump-18`)
    .action(
      async (
        group: string,
        names: string[],
        { filter, yes }: { filter?: string; yes?: boolean },
        self: Command,
      ) => {
        if ((names.length === 0) === (filter === undefined)) usage('Name devices, or give --filter.');
        const session = Session.of(self);
        const client = await session.client();
        const project = await session.project();
        if (filter !== undefined) {
          const change = verb === 'add' ? { addToGroup: group } : { removeFromGroup: group };
          const counted = await client.call('deviceBulkAction', {
            params: { project },
            body: { filter, change, dryRun: true },
          });
          await confirm(
            verb === 'add'
              ? `Put ${plural(counted.matched, 'device')} into ${group}?`
              : `Take ${plural(counted.matched, 'device')} out of ${group}?`,
            yes,
          );
        }
        const done = await client.call(route, {
          params: { project, group },
          body: filter === undefined ? { devices: names } : { filter },
        });
        session.out.one(
          done,
          () =>
            `${pc.green(verb === 'add' ? 'added' : 'removed')}  ${plural(done.changed, 'device')}; ${group} has ${count(done.count)}`,
        );
      },
    );
}
