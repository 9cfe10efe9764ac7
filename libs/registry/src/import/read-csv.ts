/** Reads a device file as it arrives: header, rows, what is wrong with them. Holds one batch of rows, never the file. */
import { FleetError } from '@tinyfleet/errors';
import { parse, type CsvError } from 'csv-parse';
import type { AttributeLimits } from '../attributes.js';
import { planColumns, type ColumnPlan, type ImportRow, type RowError } from './columns.js';

export interface CsvLimits {
  readonly maxRows: number;
  readonly maxBytes: number;
  /** Of the fields of one row together. */
  readonly maxLineBytes: number;
  readonly attributes: AttributeLimits;
}

export interface CsvSink {
  /** Rows that are right by themselves, in the order of the file. Awaited before more is read. */
  rows(rows: readonly ImportRow[], columns: ColumnPlan): Promise<void>;
  error(error: RowError): void;
  /** Rows read so far. */
  progress(rows: number): void;
}

const BATCH = 5_000;

/** @returns how many rows there were. @throws registry.import-header, -encoding, -empty, -too-large, -too-many-rows */
export async function readDeviceCsv(
  source: AsyncIterable<Uint8Array>,
  sink: CsvSink,
  limits: CsvLimits,
): Promise<number> {
  let columns: ColumnPlan | undefined;
  let batch: ImportRow[] = [];
  let rows = 0;
  let bytes = 0;
  let lastLines = 0;
  let failure: Error | undefined;
  /** The line where the file stops to be CSV: what follows cannot be read. */
  let broken: RowError | undefined;

  const take = (record: string[], context: { lines: number }): null => {
    if (failure !== undefined) return null;
    const line = beginOf(record, context.lines);
    try {
      if (columns === undefined) columns = planColumns(record, limits.attributes);
      else {
        rows++;
        if (rows > limits.maxRows)
          throw new FleetError('registry.import-too-many-rows', { limit: limits.maxRows });
        const row = columns.read(record, line, (error) => sink.error(error));
        if (row) batch.push(row);
      }
    } catch (error) {
      failure = error instanceof Error ? error : new Error(String(error));
    }
    return null;
  };
  let corrected = 0;
  /** csv-parse counts a CRLF in quotes as two lines. */
  const beginOf = (record: readonly string[], lines: number): number => {
    let inside = 0;
    if (lines - lastLines > 1) {
      for (const cell of record) {
        const breaks = cell.match(/\r\n|\r|\n/g);
        if (!breaks) continue;
        inside += breaks.length;
        corrected += breaks.filter((one) => one.length === 2).length;
      }
    }
    lastLines = lines;
    return lines - corrected - inside;
  };

  const parser = parse({
    bom: true,
    relax_column_count: true,
    skip_empty_lines: true,
    record_delimiter: ['\r\n', '\n', '\r'],
    // csv-parse compares before it adds a byte.
    max_record_size: limits.maxLineBytes - 1,
    on_record: take,
  });
  const ended = new Promise<void>((resolve) => {
    parser.once('end', resolve);
    parser.once('error', (error: CsvError) => {
      broken = {
        line: lastLines - corrected + 1,
        column: null,
        code: 'registry.import-broken',
        message: `${faultOf(error, limits)}; the rest of the file is not read`,
      };
      resolve();
    });
    parser.once('close', resolve);
  });
  parser.resume();
  const flush = async (least: number): Promise<void> => {
    if (failure !== undefined) throw failure;
    if (batch.length < least || !columns) return;
    const full = batch;
    batch = [];
    await sink.rows(full, columns);
  };
  const isBroken = (): boolean => broken !== undefined;
  for await (const chunk of source) {
    bytes += chunk.length;
    if (bytes > limits.maxBytes)
      throw new FleetError('registry.import-too-large', { limitBytes: limits.maxBytes });
    if (bytes === chunk.length) requireUtf8(chunk);
    // What comes after a break is read off and dropped, so that the sender gets the answer.
    if (isBroken()) continue;
    await new Promise<void>((resolve) => {
      parser.write(chunk, () => resolve());
    });
    sink.progress(rows);
    await flush(BATCH);
  }
  if (!isBroken()) {
    parser.end();
    await ended;
  }
  await flush(1);
  if (broken) sink.error(broken);
  if (columns === undefined && !broken) throw new FleetError('registry.import-empty');
  sink.progress(rows);
  return rows;
}

/** UTF-16 has a NUL in every other byte of what we read. @throws registry.import-encoding */
function requireUtf8(chunk: Uint8Array): void {
  const [a, b] = chunk;
  if ((a === 0xff && b === 0xfe) || (a === 0xfe && b === 0xff) || a === 0 || b === 0)
    throw new FleetError('registry.import-encoding', { found: 'UTF-16' });
}

function faultOf(error: CsvError, { maxLineBytes }: CsvLimits): string {
  switch (error.code) {
    case 'CSV_MAX_RECORD_SIZE':
      return `the fields of the row have more than ${maxLineBytes} bytes, or a quote is not closed`;
    case 'CSV_QUOTE_NOT_CLOSED':
      return 'a quote is not closed';
    case 'INVALID_OPENING_QUOTE':
      return 'a quote begins inside a field: put the whole field in quotes and double those within';
    case 'CSV_INVALID_CLOSING_QUOTE':
      return 'text follows a closing quote: double the quotes within a field';
    default:
      return error.message;
  }
}
