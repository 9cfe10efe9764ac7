/**
 * CSV as RFC 4180 has it, one line at a time. A text that a spreadsheet would run as a formula gets an apostrophe before it,
 * and so does one that only differs from such a text by apostrophes: `csvText` takes exactly one away, so nothing is lost.
 */
export type CsvCell = string | number | boolean | null | undefined;

/** OWASP's list: = + - @, tab, line ends, and the full-width forms that spreadsheets take for them. */
const FORMULA = /^'*[=+@\t\r\n\-\uFF1D\uFF0B\uFF0D\uFF20]/;

/** Without the line's end. */
export function csvLine(cells: readonly CsvCell[]): string {
  return cells.map(csvCell).join(',');
}

function csvCell(cell: CsvCell): string {
  if (cell === null || cell === undefined) return '';
  const text = typeof cell === 'string' && FORMULA.test(cell) ? `'${cell}` : String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The text that `csvLine` was given, of a cell that a CSV reader has read. */
export function csvText(cell: string): string {
  return cell.startsWith("'") && FORMULA.test(cell) ? cell.slice(1) : cell;
}
