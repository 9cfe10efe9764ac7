/** `tinyfleet quality`: how good models are in the field, with labels and without, in words that say how sure that is. */
import { Command } from 'commander';
import type { CallOutput } from '@tinyfleet/contracts';
import pc from 'picocolors';
import { integer } from '../arguments.js';
import { bar, count, percent, plural } from '../output/format.js';
import { renderFacts, renderTable, type Column } from '../output/output.js';
import { Session } from '../session.js';
import { compareCommand } from './quality-compare.js';
import { driftCommands } from './quality-drift.js';

type Point = CallOutput<'accuracyEstimate'>['totals'][number] & { readonly at?: string };
type Devices = CallOutput<'deviceEstimates'>;
type Labelled = CallOutput<'labelledQuality'>;

export function qualityCommand(): Command {
  const command = new Command('quality').description('How good models are in the field');
  command.addCommand(showCommand());
  command.addCommand(devicesCommand());
  command.addCommand(labelledCommand());
  command.addCommand(compareCommand());
  for (const one of driftCommands()) command.addCommand(one);
  return command;
}

function showCommand(): Command {
  return new Command('show')
    .description('estimated accuracy by version, with its interval, or why there is none')
    .argument('[model]', 'default: all')
    .option('--days <n>', 'how far back', integer('--days', 1, 400), 7)
    .option('--by <hours>', 'one line for each so many hours', integer('--by', 1, 168))
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet quality show\n  $ npx tinyfleet quality show vibration --days 2 --by 6',
    )
    .action(async (model: string | undefined, options: { days: number; by?: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { points, totals } = await client.call('accuracyEstimate', {
        params: { project: await session.project() },
        query: {
          ...(model !== undefined && { model }),
          from: new Date(Date.now() - options.days * 86_400_000).toISOString(),
          ...(options.by !== undefined && { bucketSeconds: options.by * 3_600 }),
        },
      });
      const rows: readonly Point[] = options.by === undefined ? totals : points;
      session.out.list(rows, columns(options.by !== undefined), 'No predictions in that time.');
      for (const { release, abstains } of totals)
        if (abstains) session.out.hint(`${release}: ${abstains.words}.`);
      if (rows.some(({ value }) => value !== null))
        session.out.hint(
          'Intervals are of 90 %. An estimate without labels cannot see that answers changed.',
        );
    });
}

function columns(withTime: boolean): Column<Point>[] {
  return [
    ...(withTime ? [{ header: 'from', value: (p: Point) => p.at }] : []),
    { header: 'version', value: (p) => p.release },
    {
      header: 'accuracy',
      value: (p) => p.value,
      text: (p) => (p.value === null ? pc.dim('no answer') : percent(p.value, 1)),
    },
    { header: 'low', value: (p) => p.low, text: (p) => maybe(p.low) },
    { header: 'high', value: (p) => p.high, text: (p) => maybe(p.high) },
    { header: 'from what', value: (p) => p.basis, text: (p) => (p.value === null ? '-' : p.basis) },
    { header: 'predictions', value: (p) => p.n, text: (p) => count(p.n) },
    { header: 'labels', value: (p) => p.labels, text: (p) => count(p.labels) },
    { header: 'why not', value: (p) => p.abstains?.reason ?? '' },
  ];
}

function devicesCommand(): Command {
  return new Command('devices')
    .description('estimated accuracy of each device of a version, the lowest first')
    .argument('<name@version>')
    .option('--days <n>', 'how far back, in whole days', integer('--days', 1, 90), 7)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality devices vibration@1.1.0 --days 3')
    .action(async (release: string, { days }: { days: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const found = await client.call('deviceEstimates', {
        params: { project: await session.project() },
        query: { release, days },
      });
      session.out.list(
        found.items,
        [
          { header: 'device', value: (d) => d.device },
          { header: 'accuracy', value: (d) => d.value, text: (d) => maybe(d.value) },
          { header: 'low', value: (d) => d.low, text: (d) => maybe(d.low) },
          { header: 'high', value: (d) => d.high, text: (d) => maybe(d.high) },
          { header: 'by itself', value: (d) => d.own, text: (d) => maybe(d.own) },
          { header: 'predictions', value: (d) => d.n, text: (d) => count(d.n) },
          { header: 'why not', value: (d) => d.abstains?.words ?? '' },
        ],
        'No device made predictions with it in that time.',
      );
      session.out.hint(groupText(found));
    });
}

function groupText({ group, items }: Devices): string {
  if (group === null) return 'No device has an estimate, so there is none of the group.';
  return (
    `${plural(group.devices, 'device')} of ${items.length}: ${percent(group.value, 1)} (${percent(group.low, 1)} to ${percent(group.high, 1)}); ` +
    `healthy devices differ by ${percent(group.between, 1)}.`
  );
}

function labelledCommand(): Command {
  return new Command('labelled')
    .description('accuracy, recall by class, confusion and calibration, from labels')
    .argument('<name@version>')
    .option('--days <n>', 'how far back', integer('--days', 1, 400), 30)
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet quality labelled vibration@1.1.0')
    .action(async (release: string, { days }: { days: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const found = await client.call('labelledQuality', {
        params: { project: await session.project() },
        query: { release, from: new Date(Date.now() - days * 86_400_000).toISOString() },
      });
      session.out.one(found, () => labelledText(found));
    });
}

function labelledText(found: Labelled): string {
  const { accuracy, classes, otherClasses, recall, precision, confusion } = found;
  const { calibration, calibrationError, auc, asked } = found;
  if (accuracy.n === 0) return `No labels of ${found.release} in that time. npx tinyfleet labels next`;
  const facts = renderFacts([
    ['version', pc.bold(found.release)],
    ['accuracy', `${interval(accuracy)} of ${plural(accuracy.n, 'label')}`],
    ...(auc === null ? [] : ([['area under the ROC curve', auc.toFixed(3)]] as const)),
    ['calibration error', calibrationError === null ? '-' : percent(calibrationError, 1)],
    ...(otherClasses === 0
      ? []
      : ([['not listed', `${plural(otherClasses, 'class')} with fewer labels or none`]] as const)),
    ...(asked === 0
      ? []
      : ([['left out', `${plural(asked, 'label')} of predictions that were picked, not drawn`]] as const)),
  ]);
  const byClass = renderTable(
    classes.map((name, i) => ({ name, recall: recall[i]!, precision: precision[i]!, row: confusion[i]! })),
    [
      { header: 'true class', value: (c) => c.name },
      { header: 'labels', value: (c) => c.recall.n },
      { header: 'recall', value: (c) => c.recall.value, text: (c) => interval(c.recall) },
      { header: 'precision', value: (c) => c.precision.value, text: (c) => interval(c.precision) },
      ...classes.map((name, i) => ({
        header: `as ${name}`,
        value: (c: { row: readonly number[] }) => c.row[i],
      })),
    ],
  );
  const bins = renderTable(
    calibration.filter(({ n }) => n > 0),
    [
      { header: 'confidence', value: (b) => b.confidence, text: (b) => percent(b.confidence) },
      { header: 'right', value: (b) => b.value, text: (b) => `${bar(b.value, 20)} ${percent(b.value)}` },
      { header: 'labels', value: (b) => b.n },
    ],
  );
  return [facts, byClass, bins].join('\n\n');
}

const maybe = (share: number | null): string => (share === null ? '-' : percent(share, 1));
const interval = ({
  n,
  value,
  low,
  high,
}: {
  n: number;
  value: number;
  low: number;
  high: number;
}): string => (n === 0 ? '-' : `${percent(value, 1)} (${percent(low, 1)} to ${percent(high, 1)})`);
