/** `tinyfleet device connections`: when a device was connected. */
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { duration } from '../output/format.js';
import { Session } from '../session.js';

export function connectionsCommand(): Command {
  return new Command('connections')
    .description('when it was connected, the newest last')
    .argument('<name>')
    .option('--days <n>', 'how far back; connections are kept for 14 days', integer('--days', 1, 14), 7)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device connections demo-007 --days 1')
    .action(async (name: string, { days }: { days: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const found = await client.call('deviceConnections', {
        params: { project: await session.project(), device: name },
        query: { days },
      });
      const { connections, isConnected, outages, to } = found;
      session.out.list(
        connections,
        [
          { header: 'from', value: (c) => c.from },
          { header: 'to', value: (c) => c.to, text: (c) => (isConnected && c.to === to ? 'now' : c.to) },
          {
            header: 'seconds',
            value: (c) => lengthMs(c) / 1_000,
            text: (c) => duration(lengthMs(c)),
          },
        ],
        'No connection is on record in that time.',
      );
      for (const outage of outages)
        session.out.hint(`This server did not run from ${outage.from} to ${outage.to}.`);
    });
}

const lengthMs = ({ from, to }: { from: string; to: string }): number => Date.parse(to) - Date.parse(from);
