/**
 * Labels as a CSV file: columns device, bootId, inferenceIndex, label in any order, others ignored. The label is a class number or one
 * of the model's labels. Every wrong row is reported with its line; the file is small enough to be held whole.
 */
import { FleetError } from '@tinyfleet/errors';
import { bootIdFromHex } from '@tinyfleet/wire';
import { csvText } from '@tinyfleet/contracts';
import { parse, CsvError } from 'csv-parse/sync';
import type { Label } from './ports.js';

export interface LabelFileLimits {
  /** Default 100,000. */
  readonly rows: number;
  /** Default 16 MB. */
  readonly bytes: number;
  /** Wrong rows that are listed. Default 100. */
  readonly errors: number;
}
export const labelFileLimits: LabelFileLimits = { rows: 100_000, bytes: 16 * 1024 * 1024, errors: 100 };

export interface LabelRowError {
  readonly line: number;
  readonly column: string;
  readonly code: string;
  readonly message: string;
}
export interface LabelRow extends Label {
  readonly line: number;
}

const COLUMNS = ['device', 'bootId', 'inferenceIndex', 'label'] as const;
type Column = (typeof COLUMNS)[number];
const MOST_INDEX = 4_294_967_295;

/** @throws telemetry.labels-header, -too-large, -refused with `errors` */
export function parseLabelFile(bytes: Uint8Array, limits: LabelFileLimits = labelFileLimits): LabelRow[] {
  if (bytes.length > limits.bytes)
    throw new FleetError('telemetry.labels-too-large', { limit: limits.bytes, what: 'bytes' });
  const records = read(bytes, limits.rows + 2);
  const [header, ...rows] = records;
  const names = (header?.cells ?? []).map((name) => name.trim());
  const at = new Map(COLUMNS.map((column) => [column, names.indexOf(column)]));
  const missing = COLUMNS.find((column) => (at.get(column) ?? -1) < 0);
  if (missing !== undefined)
    throw new FleetError('telemetry.labels-header', {
      column: missing,
      found: names.join(', ') || 'nothing',
    });
  if (rows.length > limits.rows)
    throw new FleetError('telemetry.labels-too-large', { limit: limits.rows, what: 'rows' });
  const errors: LabelRowError[] = [];
  const labels = rows.flatMap(({ line, cells }): LabelRow[] => {
    const cell = (column: Column): string => csvText((cells[at.get(column)!] ?? '').trim());
    const wrong = (column: Column, message: string): [] => {
      errors.push({ line, column, code: 'telemetry.labels-refused', message });
      return [];
    };
    const [device, index, label] = [cell('device'), cell('inferenceIndex'), cell('label')];
    const bootId = bootIdFromHex(cell('bootId'));
    if (device === '') return wrong('device', 'it is empty');
    if (bootId === undefined)
      return wrong('bootId', `"${cell('bootId').slice(0, 40)}" is not 16 hexadecimal digits`);
    if (!/^\d{1,10}$/.test(index) || Number(index) > MOST_INDEX)
      return wrong('inferenceIndex', `"${index.slice(0, 40)}" is no number from 0 to ${MOST_INDEX}`);
    if (label === '') return wrong('label', 'it is empty');
    const given = /^\d{1,4}$/.test(label) ? Number(label) : label;
    return [{ line, device, bootId, inferenceIndex: Number(index), label: given }];
  });
  refuse(errors, limits);
  return labels;
}

/** @throws telemetry.labels-refused naming what is wrong, if anything is */
export function refuse(
  errors: readonly LabelRowError[],
  { errors: most }: LabelFileLimits = labelFileLimits,
): void {
  if (errors.length > 0)
    throw new FleetError('telemetry.labels-refused', { count: errors.length, errors: errors.slice(0, most) });
}

/** @param most records, the header among them: of a file with more the rest is not looked at */
function read(
  bytes: Uint8Array,
  most: number,
): { readonly line: number; readonly cells: readonly string[] }[] {
  try {
    const found = parse(Buffer.from(bytes), {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      record_delimiter: ['\r\n', '\n', '\r'],
      max_record_size: 10_000,
      to: most,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return found.map(({ record, info }) => ({ line: info.lines, cells: record }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const { lines: line = 0 } = error as { lines?: number };
    throw new FleetError('telemetry.labels-refused', {
      count: 1,
      errors: [{ line, column: '', code: 'telemetry.labels-refused', message: error.message }],
    });
  }
}
