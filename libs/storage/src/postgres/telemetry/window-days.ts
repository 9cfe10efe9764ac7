/** Days that have a partition of windows. */
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';

const partition = 'telemetry_window_';

/** Unix ms of UTC midnight, in order. The first of January 1970 holds windows of unknown time. */
export async function windowDays(db: Db): Promise<number[]> {
  const rows = await db.query<{ name: string }>(
    `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid
     where i.inhparent = 'telemetry_window'::regclass order by 1`,
  );
  return rows.flatMap(({ name }) => {
    const day = /_(\d{4})(\d\d)(\d\d)$/.exec(name);
    return day ? [Date.UTC(Number(day[1]), Number(day[2]) - 1, Number(day[3]))] : [];
  });
}

/** The partition's name, quoted. */
export const tableOfDay = (dayMs: number): string =>
  `"${partition}${new Date(dayMs).toISOString().slice(0, 10).replaceAll('-', '')}"`;

export async function hasDay(db: Db, dayMs: number): Promise<boolean> {
  const [row] = await db.query<{ found: boolean }>('select to_regclass($1) is not null as found', [
    tableOfDay(dayMs),
  ]);
  return row!.found;
}

/** A query of telemetry_window on one day's partition alone: until its transaction ends, the parent's partitions can be made and dropped. */
export const queryOfDay = (name: string, dayMs: number): string =>
  namedQuery(name).replace(/\btelemetry_window\b/g, tableOfDay(dayMs));

export const isLockTimeout = (error: unknown): boolean => (error as { code?: string }).code === '55P03';
