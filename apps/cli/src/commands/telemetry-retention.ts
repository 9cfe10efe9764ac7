/** `tinyfleet telemetry retention`: how long a project keeps what its devices sent. */
import type { Resource } from '@tinyfleet/contracts';
import { Command } from 'commander';
import { integer } from '../arguments.js';
import { ago, count, plural } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';
import { confirm } from './confirm.js';

type Settings = Resource<'RetentionSettings'>;

/** A number of days, or a word for none. */
const daysOr = (option: string, word: string) => (text: string) =>
  text === word ? null : integer(option, 1, 3_650)(text);

export function retentionCommand(): Command {
  return new Command('retention')
    .description('how long windows, sums, predictions, refusals and alerts are kept')
    .option('--window-days <n>', 'windows as they came, or "instance"', daysOr('--window-days', 'instance'))
    .option('--hour-days <n>', 'sums by hour, or "forever"', daysOr('--hour-days', 'forever'))
    .option(
      '--device-day-days <n>',
      'sums by device and day, or "forever"',
      daysOr('--device-day-days', 'forever'),
    )
    .option('--refusal-days <n>', 'messages that were refused', integer('--refusal-days', 1, 365))
    .option(
      '--prediction-days <n>',
      'predictions that wait for a label',
      integer('--prediction-days', 1, 365),
    )
    .option('--alert-days <n>', 'alerts, from their end', integer('--alert-days', 1, 3_650))
    .option('--yes', 'do not ask before something is kept shorter')
    .addHelpText(
      'after',
      `
Without an option it shows them. What is older is removed within the hour. Samples: npx tinyfleet sample settings

Examples:
  $ npx tinyfleet telemetry retention
  $ npx tinyfleet telemetry retention --window-days 30 --refusal-days 7 --yes`,
    )
    .action(async ({ yes, ...options }: Partial<Settings> & { readonly yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      let kept = await client.call('retentionGet', { params });
      if (Object.keys(options).length > 0) {
        const body = { ...kept.settings, ...options };
        if (isShorter(kept.settings, body))
          await confirm(`Remove what ${params.project} would not keep any more?`, yes);
        kept = await client.call('retentionSet', { params, body });
      }
      const { enabled, retentionDays } = await client.call('sampleSettingsGet', { params });
      session.out.one(kept, () => render(kept, enabled ? days(retentionDays) : 'not kept'));
    });
}

/** A null keeps the most. */
function isShorter(before: Settings, after: Settings): boolean {
  return (Object.keys(before) as (keyof Settings)[]).some(
    (key) => (after[key] ?? Infinity) < (before[key] ?? Infinity),
  );
}

const days = (n: number | null): string => (n === null ? 'for good' : plural(n, 'day'));

function render(
  { settings, windowDays, windowsFrom, removedAt, removed }: Resource<'Retention'>,
  samples: string,
): string {
  const whole = settings.windowDays === null ? ', as the instance does' : '';
  const gone = Object.entries(removed).map(([kind, rows]) => `${count(rows)} ${kind}`);
  return renderFacts([
    ['windows', `${days(windowDays)}${whole}`],
    ['sums by hour', days(settings.hourDays)],
    ['by device and day', days(settings.deviceDayDays)],
    ['refused messages', days(settings.refusalDays)],
    ['predictions', days(settings.predictionDays)],
    ['alerts', `${days(settings.alertDays)} from their end`],
    ['samples', samples],
    ['windows are here from', windowsFrom === null ? null : windowsFrom.slice(0, 10)],
    ['removed last', removedAt === null ? null : `${ago(removedAt)}: ${gone.join(', ')}`],
  ]);
}
