/** `tinyfleet demo`: scenarios to watch, and the simulated project that a first start makes. */
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { dataDir } from '../../paths.js';
import { Session } from '../../session.js';
import { confirm } from '../confirm.js';
import { DEMO_PROJECT, createDemo, forgetDemo, markRemoved } from '../up/demo.js';
import { badRelease } from './bad-release.js';
import { drift } from './drift.js';
import { rollback } from './rollback.js';
import { projectNameOf, Stage } from './stage.js';

const scenarios = [badRelease, drift, rollback];

export function demoCommand(): Command {
  const command = new Command('demo').description('Scenarios to watch, and the simulated demo project');
  for (const scenario of scenarios)
    command
      .command(scenario.name)
      .description(`play ${scenario.description} (under two minutes)`)
      .addHelpText('after', `\nExample:\n  $ npx tinyfleet demo ${scenario.name}`)
      .action(async (_options, self: Command) => {
        const session = Session.of(self);
        await new Stage(session, await session.client(), scenario).run();
      });
  command
    .command('remove')
    .description('remove the demo project, which is not made again, and those of scenarios')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet demo remove')
    .action(async (options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('projectList', { query: { limit: 500 } });
      const names = [DEMO_PROJECT, ...scenarios.map(({ name }) => projectNameOf(name))];
      const demos = items.filter(({ name }) => names.includes(name));
      if (demos.length === 0) throw new FleetError('cli.demo-missing');
      const real = demos.find(({ simulated }) => !simulated);
      if (real !== undefined)
        throw new FleetError('cli.usage', {
          reason: `Project ${real.name} is not simulated, so it is not the demo.`,
        });
      const removed = demos.map(({ name }) => name);
      await confirm(`Remove ${removed.join(', ')} with the simulated devices?`, options.yes);
      for (const project of removed) await client.call('projectDelete', { params: { project } });
      if (removed.includes(DEMO_PROJECT)) markRemoved(dataDir(session.globals.dataDir));
      session.out.one({ removed }, () => `${pc.green('removed')}  ${removed.join(', ')}`);
      session.out.hint('Next: npx tinyfleet project create NAME');
    });
  command
    .command('create')
    .description('make the demo project again; its devices run at the next npm start')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet demo create')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const directory = dataDir(session.globals.dataDir);
      forgetDemo(directory);
      const { url, token } = session.context;
      await createDemo({ directory, url, token, mqttPort: await session.mqttPort() }, (text) =>
        session.out.hint(text),
      );
      session.out.one({ project: DEMO_PROJECT }, () => `${pc.green('made')}  project ${DEMO_PROJECT}`);
      session.out.hint(
        'A running TinyFleet starts its devices within some seconds; otherwise npm start does.',
      );
    });
  return command;
}
