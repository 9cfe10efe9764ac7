/** `tinyfleet project settings`: what holds for every rollout and release of a project. */
import { Command, Option } from 'commander';
import pc from 'picocolors';
import { integer } from '../arguments.js';
import { bytes } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session } from '../session.js';

interface SettingsOptions {
  readonly approval?: 'on' | 'off';
  readonly bytesPerSecond?: number | null;
  readonly devicesPerMinute?: number | null;
  readonly concurrent?: number | null;
}

export function settingsCommand(): Command {
  return new Command('settings')
    .description(
      'what holds for every rollout and release: four eyes, and how many devices are updated, how fast',
    )
    .addOption(
      new Option('--approval <on|off>', 'releases and rollouts want the yes of a second person').choices([
        'on',
        'off',
      ]),
    )
    .option('--bytes-per-second <n>', 'of bundles to all devices together, or "none"', (text: string) =>
      text === 'none' ? null : integer('--bytes-per-second', 1_024, 1_000_000_000_000)(text),
    )
    .option(
      '--devices-per-minute <n>',
      'offered a release by all rollouts together, or "none"',
      (text: string) => (text === 'none' ? null : integer('--devices-per-minute', 1, 1_000_000)(text)),
    )
    .option(
      '--concurrent <n>',
      'devices of all rollouts that fetch at the same time, or "none"',
      (text: string) => (text === 'none' ? null : integer('--concurrent', 1, 1_000_000)(text)),
    )
    .addHelpText(
      'after',
      `
Without an option it shows them.

Examples:
  $ npx tinyfleet project settings
  $ npx tinyfleet project settings --approval on --bytes-per-second 2000000`,
    )
    .action(async (options: SettingsOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      let settings = await client.call('rolloutSettingsGet', { params });
      const { approval, bytesPerSecond, devicesPerMinute, concurrent } = options;
      const isChange = [approval, bytesPerSecond, devicesPerMinute, concurrent].some(
        (one) => one !== undefined,
      );
      if (isChange)
        settings = await client.call('rolloutSettingsSet', {
          params,
          body: {
            ...settings,
            ...(approval !== undefined && { approval: approval === 'on' }),
            ...(bytesPerSecond !== undefined && { bytesPerSecond }),
            ...(devicesPerMinute !== undefined && { devicesPerMinute }),
            ...(concurrent !== undefined && { concurrentTransfers: concurrent }),
          },
        });
      session.out.one(settings, () =>
        renderFacts([
          ['project', pc.bold(params.project)],
          ['second person', settings.approval ? 'says yes to releases and rollouts' : 'not asked'],
          [
            'bundles',
            settings.bytesPerSecond === null
              ? 'as fast as it goes'
              : `${bytes(settings.bytesPerSecond)} a second`,
          ],
          [
            'devices a minute',
            settings.devicesPerMinute === null ? 'no limit' : String(settings.devicesPerMinute),
          ],
          [
            'at the same time',
            settings.concurrentTransfers === null ? 'no limit' : `${settings.concurrentTransfers} devices`,
          ],
        ]),
      );
    });
}
