/** `tinyfleet device histograms`: what a device measures and predicts, held against what its build was validated with. */
import type { CallOutput } from '@tinyfleet/contracts';
import { Command } from 'commander';
import pc from 'picocolors';
import { integer } from '../arguments.js';
import { bar, count, percent, plural } from '../output/format.js';
import { renderTable } from '../output/output.js';
import { Session } from '../session.js';

type Found = CallOutput<'deviceHistograms'>;
type Feature = Found['features'][number];

interface Options {
  readonly days: number;
  readonly release?: string;
  readonly bins?: boolean;
}

export function histogramsCommand(): Command {
  return new Command('histograms')
    .description('what it measures and predicts, held against the validation data of its build')
    .argument('<name>')
    .option('--days <n>', 'how far back, in whole days', integer('--days', 1, 90), 7)
    .option('--release <name@version>', 'default: what it predicted with last')
    .option('--bins', 'each histogram bin by bin')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet device histograms demo-007 --days 1\n  $ npx tinyfleet device histograms demo-007 --bins',
    )
    .action(async (name: string, { bins, ...query }: Options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const found = await client.call('deviceHistograms', {
        params: { project: await session.project(), device: name },
        query,
      });
      session.out.one(found, () => textOf(found, bins === true));
    });
}

function textOf(found: Found, withBins: boolean): string {
  const { release, days, n, without } = found;
  if (release === null) return `It predicted nothing on the last ${plural(days, 'day')}.`;
  const about = `${plural(n, 'prediction')} of ${pc.bold(release)} on the last ${plural(days, 'day')}`;
  const rest = without === 0 ? '' : `; ${count(without)} more have no validation data with the same monitors`;
  const features = found.features.filter((one) => one.n > 0);
  return [
    `${about}${rest}`,
    ...(features.length === 0 ? [] : [featureTable(features)]),
    ...(withBins ? features.map(binTable) : []),
  ].join('\n\n');
}

const featureTable = (features: readonly Feature[]): string =>
  renderTable(features, [
    { header: 'feature', value: (f) => f.feature },
    { header: 'observations', value: (f) => f.n, text: (f) => count(f.n) },
    { header: 'in other bins', value: (f) => f.share, text: (f) => percent(f.share) },
    { header: 'distance', value: (f) => f.distance, text: (f) => f.distance.toFixed(2) },
    {
      header: 'shift',
      value: (f) => f.shift,
      text: (f) => (f.shift === null ? '-' : `${f.shift.toFixed(2)} sd`),
    },
    { header: '', value: (f) => f.isFar, text: (f) => (f.isFar ? pc.yellow('far') : '') },
  ]);

function binTable(feature: Feature): string {
  const { counts, baseline, edges, labels } = feature;
  const known = baseline.reduce((sum, one) => sum + one, 0);
  const rows = counts.map((now, i) => ({
    name: labels[i] ?? (edges.length === 0 ? `class ${i}` : binName(edges, i)),
    now: now / feature.n,
    then: known === 0 ? 0 : baseline[i]! / known,
  }));
  return renderTable(rows, [
    { header: feature.feature, value: (row) => row.name },
    { header: 'device', value: (row) => row.now, text: (row) => percent(row.now) },
    { header: '', value: () => '', text: (row) => bar(row.now, 20) },
    { header: 'validation data', value: (row) => row.then, text: (row) => percent(row.then) },
  ]);
}

/** Between which edges, in units of the model's input. */
function binName(edges: readonly number[], bin: number): string {
  const [low, high] = [edges[bin - 1], edges[bin]].map((edge) => edge?.toPrecision(3));
  if (low === undefined) return `below ${high}`;
  return high === undefined ? `from ${low}` : `${low} to ${high}`;
}
