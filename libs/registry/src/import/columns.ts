/**
 * Columns of a device file: name, type, tags, site, hardwareRevision, notes and attr.KEY. Turns a header into a plan and a
 * row into what is stored, or into what is wrong with which column. Whether names and types exist is asked of storage.
 */
import { NAME_PATTERN, csvText } from '@tinyfleet/contracts';
import { FleetError, isFleetError, type ErrorCode } from '@tinyfleet/errors';
import {
  attributeLimits,
  checkAttribute,
  type AttributeLimits,
  type AttributeValue,
  type AttributeValues,
} from '../attributes.js';

export const DEVICE_COLUMNS = ['name', 'type', 'tags', 'site', 'hardwareRevision', 'notes'] as const;
type DeviceColumn = (typeof DEVICE_COLUMNS)[number];
const ATTRIBUTE_PREFIX = 'attr.';

const MAX_TAGS = 32;
const MAX_SITE = 63;
const MAX_HARDWARE_REVISION = 63;
const MAX_NOTES = 4_000;

/** One device as the file has it; undefined where the file lacks the column. */
export interface ImportRow {
  readonly line: number;
  readonly name: string;
  readonly type: string;
  readonly tags: readonly string[] | undefined;
  readonly site: string | undefined;
  readonly hardwareRevision: string | undefined;
  readonly notes: string | undefined;
  readonly attributes: AttributeValues | undefined;
}

export interface RowError {
  readonly line: number;
  readonly column: string | null;
  readonly code: string;
  readonly message: string;
}

export interface ColumnPlan {
  readonly header: readonly string[];
  readonly has: ReadonlySet<string>;
  read(cells: readonly string[], line: number, errors: (error: RowError) => void): ImportRow | undefined;
}

/** @throws registry.import-header */
export function planColumns(
  header: readonly string[],
  limits: AttributeLimits = attributeLimits,
): ColumnPlan {
  const fail = (reason: string): never => {
    throw new FleetError('registry.import-header', { reason });
  };
  const at = new Map<string, number>();
  const attributes: { key: string; column: string; at: number }[] = [];
  for (const [index, column] of header.entries()) {
    if (at.has(column)) fail(`the column ${quote(column)} is there twice`);
    at.set(column, index);
    if (column.startsWith(ATTRIBUTE_PREFIX)) {
      const key = column.slice(ATTRIBUTE_PREFIX.length);
      try {
        checkAttribute(key, true, limits);
      } catch (error) {
        fail(`the column ${quote(column)}: ${(error as Error).message}`);
      }
      attributes.push({ key, column, at: index });
    } else if (!DEVICE_COLUMNS.some((known) => known === column)) {
      const meant = DEVICE_COLUMNS.find((known) => known.toLowerCase() === column.trim().toLowerCase());
      fail(
        `the column ${quote(column)} is not known; ${meant === undefined ? `columns are ${DEVICE_COLUMNS.join(', ')} and attr.KEY` : `it is written ${meant}`}`,
      );
    }
  }
  for (const needed of ['name', 'type'] as const)
    if (!at.has(needed)) fail(`the column ${needed} is missing`);
  if (attributes.length > limits.maxCount)
    fail(`it has ${attributes.length} attributes of at most ${limits.maxCount}`);

  const place = (column: DeviceColumn): number => at.get(column) ?? -1;
  const [name, type, tags, site, hardwareRevision, notes] = DEVICE_COLUMNS.map(place) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  return {
    header,
    has: new Set(at.keys()),
    read(fields, line, report) {
      const cells = fields.map(csvText);
      if (cells.length !== header.length) {
        const message = `the row has ${cells.length} fields, the header ${header.length}`;
        report({ line, column: null, code: 'registry.import-fields', message });
        return undefined;
      }
      let faults = 0;
      const wrong = (column: string, message: string, code: ErrorCode = 'registry.import-value') => {
        report({ line, column, code, message });
        faults++;
      };
      const text = (index: number, column: string, max: number): string | undefined => {
        if (index < 0) return undefined;
        const value = cells[index] ?? '';
        if (value.length > max) wrong(column, `it has ${value.length} characters of at most ${max}`);
        else if (value !== '') checkText(value, (message) => wrong(column, message));
        return value;
      };
      const row: ImportRow = {
        line,
        name: nameOf(cells[name] ?? '', (message) => wrong('name', message)),
        type: nameOf(cells[type] ?? '', (message) => wrong('type', message)),
        tags: tags < 0 ? undefined : tagsOf(cells[tags] ?? '', (message) => wrong('tags', message)),
        site: text(site, 'site', MAX_SITE),
        hardwareRevision: text(hardwareRevision, 'hardwareRevision', MAX_HARDWARE_REVISION),
        notes: text(notes, 'notes', MAX_NOTES),
        attributes: attributes.length === 0 ? undefined : attributesOf(),
      };
      return faults === 0 ? row : undefined;

      function attributesOf(): AttributeValues {
        const values: Record<string, AttributeValue> = {};
        for (const { key, column, at: index } of attributes) {
          const cell = cells[index] ?? '';
          if (cell === '') continue;
          const before = faults;
          checkText(cell, (message) => wrong(column, message));
          if (before !== faults) continue;
          const value = attributeValue(cell);
          try {
            if (typeof value === 'string') checkAttribute(key, value, limits);
            values[key] = value;
          } catch (error) {
            if (!isFleetError(error)) throw error;
            wrong(column, error.message, error.code);
          }
        }
        return values;
      }
    },
  };
}

const NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** Numbers and true or false are what they look like; a text that looks so too is written as JSON, `"12"`. */
function attributeValue(cell: string): AttributeValue {
  if (cell === 'true' || cell === 'false') return cell === 'true';
  if (NUMBER.test(cell) && Number.isFinite(Number(cell))) return Number(cell);
  if (cell.length > 1 && cell.startsWith('"') && cell.endsWith('"')) {
    try {
      const value: unknown = JSON.parse(cell);
      if (typeof value === 'string') return value;
    } catch {
      // A text with quotes around it, then.
    }
  }
  return cell;
}

/** The cell that `attributeValue` reads as this value. */
export function attributeCell(value: AttributeValue): string {
  const text = String(value);
  return typeof value === 'string' && attributeValue(text) !== value ? JSON.stringify(value) : text;
}

function nameOf(cell: string, wrong: (message: string) => void): string {
  if (!NAME_PATTERN.test(cell)) wrong(nameFault(cell));
  return cell;
}

const isBlank = /[\s;,]+/;

function tagsOf(cell: string, wrong: (message: string) => void): string[] {
  if (cell === '') return [];
  const tags = [...new Set(cell.split(isBlank).filter((tag) => tag !== ''))].sort();
  const bad = tags.find((tag) => !NAME_PATTERN.test(tag));
  if (bad !== undefined) wrong(nameFault(bad));
  if (tags.length > MAX_TAGS) wrong(`it has ${tags.length} tags of at most ${MAX_TAGS}`);
  return tags;
}

/** What is wrong with a name, down to the character: letters of other scripts look like ours. */
function nameFault(name: string): string {
  if (name === '') return 'it is empty';
  for (const [index, character] of [...name].entries()) {
    if (/[a-z0-9._-]/.test(character)) continue;
    const point = `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0')}`;
    const where = `character ${index + 1} is ${character === '\uFFFD' ? 'not valid UTF-8' : `${quote(character)} (${point})`}`;
    if (/[A-Z]/.test(character))
      return `${quote(name)}: ${where}, an upper-case letter; write ${quote(name.toLowerCase())}`;
    return `${quote(name)}: ${where}; use a-z 0-9 . _ -`;
  }
  if (name.length > 63) return `it has ${name.length} characters of at most 63`;
  return `${quote(name)} has to begin with a letter or digit`;
}

function checkText(value: string, wrong: (message: string) => void): void {
  if (value.includes('\uFFFD')) wrong('it is not valid UTF-8');
  else if (value.includes('\0')) wrong('it holds the character U+0000');
}

const SHOWN = 60;
const quote = (text: string): string =>
  JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
