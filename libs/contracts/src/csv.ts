/** CSV as RFC 4180 has it, one line at a time. */
export type CsvCell = string | number | boolean | null | undefined;

/** A text that a spreadsheet would run as a formula gets an apostrophe before it. Without the line's end. */
export function csvLine(cells: readonly CsvCell[]): string {
  return cells.map(csvCell).join(',');
}

function csvCell(cell: CsvCell): string {
  if (cell === null || cell === undefined) return '';
  let text = String(cell);
  if (typeof cell === 'string' && /^[=+@\t\r\n-]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
