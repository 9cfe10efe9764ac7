/** `tinyfleet telemetry export` and `backfill`: windows out to a file and back, and sums made anew. */
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Command } from 'commander';
import type { CallOutput, Client } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { integer, usage } from '../arguments.js';
import { bar, count, percent, plural } from '../output/format.js';
import { LiveView } from '../output/live.js';
import { renderFacts, renderTable } from '../output/output.js';
import { Session } from '../session.js';

type Result = CallOutput<'telemetryBackfill'>;
/** Of one request: half of what the server takes. */
const partLines = 5_000;
const partBytes = 4_194_304;
const shownErrors = 30;
const dayMs = 86_400_000;

export function exportCommand(): Command {
  return new Command('export')
    .description('windows as lines of JSON, in the form that backfill takes')
    .argument('[file]', 'default: standard output')
    .option('--device <name>', 'of one device')
    .option(
      '--from <time>',
      'that began then or later, such as 2026-11-01 or 2026-11-01T06:00Z',
      time('--from'),
    )
    .option('--to <time>', 'that began before', time('--to'))
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet telemetry export windows.ndjson
  $ npx tinyfleet telemetry export --device press-07 --from 2026-11-01 --to 2026-11-02`,
    )
    .action(
      async (
        file: string | undefined,
        query: { device?: string; from?: string; to?: string },
        self: Command,
      ) => {
        const session = Session.of(self);
        const client = await session.client();
        const body = await client.call('telemetryExport', {
          params: { project: await session.project() },
          query,
        });
        const source = Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]);
        if (file === undefined) await pipeline(source, process.stdout, { end: false });
        else await pipeline(source, createWriteStream(file));
      },
    );
}

interface BackfillOptions {
  readonly fromLine: number;
  readonly from?: string;
  readonly to?: string;
}

export function backfillCommand(): Command {
  return new Command('backfill')
    .description('windows from a file; or, without a file, the sums of some days anew from their windows')
    .argument('[file]', 'lines as telemetry export writes them; - for standard input')
    .option(
      '--from-line <n>',
      'go on where a backfill ended',
      integer('--from-line', 1, Number.MAX_SAFE_INTEGER),
      1,
    )
    .option('--from <day>', 'first day of sums, such as 2026-11-01 (UTC)', time('--from'))
    .option('--to <day>', 'last day of sums; default: the first', time('--to'))
    .addHelpText(
      'after',
      `
A window that is known changes nothing, so a file can be sent again. Windows that are older than the project keeps them, or ahead
of time, are refused; what was refused is listed by line.

Examples:
  $ npx tinyfleet telemetry backfill windows.ndjson
  $ npx tinyfleet telemetry backfill windows.ndjson --from-line 120001
  $ npx tinyfleet telemetry backfill --from 2026-11-01 --to 2026-11-05`,
    )
    .action(async (file: string | undefined, options: BackfillOptions, self: Command) => {
      const session = Session.of(self);
      const { from, to = from } = options;
      if ((file === undefined) === (from === undefined) || (file !== undefined && to !== undefined))
        usage('Give a file of windows, or --from and --to for sums, not both.');
      const client = await session.client();
      const project = await session.project();
      if (file === undefined) await rebuild(session, client, { project, from: from!, to: to! });
      else await send(session, client, { project, file, fromLine: options.fromLine });
    });
}

/** A day, or a time with its zone. */
function time(option: string) {
  return (text: string): string => {
    const isDay = /^\d{4}-\d\d-\d\d$/.test(text);
    const at = new Date(text);
    if (!/^\d{4}-\d\d-\d\d(T.*(Z|[+-]\d\d:\d\d))?$/.test(text) || Number.isNaN(at.getTime()))
      usage(`${option} is a day or a time with its zone, such as 2026-11-01 or 2026-11-01T06:00Z.`);
    if (isDay && !at.toISOString().startsWith(text)) usage(`${option}: there is no ${text}.`);
    return at.toISOString();
  };
}

async function send(
  session: Session,
  client: Client,
  { project, file, fromLine }: { readonly project: string; readonly file: string; readonly fromLine: number },
): Promise<void> {
  const size = file === '-' ? 0 : statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) throw new FleetError('cli.file-not-found', { path: file });
  const sum: Result = { lines: 0, stored: 0, duplicates: 0, refused: 0, errors: [] };
  const view = new LiveView();
  let part: string[] = [];
  let bytes = 0;
  let read = 0;
  let sent = fromLine - 1;
  const flush = async (): Promise<void> => {
    const done = await client.call('telemetryBackfill', {
      params: { project },
      body: new TextEncoder().encode(part.join('\n')),
    });
    for (const key of ['lines', 'stored', 'duplicates', 'refused'] as const) sum[key] += done[key];
    sum.errors.push(...done.errors.map((one) => ({ ...one, line: one.line + sent })));
    sent += part.length;
    [part, bytes] = [[], 0];
    if (!session.out.isPlain) {
      const share = size === 0 ? 0 : Math.min(1, read / size);
      const told = `${count(sum.stored)} new, ${count(sum.duplicates)} known, ${count(sum.refused)} refused`;
      view.draw(
        [`${bar(share)} ${percent(share).padStart(5)}  line ${count(sent)}: ${told}`],
        `line ${sent}`,
      );
    }
  };
  try {
    let line = 0;
    for await (const text of createInterface({
      input: file === '-' ? process.stdin : createReadStream(file),
    })) {
      const length = Buffer.byteLength(text) + 1;
      read += length;
      if (++line < fromLine) continue;
      if (part.length >= partLines || (part.length > 0 && bytes + length > partBytes)) await flush();
      part.push(text);
      bytes += length;
    }
    if (part.length > 0) await flush();
  } catch (error) {
    view.done();
    session.out.hint(`Up to line ${sent} it is done. Go on with --from-line ${sent + 1}.`);
    throw error;
  }
  view.clear();
  session.out.one(sum, () =>
    [
      renderFacts([
        ['lines', count(sum.lines)],
        ['added', count(sum.stored)],
        ['known already', count(sum.duplicates)],
        ['refused', count(sum.refused)],
      ]),
      ...(sum.refused === 0 ? [] : [renderErrors(sum)]),
    ].join('\n\n'),
  );
  if (sum.refused > 0) process.exitCode = 1;
}

function renderErrors({ errors, refused }: Result): string {
  const text = renderTable(errors.slice(0, shownErrors), [
    { header: 'line', value: (e) => e.line },
    { header: 'device', value: (e) => e.device },
    { header: 'error', value: (e) => e.message },
  ]);
  const rest = refused - Math.min(errors.length, shownErrors);
  return rest > 0
    ? `${text}\nand ${count(rest)} more: --output json shows up to 100 of each 5,000 lines`
    : text;
}

async function rebuild(
  session: Session,
  client: Client,
  { project, from, to }: { readonly project: string; readonly from: string; readonly to: string },
): Promise<void> {
  const days: string[] = [];
  for (let at = Date.parse(from); at <= Date.parse(to); at += dayMs)
    days.push(new Date(at).toISOString().slice(0, 10));
  if (days.length === 0) usage('--from is behind --to.');
  const view = new LiveView();
  const sum = { days: 0, windows: 0, named: 0, hours: 0, deviceDays: 0, labels: 0 };
  for (const day of days) {
    if (!session.out.isPlain)
      view.draw(
        [`${bar(sum.days / days.length)} ${percent(sum.days / days.length).padStart(5)}  ${day}`],
        day,
      );
    try {
      const done = await client.call('rollupRebuild', { params: { project }, body: { day } });
      for (const key of ['windows', 'named', 'hours', 'deviceDays', 'labels'] as const) sum[key] += done[key];
      sum.days++;
    } catch (error) {
      view.done();
      session.out.hint(`Go on with --from ${day}.`);
      throw error;
    }
  }
  view.clear();
  session.out.one(sum, () =>
    renderFacts([
      ['sums anew', plural(sum.days, 'day')],
      ['from', plural(sum.windows, 'window')],
      ['of builds known since', count(sum.named)],
      ['rows', `${count(sum.hours)} by hour, ${count(sum.deviceDays)} by device and day`],
      ['labels that were missing', count(sum.labels)],
    ]),
  );
}
