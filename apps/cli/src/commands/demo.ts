/** `tinyfleet demo`: the simulated project that a first start makes. */
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { dataDir } from '../paths.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';
import { DEMO_PROJECT, createDemo, forgetDemo, markRemoved } from './up/demo.js';

export function demoCommand(): Command {
  const command = new Command('demo').description('The simulated demo project');
  command
    .command('remove')
    .description('remove the demo project; it is not made again')
    .option('--yes', 'do not ask')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet demo remove')
    .action(async (options: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('projectList', { query: { limit: 500 } });
      const demo = items.find((p) => p.name === DEMO_PROJECT);
      if (demo === undefined) throw new FleetError('cli.demo-missing');
      if (!demo.simulated)
        throw new FleetError('cli.usage', {
          reason: `Project ${DEMO_PROJECT} is not simulated, so it is not the demo.`,
        });
      await confirm(`Remove the project ${DEMO_PROJECT} with its simulated devices?`, options.yes);
      await client.call('projectDelete', { params: { project: DEMO_PROJECT } });
      markRemoved(dataDir(session.globals.dataDir));
      session.out.one({ removed: DEMO_PROJECT }, () => `${pc.green('removed')}  the demo`);
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
