/** `tinyfleet device import`, `export` and `imports`: devices as CSV, with a bar of what is read and written. */
import { randomUUID } from 'node:crypto';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command, Option } from 'commander';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import pc from 'picocolors';
import { ago, bar, count, percent, plural, state } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session, all } from '../session.js';

type Import = CallOutput<'deviceImportGet'>;
type RowError = Import['errors'][number];

const POLL_MS = 500;
/** Wrong rows shown on a terminal; `--output json` and csv have all that the server lists. */
const SHOWN_ERRORS = 30;

interface ImportOptions {
  readonly dryRun?: boolean;
  readonly onConflict: 'fail' | 'skip' | 'update';
  readonly tokens?: string;
}

export function importCommand(): Command {
  return new Command('import')
    .description('register devices from a CSV file, all or none')
    .argument(
      '<file>',
      'columns name, type, tags, site, hardwareRevision, notes, attr.KEY; - for standard input',
    )
    .option('--dry-run', 'check everything, write nothing')
    .addOption(
      new Option('--on-conflict <what>', 'when a device of that name exists')
        .choices(['fail', 'skip', 'update'])
        .default('fail'),
    )
    .option('--tokens <file>', 'make tokens and write name,token to this file; without, devices claim')
    .addHelpText(
      'after',
      '\nExamples:\n  $ npx tinyfleet device import devices.csv --dry-run\n  $ npx tinyfleet device import devices.csv --tokens tokens.csv',
    )
    .action(async (file: string, options: ImportOptions, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const id = randomUUID();
      const total = file === '-' ? 0 : sizeOf(file);
      // Made before anything is imported: a path that cannot be written costs nothing then.
      const tokens = options.tokens === undefined ? undefined : await openPrivate(options.tokens);
      let sent = 0;
      const counter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          sent += chunk.length;
          done(null, chunk);
        },
      });
      const input = file === '-' ? process.stdin : createReadStream(file);
      void pipeline(input, counter).catch(() => {});
      const view = new LiveView();
      const stop = watch(client, { ...params, import: id }, (now) => {
        if (!session.out.isPlain) draw(view, now, total === 0 ? 0 : sent / total);
      });
      let done: Import;
      try {
        done = await client.call('deviceImport', {
          params,
          query: {
            id,
            onConflict: options.onConflict,
            dryRun: options.dryRun === true ? 'true' : 'false',
            tokens: tokens === undefined ? 'false' : 'true',
          },
          body: Readable.toWeb(counter) as ReadableStream<Uint8Array>,
        });
      } catch (error) {
        const { code, data } = error as { code?: string; data?: { errors?: RowError[] } };
        if (code === 'registry.import-refused' && !session.out.isPlain)
          process.stderr.write(`${renderErrors(data?.errors ?? [])}\n`);
        throw error;
      } finally {
        stop();
        view.clear();
      }
      if (tokens !== undefined && done.tokensUntil !== null) {
        const body = await client.call('deviceImportTokens', { params: { ...params, import: id } });
        await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), tokens);
      } else tokens?.end();
      session.out.one(done, () =>
        [
          renderFacts([
            ['import', done.id],
            ['state', state(done.state)],
            ['rows', count(done.rows)],
            [done.dryRun ? 'would add' : 'added', count(done.added)],
            [done.dryRun ? 'would update' : 'updated', count(done.updated)],
            [done.dryRun ? 'would skip' : 'skipped', count(done.skipped)],
            ...(done.errorCount === 0 ? [] : ([['errors', count(done.errorCount)]] as const)),
            ...(tokens === undefined ? [] : ([['tokens', options.tokens ?? '']] as const)),
          ]),
          ...(done.errorCount === 0 ? [] : [renderErrors(done.errors)]),
        ].join('\n\n'),
      );
      if (done.errorCount > 0) process.exitCode = 1;
    });
}

export function importsCommand(): Command {
  return new Command('imports')
    .description('imports of devices, newest first')
    .addHelpText('after', '\nExample:\n  $ npx tinyfleet device imports')
    .action(async (_options, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const params = { project: await session.project() };
      const items = await all((query) => client.call('deviceImportList', { params, query }), 1_000);
      session.out.list(items, [
        { header: 'import', value: (i) => i.id },
        { header: 'state', value: (i) => i.state, text: (i) => state(i.state) },
        { header: 'rows', value: (i) => i.rows },
        { header: 'added', value: (i) => i.added },
        { header: 'updated', value: (i) => i.updated },
        { header: 'errors', value: (i) => i.errorCount },
        { header: 'by', value: (i) => i.createdBy },
        { header: 'begun', value: (i) => i.createdAt, text: (i) => ago(i.createdAt) },
      ]);
    });
}

export function exportCommand(): Command {
  return new Command('export')
    .description('devices as CSV, in the columns of an import')
    .argument('[file]', 'default: standard output')
    .option('--filter <expression>', `such as 'tag = "demo"'`)
    .addHelpText('after', `\nExample:\n  $ npx tinyfleet device export devices.csv --filter 'type = "wasm"'`)
    .action(async (file: string | undefined, { filter }: { filter?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const body = await client.call('deviceExport', {
        params: { project: await session.project() },
        query: filter === undefined ? {} : { filter },
      });
      const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
      if (file === undefined) await pipeline(source, process.stdout, { end: false });
      else await pipeline(source, createWriteStream(file));
    });
}

function sizeOf(path: string): number {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found === undefined) throw new FleetError('cli.file-not-found', { path });
  return found.size;
}

/** Readable by its owner alone from the first byte on. */
async function openPrivate(path: string) {
  const stream = createWriteStream(path, { mode: 0o600 });
  await new Promise<void>((resolve, reject) => {
    stream.once('open', () => resolve());
    stream.once('error', (error) =>
      reject(new FleetError('cli.file-unwritable', { path, reason: error.message })),
    );
  });
  return stream;
}

function watch(
  client: Client,
  params: { project: string; import: string },
  show: (now: Import) => void,
): () => void {
  const stop = new AbortController();
  const isStopped = () => stop.signal.aborted;
  const poll = async () => {
    while (!isStopped()) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS).unref());
      // Not there yet, or away for a moment: the next look tells.
      const now = await client.call('deviceImportGet', { params }).catch(() => undefined);
      if (now && !isStopped()) show(now);
    }
  };
  void poll();
  return () => stop.abort();
}

function draw(view: LiveView, now: Import, sent: number): void {
  const share = now.state === 'reading' ? sent : now.rows === 0 ? 0 : (now.added + now.updated) / now.rows;
  const what = ['reading', 'checking', 'writing'].includes(now.state) ? now.state : '';
  view.draw(
    [`${what.padEnd(8)} ${bar(share)} ${percent(share).padStart(5)}  ${plural(now.rows, 'row')}`],
    what,
  );
}

function renderErrors(errors: readonly RowError[]): string {
  const shown = errors.slice(0, SHOWN_ERRORS);
  const rest = errors.length - shown.length;
  const text = renderTable(shown, [
    { header: 'line', value: (e) => e.line },
    { header: 'column', value: (e) => e.column },
    { header: 'error', value: (e) => e.message },
    { header: 'code', value: (e) => e.code, text: (e) => pc.dim(e.code) },
  ]);
  return rest > 0 ? `${text}\nand ${count(rest)} more: --output json shows them` : text;
}
