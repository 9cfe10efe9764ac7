/** Shadows and comparisons on the command line: what is asked for with `--shadow` and `--ab`, and `rollout report`. */
import { Option, type Command } from 'commander';
import { AbMetric, type CallOutput, type RolloutCreateInput } from '@tinyfleet/contracts';
import { duration, integer, releaseRef, usage } from '../arguments.js';
import { percent, state } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';

type Report = CallOutput<'rolloutReport'>;
type Shadow = NonNullable<Report['shadow']>;
type Ab = NonNullable<Report['ab']>;

export interface ComparisonOptions {
  shadow?: number | true;
  shadowFor?: number;
  ab?: string | true;
  share?: number;
  metric?: (typeof AbMetric.options)[number];
  margin?: number;
  soak?: number;
  maxSoak?: number;
}

export function withComparisons(command: Command): Command {
  return command
    .option(
      '--shadow [n]',
      'run it beside the active model, on every n-th inference; nothing acts on it',
      integer('--shadow', 1, 65_535),
    )
    .option(
      '--shadow-for <time>',
      'how long shadow runs go on; default 1d',
      duration('--shadow-for', 1, 2_592_000),
    )
    .option(
      '--ab [name@version]',
      'compare it with that release, or with what devices run, until it is clear',
      refOf,
    )
    .option(
      '--share <percent>',
      'of devices that get it in a comparison; default 50',
      integer('--share', 1, 99),
    )
    .addOption(
      new Option('--metric <kind>', 'what a comparison is about; default confidence').choices(
        AbMetric.options,
      ),
    )
    .option('--margin <n>', 'a smaller difference is none, in the unit of the metric', marginOf);
}

/** The parts of a request. @throws cli.usage */
export function comparisonOf(options: ComparisonOptions): Pick<RolloutCreateInput, 'shadow' | 'ab'> {
  const { shadow, shadowFor, ab, share, metric, margin, soak, maxSoak } = options;
  const abOnly = share !== undefined || metric !== undefined || margin !== undefined;
  if (ab === undefined && abOnly) usage('--share, --metric and --margin belong to --ab.');
  if (shadow === undefined && shadowFor !== undefined) usage('--shadow-for belongs to --shadow.');
  return {
    ...(shadow !== undefined && {
      shadow: {
        ...(shadow !== true && { every: shadow }),
        ...(shadowFor !== undefined && { seconds: shadowFor }),
      },
    }),
    ...(ab !== undefined && {
      ab: {
        ...(ab !== true && { against: ab }),
        ...(share !== undefined && { percent: share }),
        ...(metric !== undefined && { metric }),
        ...(margin !== undefined && { margin }),
        ...(soak !== undefined && { minSeconds: soak }),
        ...(maxSoak !== undefined && { maxSeconds: maxSoak }),
      },
    }),
  };
}

/** @throws cli.usage */
function refOf(text: string): string {
  releaseRef(text);
  return text;
}

/** @throws cli.usage */
function marginOf(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value <= 100)) usage(`--margin is a number above 0 and up to 100, not "${text}".`);
  return value;
}

export function renderReport(report: Report): string {
  const { number, kind, release, words, shadow, ab } = report;
  const head = renderFacts([
    [kind === 'update' ? 'rollout' : kind, `${number}: ${release}`],
    ['state', state(report.state)],
    ...words.map((text, i): [string, string] => [i === 0 ? 'shown' : '', text]),
  ]);
  return [head, ...(shadow ? shadowTables(shadow) : []), ...(ab ? [abTable(ab)] : [])].join('\n\n');
}

function shadowTables({ disagreements, bySegment, least }: Shadow): string[] {
  return [
    ...(disagreements.length > 0
      ? [
          renderTable(disagreements, [
            { header: 'active says', value: (one) => one.active },
            { header: 'shadow says', value: (one) => one.shadow },
            { header: 'times', value: (one) => one.count },
            { header: 'of these', value: (one) => one.share, text: (one) => percent(one.share) },
          ]),
        ]
      : []),
    ...(bySegment.length > 0
      ? [
          renderTable(bySegment, [
            { header: 'by', value: (one) => one.by },
            { header: 'value', value: (one) => one.value },
            { header: 'devices', value: (one) => one.devices },
            { header: 'runs', value: (one) => one.runs },
            { header: 'agree', value: (one) => one.share, text: ({ share }) => shareText(share) },
            {
              header: 'bounds',
              value: (one) => one.low,
              text: ({ low, high }) => `${shareText(low)} to ${shareText(high)}`,
            },
          ]),
        ]
      : []),
    ...(least.length > 0
      ? [
          renderTable(least, [
            { header: 'least on', value: (one) => one.device },
            { header: 'runs', value: (one) => one.runs },
            { header: 'agree', value: (one) => one.share, text: (one) => percent(one.share, 1) },
          ]),
        ]
      : []),
  ];
}

function abTable({ effects, release, against }: Ab): string {
  const facts = renderFacts([
    ['B', release],
    ['A', against ?? 'what devices run'],
  ]);
  if (effects.length === 0) return facts;
  const table = renderTable(effects, [
    { header: 'metric', value: (one) => one.metric },
    { header: 'effect of B', value: (one) => one.effect },
    { header: 'from', value: (one) => one.low },
    { header: 'to', value: (one) => one.high },
    { header: 'margin', value: (one) => one.margin },
    { header: 'unit', value: (one) => one.unit },
    { header: 'with B', value: (one) => one.devicesB },
    { header: 'with A', value: (one) => one.devicesA },
  ]);
  return `${facts}\n\n${table}`;
}

const shareText = (share: number | null): string => (share === null ? '-' : percent(share, 1));

/** What to do with what was found. */
export function nextHint(
  { number, kind, release, filter }: CallOutput<'rolloutGet'>,
  ab: Ab | null,
): string | undefined {
  const take = (ref: string): string => `npx tinyfleet rollout start ${ref} --to '${filter}'`;
  if (kind === 'shadow')
    return `Next: npx tinyfleet rollout report ${number}; to install it, without a download: ${take(release)}`;
  if (!ab) return undefined;
  if (ab.outcome === 'b-better') return `B for all of them: ${take(release)}`;
  if (ab.outcome !== 'a-better') return `Next: npx tinyfleet rollout report ${number}`;
  return `A for all of them: ${ab.against === null ? `npx tinyfleet rollout rollback ${number}` : take(ab.against)}`;
}
