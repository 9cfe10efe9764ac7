/** `tinyfleet quality compare`: two sets of devices beside each other. */
import type { CallOutput } from '@tinyfleet/contracts';
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { count, percent } from '../output/format.js';
import { renderTable } from '../output/output.js';
import { Session } from '../session.js';

type Comparison = CallOutput<'cohortCompare'>;

interface Options {
  readonly filter?: string;
  readonly against?: string;
  readonly againstRelease?: string;
  readonly days: number;
}

export function compareCommand(): Command {
  return new Command('compare')
    .description('two sets of devices, two versions or both beside each other')
    .argument('<name@version>')
    .option('--filter <expression>', 'devices of the first set; default: all')
    .option('--against <expression>', 'devices of the second set; default: all')
    .option('--against-release <name@version>', 'of the second set; default: the same')
    .option('--days <n>', 'how far back, in whole days', integer('--days', 1, 90), 7)
    .addHelpText(
      'after',
      `\nExamples:\n  $ npx tinyfleet quality compare vibration@1.1.0 --filter 'site = "hall-2"' --against 'not site = "hall-2"'` +
        '\n  $ npx tinyfleet quality compare vibration@1.2.0 --against-release vibration@1.1.0 --days 3',
    )
    .action(async (release: string, options: Options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { filter, against, againstRelease, days } = options;
      const found = await client.call('cohortCompare', {
        params: { project: await session.project() },
        query: {
          ...{ release, days },
          ...(filter !== undefined && { filter }),
          ...(against !== undefined && { againstFilter: against }),
          ...(againstRelease !== undefined && { againstRelease }),
        },
      });
      session.out.one(found, () => textOf(found));
      session.out.hint('Intervals are of 90 %. Devices are those that match now.');
    });
}

function textOf({ words, cohorts, features }: Comparison): string {
  const sets = renderTable(cohorts, [
    { header: 'set', value: (c) => (c === cohorts[0] ? 'first' : 'second') },
    { header: 'devices that', value: (c) => c.filter || 'all' },
    { header: 'version', value: (c) => c.release },
    { header: 'devices', value: (c) => c.devices },
    { header: 'predictions', value: (c) => c.n, text: (c) => count(c.n) },
    { header: 'accuracy', value: (c) => c.value, text: (c) => share(c.value) },
    { header: 'low', value: (c) => c.low, text: (c) => share(c.low) },
    { header: 'high', value: (c) => c.high, text: (c) => share(c.high) },
    { header: 'labels', value: (c) => c.labelled?.n ?? 0 },
    {
      header: 'by labels',
      value: (c) => c.labelled?.value,
      text: ({ labelled }) =>
        labelled === null
          ? '-'
          : `${share(labelled.value)} (${share(labelled.low)} to ${share(labelled.high)})`,
    },
  ]);
  if (features.length === 0) return [words.join('\n'), sets].join('\n\n');
  const apart = renderTable(
    [...features].sort((a, b) => b.distance - a.distance),
    [
      { header: 'feature', value: (f) => f.feature },
      { header: 'in other bins', value: (f) => f.share, text: (f) => percent(f.share) },
      { header: 'distance', value: (f) => f.distance, text: (f) => f.distance.toFixed(2) },
      { header: 'beyond chance', value: (f) => f.isFar, text: (f) => (f.isFar ? 'far' : '-') },
    ],
  );
  return [words.join('\n'), sets, apart].join('\n\n');
}

const share = (value: number | null): string => (value === null ? '-' : percent(value, 1));
