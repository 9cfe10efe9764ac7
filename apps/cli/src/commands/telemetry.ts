/** `tinyfleet telemetry`: what was refused, what never came, how long all of it is kept. */
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { ago } from '../output/format.js';
import { Session, all } from '../session.js';
import { backfillCommand, exportCommand } from './telemetry-backfill.js';
import { retentionCommand } from './telemetry-retention.js';

/** Bytes of a sample that fit a line. */
const shownHex = 48;

export function telemetryCommand(): Command {
  const command = new Command('telemetry').description(
    'Telemetry of a project: what was refused, what never came, how long it is kept',
  );

  command
    .command('refusals')
    .description('messages that were refused, with the first bytes of the last one')
    .option('--device <name>', 'of one device')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 100)
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet telemetry refusals
  $ npx tinyfleet telemetry refusals --device press-07 --output json`,
    )
    .action(async (options: { device?: string; limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const of = options.device === undefined ? {} : { device: options.device };
      const items = await all(
        (query) => client.call('telemetryRefusalList', { params, query: { ...query, ...of } }),
        options.limit,
      );
      session.out.list(items, [
        { header: 'day', value: (x) => x.day },
        { header: 'device', value: (x) => x.device },
        { header: 'code', value: (x) => x.code },
        { header: 'count', value: (x) => x.count },
        { header: 'last', value: (x) => x.lastAt, text: (x) => ago(x.lastAt) },
        {
          header: 'sample',
          value: (x) => x.sample,
          text: (x) => (x.sample.length > shownHex ? `${x.sample.slice(0, shownHex)}…` : x.sample),
        },
      ]);
    });

  command
    .command('gaps')
    .description('devices of whose present boot messages never came')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 100)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet telemetry gaps')
    .action(async (options: { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('telemetryGapList', { params, query }), options.limit);
      session.out.list(items, [
        { header: 'device', value: (x) => x.device },
        { header: 'missing', value: (x) => x.missing },
        { header: 'of', value: (x) => x.lastSequence + 1 },
        { header: 'boot', value: (x) => x.bootId },
        { header: 'hello', value: (x) => x.helloAt, text: (x) => ago(x.helloAt) },
      ]);
    });

  for (const child of [exportCommand(), backfillCommand(), retentionCommand()]) command.addCommand(child);
  return command;
}
