/** Keyset pages: the cursor is the last row's key, so a page costs the same wherever it is. */
import type { Page, PageRequest } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';

/** The key after which to go on; undefined on the first page. @throws registry.cursor-invalid */
export function cursorKey(page: PageRequest, parts = 1): string[] | undefined {
  if (page.cursor === undefined) return undefined;
  try {
    const key: unknown = JSON.parse(Buffer.from(page.cursor, 'base64url').toString('utf8'));
    if (Array.isArray(key) && key.length === parts && key.every((part) => typeof part === 'string'))
      return key;
  } catch {
    // Falls through to the same answer.
  }
  throw new FleetError('registry.cursor-invalid');
}

/** The key when it is a row's id. @throws registry.cursor-invalid */
export const cursorId = (page: PageRequest): string | undefined =>
  matching(page, /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
/** The key when it is a whole number. @throws registry.cursor-invalid */
export const cursorNumber = (page: PageRequest): string | undefined => matching(page, /^\d{1,18}$/);

function matching(page: PageRequest, form: RegExp): string | undefined {
  const key = cursorKey(page)?.[0];
  if (key !== undefined && !form.test(key)) throw new FleetError('registry.cursor-invalid');
  return key;
}

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
