/** `tinyfleet device log`: registered errors of one device. */
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { ago } from '../output/format.js';
import { Session, all } from '../session.js';

export function logCommand(): Command {
  return new Command('log')
    .description('errors that it reported, and for which its messages were refused, by day, the newest first')
    .argument('<name>')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 25)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device log demo-007')
    .action(async (name: string, { limit }: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), device: name };
      const items = await all((query) => client.call('deviceLog', { params, query }), limit);
      session.out.list(
        items,
        [
          { header: 'day', value: (x) => x.day },
          { header: 'by', value: (x) => x.by },
          { header: 'code', value: (x) => x.code },
          { header: 'number', value: (x) => x.number },
          { header: 'title', value: (x) => x.title },
          { header: 'count', value: (x) => x.count },
          { header: 'last', value: (x) => x.lastAt, text: (x) => ago(x.lastAt) },
          { header: 'rollout', value: (x) => x.deployment?.rollout ?? null },
          { header: 'release', value: (x) => x.deployment?.release ?? null },
        ],
        'It reported no error, and nothing it sent was refused.',
      );
    });
}
