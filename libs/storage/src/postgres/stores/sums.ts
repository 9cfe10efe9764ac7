/** Sums as Postgres hands them out: lists of counts, and the names of the classes that they count. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

/** @param text of a one-dimensional array, `{1,2}`: Postgres writes it in two thirds of the time of JSON */
export function numbersOf(text: string): number[] {
  return JSON.parse(`[${text.slice(1, -1)}]`) as number[];
}

/** Of the releases of rows, once each: beside every row a model of many classes would be most of the answer. */
export async function releaseClasses(
  db: Db,
  scope: ProjectScope,
  rows: readonly { readonly release: string }[],
): Promise<Map<string, readonly string[]>> {
  const releases = [...new Set(rows.map(({ release }) => release))];
  if (releases.length === 0) return new Map();
  const known = await db.query<{ release: string; labels: string[] }>(namedQuery('quality/release-classes'), [
    scope.id,
    releases,
  ]);
  return new Map(known.map(({ release, labels }) => [release, labels]));
}
