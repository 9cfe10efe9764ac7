/** `tinyfleet project`: list, show, create, remove; signing keys are in project-keys.ts. */
import { Command } from 'commander';
import pc from 'picocolors';
import { integer } from '../arguments.js';
import { ago, count, plural } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';
import { keysCommand } from './project-keys.js';
import { settingsCommand } from './project-settings.js';

export function projectCommand(): Command {
  const command = new Command('project').description('Projects: the tenants that own devices and models');

  command
    .command('list')
    .description('projects you may see')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project list')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const items = await all((query) => client.call('projectList', { query }));
      session.out.list(items, [
        { header: 'name', value: (p) => p.name },
        { header: 'title', value: (p) => p.title },
        { header: 'devices', value: (p) => p.deviceCount },
        { header: 'kind', value: (p) => (p.simulated ? 'simulated' : 'real') },
        { header: 'created', value: (p) => p.createdAt, text: (p) => ago(p.createdAt) },
      ]);
    });

  command
    .command('show')
    .description('one project, its fleet and its signing keys')
    .argument('[name]', 'project (default: the chosen one)')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project show demo')
    .action(async (name: string | undefined, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const project = name ?? (await session.project());
      const [info, summary, keys] = await Promise.all([
        client.call('projectGet', { params: { project } }),
        client.call('fleetSummary', { params: { project } }),
        client.call('signingKeyList', { params: { project } }),
      ]);
      session.out.one({ ...info, summary, signingKeys: keys.items }, () =>
        renderFacts([
          ['name', info.name + (info.simulated ? pc.yellow('  simulated') : '')],
          ['title', info.title],
          ['devices', count(summary.devices)],
          ['presence', shares(summary.byPresence)],
          ['releases', shares(summary.byRelease)],
          ['window', `${info.windowSeconds} s`],
          ['labels for', info.pickEvery === 0 ? 'nothing' : `every ${info.pickEvery}. prediction`],
          [
            'last hour',
            `${plural(summary.inferencesLastHour, 'inference')} in ${plural(summary.windowsLastHour, 'window')}`,
          ],
          ...keys.items.map(
            (key) => ['signing key', `${key.keyId} (${key.algorithm}, ${key.state})`] as const,
          ),
        ]),
      );
    });

  command
    .command('create')
    .description('make a project')
    .argument('<name>', 'a-z 0-9 . _ -')
    .option('--title <text>', 'shown beside the name', '')
    .option('--window <seconds>', 'length of a telemetry window', integer('--window', 1, 86_400), 3_600)
    .option(
      '--pick-every <n>',
      'keep every n-th prediction for labelling, 0 = none',
      integer('--pick-every', 0, 65_535),
      50,
    )
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project create pumps --title "Pump hall 3"')
    .action(
      async (name: string, options: { title: string; window: number; pickEvery: number }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const made = await client.call('projectCreate', {
          body: { name, title: options.title, windowSeconds: options.window, pickEvery: options.pickEvery },
        });
        session.out.one(made, () => `${pc.green('made')}  project ${made.name}`);
        session.out.hint(`Choose it with: npx tinyfleet context use ${made.name}`);
      },
    );

  command
    .command('remove')
    .description('remove a project and everything in it')
    .argument('<name>')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet project remove pumps')
    .action(async (name: string, options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      await confirm(`Remove project ${name} with all its devices, models and telemetry?`, options.yes);
      await client.call('projectDelete', { params: { project: name } });
      session.out.one({ removed: name }, () => `${pc.green('removed')}  project ${name}`);
    });

  command.addCommand(settingsCommand());
  command.addCommand(keysCommand());
  return command;
}

function shares(counts: Readonly<Record<string, number | undefined>>): string {
  return Object.entries(counts)
    .filter(([, n]) => n !== undefined && n > 0)
    .map(([name, n]) => `${n} ${name}`)
    .join(', ');
}
