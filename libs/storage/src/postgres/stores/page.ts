/** Keyset pages: the cursor is the last row's key, so a page costs the same wherever it is. */
import type { Page, PageRequest } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

/** The key after which to go on; undefined on the first page. @throws registry.cursor-invalid */
export function cursorKey(page: PageRequest, parts = 1): string[] | undefined {
  if (page.cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(page.cursor, 'base64url').toString('utf8'));
    // Postgres takes no NUL in a text.
    if (
      Array.isArray(key) &&
      key.length === parts &&
      key.every((part) => typeof part === 'string' && !part.includes('\0'))
    )
      return key as string[];
  } catch {
    // Falls through to the same answer.
  }
  throw new FleetError('registry.cursor-invalid');
}

export const isUuid = (text: string): boolean => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text);
/** As `iso` writes it; years of four digits, which Postgres knows. */
export const isIso = (text: string): boolean =>
  /^\d{4}-/.test(text) && !Number.isNaN(Date.parse(text)) && iso(new Date(text)) === text;

/** The key when each part has its form. @throws registry.cursor-invalid */
export function cursorOf(
  page: PageRequest,
  ...forms: ReadonlyArray<(part: string) => boolean>
): string[] | undefined {
  const key = cursorKey(page, forms.length);
  if (key && !forms.every((fits, i) => fits(key[i]!))) throw new FleetError('registry.cursor-invalid');
  return key;
}

/** The key when it is a row's id. @throws registry.cursor-invalid */
export const cursorId = (page: PageRequest): string | undefined => cursorOf(page, isUuid)?.[0];
/** The key when it is a whole number. @throws registry.cursor-invalid */
export const cursorNumber = (page: PageRequest): string | undefined => cursorOf(page, isNumber)?.[0];
export const isNumber = (text: string): boolean => /^\d{1,18}$/.test(text);

/** Rows were asked with `limit + 1`: the surplus one only tells that there are more. */
export function toPage<Row, T>(
  rows: readonly Row[],
  limit: number,
  key: (row: Row) => readonly string[],
  item: (row: Row) => T,
): Page<T> {
  const shown = rows.slice(0, limit);
  const last = shown.at(-1);
  const more = rows.length > limit && last !== undefined;
  return {
    items: shown.map(item),
    nextCursor: more ? Buffer.from(JSON.stringify(key(last))).toString('base64url') : null,
  };
}

export const iso = (date: Date): string => date.toISOString();
export const isoOrNull = (date: Date | null): string | null => date?.toISOString() ?? null;
