/** The audit log as lines, page by page: one page is in memory, and the next is read when the socket has drained. */
import { csvLine, type Page, type Resource } from '@tinyfleet/contracts';

const PAGE = 1_000;
type Entry = Resource<'AuditEntry'>;
type ReadPage = (page: { cursor?: string | undefined; limit: number }) => Promise<Page<Entry>>;

export async function* exportLines(readPage: ReadPage, format: 'ndjson' | 'csv'): AsyncGenerator<string> {
  if (format === 'csv') yield `${csvLine(COLUMNS.map(([header]) => header))}\r\n`;
  let cursor: string | undefined;
  do {
    const page = await readPage({ cursor, limit: PAGE });
    // One string a page: a write for each line costs more than the line.
    if (page.items.length > 0) yield page.items.map(format === 'csv' ? csvOf : ndjsonOf).join('');
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

const ndjsonOf = (entry: Entry): string => `${JSON.stringify(entry)}\n`;
const csvOf = (entry: Entry): string => `${csvLine(COLUMNS.map(([, value]) => value(entry)))}\r\n`;
const json = (value: Record<string, unknown> | null): string => (value === null ? '' : JSON.stringify(value));

const COLUMNS: ReadonlyArray<readonly [string, (entry: Entry) => string | null]> = [
  ['at', ({ at }) => at],
  ['project', ({ project }) => project],
  ['actor', ({ actor }) => actor],
  ['action', ({ action }) => action],
  ['subject', ({ subject }) => subject],
  ['data', ({ data }) => json(data)],
  ['before', ({ before }) => json(before)],
  ['after', ({ after }) => json(after)],
  ['address', ({ address }) => address],
  ['userAgent', ({ userAgent }) => userAgent],
  ['requestId', ({ requestId }) => requestId],
  ['token', ({ token }) => token],
  ['id', ({ id }) => id],
];
