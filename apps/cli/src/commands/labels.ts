/** `tinyfleet labels`: ground truth for kept predictions, from a file or one by one from the queue. */
import { createReadStream, statSync } from 'node:fs';
import { Readable } from 'node:stream';
import { Command } from 'commander';
import { FleetError } from '@tinyfleet/errors';
import { integer, usage } from '../arguments.js';
import { ago, count, percent, plural } from '../output/format.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session } from '../session.js';

interface RowError {
  readonly line: number;
  readonly column: string;
  readonly code: string;
  readonly message: string;
}
const SHOWN_ERRORS = 30;

export function labelsCommand(): Command {
  const command = new Command('labels').description('Ground truth for predictions that devices kept');
  for (const child of [
    importCommand(),
    nextCommand(),
    addCommand(),
    skipCommand(),
    undoCommand(),
    returnCommand(),
    askCommand(),
    queueCommand(),
  ])
    command.addCommand(child);
  return command;
}

function importCommand(): Command {
  return new Command('import')
    .description('labels from a CSV file, all or none; the same file again changes nothing')
    .argument('<file>', 'columns device, bootId, inferenceIndex, label; - for standard input')
    .option('--dry-run', 'check everything, write nothing')
    .option('--source <text>', 'where the labels come from', 'csv')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels import labels.csv --dry-run')
    .action(async (file: string, options: { dryRun?: boolean; source: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      if (file !== '-' && statSync(file, { throwIfNoEntry: false }) === undefined)
        throw new FleetError('cli.file-not-found', { path: file });
      const input = file === '-' ? process.stdin : createReadStream(file);
      try {
        const done = await client.call('labelImport', {
          params: { project: await session.project() },
          query: { dryRun: options.dryRun === true ? 'true' : 'false', source: options.source },
          body: Readable.toWeb(input) as ReadableStream<Uint8Array>,
        });
        session.out.one(done, () =>
          renderFacts([
            ['rows', count(done.rows)],
            [done.dryRun ? 'would add' : 'added', count(done.accepted)],
            ['known already', count(done.duplicates)],
          ]),
        );
      } catch (error) {
        const { code, data } = error as { code?: string; data?: { errors?: RowError[] } };
        if (code === 'telemetry.labels-refused' && !session.out.isPlain)
          process.stderr.write(`${renderErrors(data?.errors ?? [])}\n`);
        throw error;
      }
    });
}

function renderErrors(errors: readonly RowError[]): string {
  const text = renderTable(errors.slice(0, SHOWN_ERRORS), [
    { header: 'line', value: (e) => e.line },
    { header: 'column', value: (e) => e.column },
    { header: 'error', value: (e) => e.message },
  ]);
  const rest = errors.length - SHOWN_ERRORS;
  return rest > 0 ? `${text}\nand ${count(rest)} more: --output json shows them` : text;
}

function nextCommand(): Command {
  return new Command('next')
    .description('take the next predictions to label, for 15 minutes')
    .option('--count <n>', 'how many', integer('--count', 1, 100), 10)
    .option('--release <name@version>', 'of one version')
    .option('--device <name>', 'of one device')
    .addHelpText(
      'after',
      `
Half of them are drawn by chance: accuracy is computed from these alone. The others are where a label tells most.

Examples:
  $ npx tinyfleet labels next
  $ npx tinyfleet labels next --count 50 --output csv > todo.csv`,
    )
    .action(async (options: { count: number; release?: string; device?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const { items } = await client.call('labelClaim', {
        params: { project: await session.project() },
        body: options,
      });
      session.out.list(
        items,
        [
          { header: 'device', value: (i) => i.device },
          { header: 'bootId', value: (i) => i.bootId },
          { header: 'inferenceIndex', value: (i) => i.inferenceIndex },
          // To be filled in: the file can be imported as it is then.
          { header: 'label', value: () => '' },
          { header: 'predicted', value: (i) => i.classes[i.predicted] ?? i.predicted },
          { header: 'confidence', value: (i) => i.confidence, text: (i) => percent(i.confidence) },
          { header: 'why', value: (i) => i.reason },
          { header: 'version', value: (i) => i.release },
          { header: 'when', value: (i) => i.at, text: (i) => ago(i.at) },
          { header: 'sample', value: (i) => i.sample ?? '' },
        ],
        'No prediction waits for a label. Devices keep every n-th one: npx tinyfleet project show',
      );
    });
}

/** device, boot and index, as `next` prints them. */
function inferenceOf(device: string, bootId: string, index: string) {
  if (!/^\d+$/.test(index))
    usage('An inference index is a whole number, as tinyfleet labels next prints it.');
  return { device, bootId, inferenceIndex: Number(index) };
}

function addCommand(): Command {
  return new Command('add')
    .description('label one prediction')
    .argument('<device>')
    .argument('<bootId>')
    .argument('<inferenceIndex>')
    .argument('<label>', 'class number, or one of the names of the model')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels add pump-1 0000000100000001 50 bearing')
    .action(async (device: string, bootId: string, index: string, label: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const given = /^\d+$/.test(label) ? Number(label) : label;
      const done = await client.call('labelsPost', {
        params: { project: await session.project() },
        body: { labels: [{ ...inferenceOf(device, bootId, index), label: given }], source: 'cli' },
      });
      session.out.one(done, () =>
        done.accepted > 0 ? 'Labelled.' : 'It had a label already; that one stays.',
      );
    });
}

function skipCommand(): Command {
  return new Command('skip')
    .description('leave a prediction without a label for good')
    .argument('<device>')
    .argument('<bootId>')
    .argument('<inferenceIndex>')
    .option('--note <text>', 'why', '')
    .addHelpText(
      'after',
      '\nExample:\n  $ npx tinyfleet labels skip pump-1 0000000100000001 50 --note "cannot tell"',
    )
    .action(
      async (device: string, bootId: string, index: string, { note }: { note: string }, self: Command) => {
        const session = Session.of(self);
        const client = await session.client();
        const done = await client.call('labelSkip', {
          params: { project: await session.project() },
          body: { items: [inferenceOf(device, bootId, index)], note },
        });
        session.out.one(done, () =>
          done.skipped > 0 ? 'Skipped.' : 'There is no such prediction without a label.',
        );
      },
    );
}

function undoCommand(): Command {
  return new Command('undo')
    .description('take back your label or skip of a prediction of the queue')
    .argument('<device>')
    .argument('<bootId>')
    .argument('<inferenceIndex>')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels undo pump-1 0000000100000001 50')
    .action(async (device: string, bootId: string, index: string, _options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const done = await client.call('labelUndo', {
        params: { project: await session.project() },
        body: { items: [inferenceOf(device, bootId, index)] },
      });
      session.out.one(done, () =>
        done.items.length > 0
          ? 'Taken back; it is kept for you for 15 minutes.'
          : 'Nothing of yours to take back: it came without the queue, or somebody else did it.',
      );
    });
}

function returnCommand(): Command {
  return new Command('return')
    .description('give back what you took and did not label')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels return')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const done = await client.call('labelReturn', { params, body: {} });
      session.out.one(done, () => `${plural(done.returned, 'prediction')} back in the queue.`);
    });
}

function askCommand(): Command {
  return new Command('ask')
    .description('put predictions of devices at the front of the queue')
    .argument('<devices...>')
    .option('--per-device <n>', 'of each, the newest', integer('--per-device', 1, 1_000), 20)
    .option('--note <text>', 'why', '')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels ask pump-1 pump-2 --note "alert 17"')
    .action(async (devices: string[], options: { perDevice: number; note: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const done = await client.call('labelTaskOpen', {
        params: { project: await session.project() },
        body: { devices, ...options },
      });
      session.out.one(done, () => `${plural(done.opened, 'prediction')} at the front of the queue.`);
    });
}

function queueCommand(): Command {
  return new Command('queue')
    .description('how many predictions wait for a label')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet labels queue')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const queue = await client.call('labelQueue', { params: { project: await session.project() } });
      session.out.one(queue, () =>
        renderFacts([
          ['unlabelled', queue.unlabelled >= 10_000 ? '10,000 and more' : count(queue.unlabelled)],
          ['asked for', count(queue.open)],
          ['in work', count(queue.claimed)],
          ['skipped', count(queue.skipped)],
          ['labelled', count(queue.labelled)],
        ]),
      );
    });
}
