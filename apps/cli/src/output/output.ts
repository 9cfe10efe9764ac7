/** Printing of results: a table for people, JSON or CSV for programs. Progress and hints go to stderr. */
import { csvLine } from '@tinyfleet/contracts';
import pc from 'picocolors';

export const outputFormats = ['table', 'json', 'csv'] as const;
export type OutputFormat = (typeof outputFormats)[number];
export type Cell = string | number | boolean | null | undefined;

export interface Column<T> {
  readonly header: string;
  readonly value: (row: T) => Cell;
  /** For the table only; `value` stays what JSON-minded programs see in CSV. */
  readonly text?: (row: T) => string;
}

export class Output {
  constructor(readonly format: OutputFormat) {}

  /** Programs read: no live drawing, no hints. */
  get isPlain(): boolean {
    return this.format !== 'table';
  }

  list<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>, emptyText = 'Nothing here yet.'): void {
    if (this.format === 'json') this.line(JSON.stringify(rows, undefined, 2));
    else if (this.format === 'csv') this.line(renderCsv(rows, columns));
    else if (rows.length === 0) this.line(pc.dim(emptyText));
    else this.line(renderTable(rows, columns));
  }

  /** One object: `text` for people, the object for programs. */
  one(value: object, text: () => string): void {
    if (this.format === 'json') this.line(JSON.stringify(value, undefined, 2));
    else if (this.format === 'csv') {
      const entries = Object.entries(value as Record<string, unknown>).map(([name, v]) => ({
        name,
        value: typeof v === 'object' && v !== null ? JSON.stringify(v) : (v as Cell),
      }));
      this.line(
        renderCsv(entries, [
          { header: 'name', value: (e) => e.name },
          { header: 'value', value: (e) => e.value },
        ]),
      );
    } else this.line(text());
  }

  line(text: string): void {
    process.stdout.write(`${text}\n`);
  }

  /** To stderr in every format: whoever answers for a release reads it in the log of a job, too. */
  warn(texts: readonly string[]): void {
    for (const text of texts) process.stderr.write(`${pc.yellow('warning')}  ${text}\n`);
  }

  /** Something to read beside the result, such as the next command. */
  hint(text: string): void {
    if (!this.isPlain) process.stderr.write(`${pc.dim(text)}\n`);
  }
}

const ANSI = /\u001b\[[0-9;]*m/g;
const width = (text: string) => [...text.replace(ANSI, '')].length;

/** Columns as wide as their widest cell, numbers to the right. */
export function renderTable<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>): string {
  const cells = rows.map((row) =>
    columns.map((column) => column.text?.(row) ?? cellText(column.value(row), '-')),
  );
  const widths = columns.map((column, i) =>
    Math.max(width(column.header), ...cells.map((row) => width(row[i] ?? ''))),
  );
  const right = columns.map(
    (column) => rows.length > 0 && rows.every((row) => typeof column.value(row) === 'number'),
  );
  const pad = (text: string, i: number) => {
    const space = ' '.repeat(Math.max(0, (widths[i] ?? 0) - width(text)));
    return right[i] ? space + text : text + space;
  };
  const head = columns.map((column, i) => pc.dim(pad(column.header.toUpperCase(), i)));
  return [head, ...cells.map((row) => row.map(pad))]
    .map((row) => row.join('  ').replace(/ +$/, ''))
    .join('\n');
}

/** RFC 4180 with a header; a cell that a spreadsheet would run as a formula gets an apostrophe. */
export function renderCsv<T>(rows: readonly T[], columns: ReadonlyArray<Column<T>>): string {
  return [
    csvLine(columns.map((column) => column.header)),
    ...rows.map((row) => csvLine(columns.map((column) => column.value(row)))),
  ].join('\r\n');
}

function cellText(cell: Cell, empty: string): string {
  return cell === null || cell === undefined || cell === '' ? empty : String(cell);
}

/** `name  value` lines. */
export function renderFacts(facts: ReadonlyArray<readonly [string, Cell]>): string {
  const widest = Math.max(...facts.map(([name]) => width(name)));
  return facts.map(([name, value]) => `${pc.dim(name.padEnd(widest))}  ${cellText(value, '-')}`).join('\n');
}
