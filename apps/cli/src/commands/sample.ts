/** `tinyfleet sample`: what devices measured, where a project allows it. docs/privacy.md says what that is. */
import { writeFileSync } from 'node:fs';
import { Command } from 'commander';
import { integer, usage } from '../arguments.js';
import { ago, bytes, percent } from '../output/format.js';
import { renderFacts } from '../output/output.js';
import { Session, all } from '../session.js';
import { confirm } from './confirm.js';

export function sampleCommand(): Command {
  const command = new Command('sample').description('What devices measured: inputs of inferences');
  for (const child of [settingsCommand(), listCommand(), downloadCommand(), deleteCommand()])
    command.addCommand(child);
  return command;
}

interface SettingsOptions {
  readonly on?: boolean;
  readonly off?: boolean;
  readonly keepDays?: number;
  readonly bytesPerDay?: number;
}

function settingsCommand(): Command {
  return new Command('settings')
    .description('whether the project keeps samples, for how long, and how many')
    .option('--on', 'devices may send what they measured')
    .option('--off', 'what still comes is thrown away; what is here goes when its time is over')
    .option('--keep-days <n>', 'days after which a sample is deleted', integer('--keep-days', 1, 365))
    .option(
      '--bytes-per-day <n>',
      'of samples by device and day',
      integer('--bytes-per-day', 1_024, 104_857_600),
    )
    .addHelpText(
      'after',
      '\nWithout an option it shows them.\n\nExamples:\n  $ npx tinyfleet sample settings\n  $ npx tinyfleet sample settings --on --keep-days 14',
    )
    .action(async ({ on, off, keepDays, bytesPerDay }: SettingsOptions, self: Command) => {
      if (on && off) usage('--on and --off contradict each other.');
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      let settings = await client.call('sampleSettingsGet', { params });
      if (on || off || keepDays !== undefined || bytesPerDay !== undefined)
        settings = await client.call('sampleSettingsSet', {
          params,
          body: {
            enabled: on === true || (off !== true && settings.enabled),
            retentionDays: keepDays ?? settings.retentionDays,
            bytesPerDeviceDay: bytesPerDay ?? settings.bytesPerDeviceDay,
          },
        });
      session.out.one(settings, () =>
        renderFacts([
          [
            'samples',
            settings.enabled ? 'are kept' : 'are not kept: devices may not send what they measured',
          ],
          ['deleted after', `${settings.retentionDays} days`],
          ['at most', `${bytes(settings.bytesPerDeviceDay)} by device and day`],
        ]),
      );
    });
}

function listCommand(): Command {
  return new Command('list')
    .description('samples, newest first')
    .option('--device <name>', 'of one device')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet sample list --device pump-1')
    .action(async ({ device }: { device?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all(
        (query) =>
          client.call('sampleList', { params, query: { ...query, ...(device !== undefined && { device }) } }),
        1_000,
      );
      session.out.list(
        items,
        [
          { header: 'sample', value: (s) => s.id },
          { header: 'device', value: (s) => s.device },
          { header: 'version', value: (s) => s.release },
          { header: 'inference', value: (s) => s.inferenceIndex },
          { header: 'bytes', value: (s) => s.bytes, text: (s) => bytes(s.bytes) },
          {
            header: 'confidence',
            value: (s) => s.confidence,
            text: (s) => (s.confidence === null ? '-' : percent(s.confidence)),
          },
          {
            header: 'whole',
            value: (s) => s.complete,
            text: (s) => (s.complete ? 'yes' : 'parts are missing'),
          },
          { header: 'received', value: (s) => s.receivedAt, text: (s) => ago(s.receivedAt) },
          { header: 'deleted after', value: (s) => s.deletedAfter, text: (s) => s.deletedAfter.slice(0, 10) },
        ],
        'No samples. npx tinyfleet sample settings --on, then npx tinyfleet device ask NAME send-samples 1',
      );
    });
}

function downloadCommand(): Command {
  return new Command('download')
    .description('one sample as an NPY file')
    .argument('<sample>')
    .argument('[file]', 'default: SAMPLE.npy; - for standard output')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet sample download 01890a5d-ac96-774b-bcce-b302099a8057 pump.npy',
    )
    .action(async (sample: string, file: string | undefined, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const body = await client.call('sampleGet', { params: { project: await session.project(), sample } });
      if (file === '-') process.stdout.write(body);
      else writeFileSync(file ?? `${sample}.npy`, body);
    });
}

function deleteCommand(): Command {
  return new Command('delete')
    .description('delete a sample before its time')
    .argument('<sample>')
    .option('--yes', 'do not ask')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet sample delete 01890a5d-ac96-774b-bcce-b302099a8057 --yes',
    )
    .action(async (sample: string, { yes }: { yes?: boolean }, self: Command) => {
      const session = Session.of(self);
      await confirm(`Delete sample ${sample}?`, yes === true);
      const client = await session.client();
      await client.call('sampleDelete', { params: { project: await session.project(), sample } });
      session.out.one({ sample, deleted: true }, () => 'Deleted.');
    });
}
