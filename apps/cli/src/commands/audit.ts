/** `tinyfleet audit`: who changed what, when and from where; searched, or exported as a stream. */
import { createWriteStream } from 'node:fs';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Client, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { Command, Option } from 'commander';
import { integer, instant } from '../arguments.js';
import { ago } from '../output/format.js';
import { Session, all } from '../session.js';

interface FilterOptions {
  all?: boolean;
  actor?: string;
  action?: string;
  subject?: string;
  from?: string;
  to?: string;
  text?: string;
}

export function auditCommand(): Command {
  const command = new Command('audit').description('The audit log: who changed what, when and from where');

  withFilter(command.command('list'))
    .description('entries, newest first')
    .option('--limit <n>', 'at most so many', integer('--limit', 1, 100_000), 50)
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet audit list --from 24h --action 'device.*'
  $ npx tinyfleet audit list --all --actor person:ada@example.com
  $ npx tinyfleet audit list --subject pump-17 --output json`,
    )
    .action(async (options: FilterOptions & { limit: number }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const read = await reader(session, client, options);
      const entries = await all(read, options.limit);
      session.out.list(entries, [
        { header: 'at', value: (e) => e.at, text: (e) => ago(e.at) },
        ...(options.all === true ? [{ header: 'project', value: (e: Entry) => e.project }] : []),
        { header: 'actor', value: (e) => e.actor },
        { header: 'action', value: (e) => e.action },
        { header: 'subject', value: (e) => e.subject },
        { header: 'change', value: changeText },
        { header: 'address', value: (e) => e.address },
      ]);
    });

  withFilter(command.command('export'))
    .description('all entries as a stream, newest first')
    .addOption(new Option('--format <format>', 'NDJSON or CSV').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--out <file>', 'into a file instead of the terminal')
    .addHelpText(
      'after',
      `
Examples:
  $ npx tinyfleet audit export --from 2026-01-01T00:00:00Z --out audit.ndjson
  $ npx tinyfleet audit export --all --format csv --out audit.csv`,
    )
    .action(async (options: FilterOptions & { format: 'ndjson' | 'csv'; out?: string }, self: Command) => {
      const session = Session.of(self);
      const client = await session.client();
      const query = { ...filterOf(options), format: options.format };
      const stream =
        options.all === true
          ? await client.call('instanceAuditExport', { query })
          : await client.call('auditExport', { params: { project: await session.project() }, query });
      await write(stream, options.out);
      if (options.out !== undefined) session.out.one({ written: options.out }, () => options.out ?? '');
    });
  return command;
}

type Entry = Resource<'AuditEntry'>;

function withFilter(command: Command): Command {
  return command
    .option('--all', 'the instance and every project (administrators)')
    .option('--actor <actor>', 'person:<email>, token:<email>/<name>, device:<name> or system')
    .option('--action <action>', 'noun.verb, or noun.* for everything about it')
    .option('--subject <name>', 'what was changed')
    .option(
      '--from <time>',
      'since then: a time such as 2026-01-31T12:00:00Z, or 30m, 24h, 7d ago',
      instant('--from'),
    )
    .option('--to <time>', 'before then', instant('--to'))
    .option('--text <text>', 'found anywhere in an entry');
}

function filterOf({ actor, action, subject, from, to, text }: FilterOptions) {
  const given = { actor, action, subject, from, to, text };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

async function reader(session: Session, client: Client, options: FilterOptions) {
  const filter = filterOf(options);
  if (options.all === true)
    return (page: { cursor?: string; limit: number }) =>
      client.call('instanceAuditList', { query: { ...filter, ...page } });
  const project = await session.project();
  return (page: { cursor?: string; limit: number }) =>
    client.call('auditList', { params: { project }, query: { ...filter, ...page } });
}

const CHANGE_CHARACTERS = 60;

/** `role: viewer -> operator`; details where nothing was replaced. */
function changeText({ before, after, data }: Entry): string {
  const keys = [...new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})])];
  const changed = keys.filter((key) => JSON.stringify(before?.[key]) !== JSON.stringify(after?.[key]));
  const shown = (value: unknown) =>
    typeof value === 'string' ? value : value === undefined ? '-' : JSON.stringify(value);
  const text =
    before !== null && after !== null
      ? changed.map((key) => `${key}: ${shown(before[key])} -> ${shown(after[key])}`).join(', ')
      : Object.entries(data)
          .map(([key, value]) => `${key}: ${shown(value)}`)
          .join(', ');
  return text.length > CHANGE_CHARACTERS ? `${text.slice(0, CHANGE_CHARACTERS - 1)}…` : text;
}

/** As it arrives, never all of it in memory. A reader that has enough (`| head`) is no failure. */
async function write(stream: ReadableStream<Uint8Array>, file: string | undefined): Promise<void> {
  const target: Writable = file === undefined ? process.stdout : createWriteStream(file, { mode: 0o600 });
  try {
    await pipeline(Readable.fromWeb(stream), target, { end: file !== undefined });
  } catch (error) {
    if (file === undefined && (error as NodeJS.ErrnoException).code === 'EPIPE') return;
    if (file === undefined) throw error;
    throw new FleetError('cli.file-unwritable', { path: file, reason: (error as Error).message });
  }
}
