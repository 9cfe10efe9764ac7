/** `tinyfleet device attributes`: who changed what people want a device to be. */
import type { CallOutput } from '@tinyfleet/contracts';
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { ago } from '../output/format.js';
import { Session, all } from '../session.js';

type Change = CallOutput<'deviceAttributeChanges'>['items'][number];
type Value = Change['changes'][number]['after'];

export function attributesCommand(): Command {
  return new Command('attributes')
    .description('who changed its desired attributes, and when; newest first')
    .argument('<name>')
    .option('--limit <n>', 'at most so many changes', integer('--limit', 1, 10_000), 100)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device attributes pump-17')
    .action(async (name: string, { limit }: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project(), device: name };
      const items = await all((query) => client.call('deviceAttributeChanges', { params, query }), limit);
      session.out.list(
        items.flatMap(({ at, by, changes }) => changes.map((change) => ({ at, by, ...change }))),
        [
          { header: 'at', value: (c) => c.at, text: (c) => ago(c.at) },
          { header: 'by', value: (c) => c.by },
          { header: 'attribute', value: (c) => c.attribute },
          { header: 'before', value: (c) => c.before, text: (c) => textOf(c.before) },
          { header: 'after', value: (c) => c.after, text: (c) => textOf(c.after) },
        ],
        'Nobody changed them one by one. Changes of more than ten devices at once are in the audit log: npx tinyfleet audit list',
      );
    });
}

const textOf = (value: Value): string => (value === null ? '-' : JSON.stringify(value));
