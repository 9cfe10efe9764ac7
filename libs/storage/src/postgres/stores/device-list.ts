/**
 * Pages of devices. A page's keys are found first, over `device` and what the filter names, and only its rows are joined
 * with presence, report and release: a page costs the same wherever it is.
 */
import type { Filter } from '@tinyfleet/filter';
import type { DeviceListRequest } from '@tinyfleet/registry';
import type { ProjectScope } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Db } from '../database.js';
import { DEVICE_COLUMNS, DEVICE_FROM, type DeviceListRow } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { cursorKey } from './page.js';

/** A row of the page's keys: the device and where it is in the order. */
export interface PageKey {
  readonly id: string;
  readonly key: readonly string[];
}
interface KeyRow {
  readonly id: string;
  readonly a: string;
  readonly b: string;
}

const ROWS = `select ${DEVICE_COLUMNS} ${DEVICE_FROM} where d.project_id = $1 and d.id = any($2::uuid[])`;
/**
 * The commonest page: everything by name. Prepared, because planning it takes longer than running it; with its limit written
 * out, because Postgres plans a statement anew each time when it takes the limit for a tenth of the table. A page that asks
 * for another number takes the next larger one.
 */
const SIZES = [51, 101, 201, 501] as const;
const byName = (size: number): string =>
  `select ${DEVICE_COLUMNS} ${DEVICE_FROM} where d.project_id = $1 and d.name > $2 order by d.name limit ${size}`;
const BY_NAME = new Map(SIZES.map((size) => [size as number, byName(size)]));

export async function listDevices(
  db: Db,
  scope: ProjectScope,
  filter: Filter,
  request: DeviceListRequest,
): Promise<{ row: DeviceListRow; key: readonly string[] }[]> {
  const wanted = request.limit + 1;
  if (filter.kind === 'all' && (request.sort ?? 'name') === 'name' && request.order !== 'desc') {
    const [after = ''] = cursorKey(request) ?? [];
    const size = SIZES.find((one) => one >= wanted) ?? wanted;
    const rows = await db.query<DeviceListRow>(
      BY_NAME.get(size) ?? byName(size),
      [scope.id, after],
      `device-list-${size}`,
    );
    return rows.slice(0, wanted).map((row) => ({ row, key: [row.name] }));
  }
  const keys = await pageKeys(db, scope, filter, request, wanted);
  if (keys.length === 0) return [];
  const ids = keys.map(({ id }) => id);
  const rows = await db.query<DeviceListRow>(ROWS, [scope.id, ids], 'device-rows');
  const byId = new Map(rows.map((row) => [row.id, row]));
  return keys.flatMap(({ id, key }) => {
    const row = byId.get(id);
    return row ? [{ row, key }] : [];
  });
}

/** Keys of the devices that match, in order, after the cursor. */
export async function pageKeys(
  db: Db,
  scope: ProjectScope,
  filter: Filter,
  request: DeviceListRequest,
  wanted: number,
): Promise<PageKey[]> {
  const names = await loadFilterNames(db, scope, filter);
  const sort = request.sort ?? 'name';
  const order = request.order ?? (sort === 'name' ? 'asc' : 'desc');
  const after = order === 'asc' ? '>' : '<';
  const build = (): { parameters: Parameters; condition: string } => {
    const parameters = new Parameters([scope.id]);
    return { parameters, condition: filterSql(filter, parameters, names) };
  };
  const pageByName = async (cursor: string | undefined, extra: string, limit: number): Promise<PageKey[]> => {
    const { parameters, condition } = build();
    const past = sort === 'name' ? after : '>';
    const from = cursor === undefined ? '' : `and d.name ${past} ${parameters.add(cursor)}`;
    const rows = await db.query<KeyRow>(
      `select d.id, d.name as a from device d where d.project_id = $1 ${from} ${extra} and ${condition}
       order by d.name ${sort === 'name' ? order : 'asc'} limit ${parameters.add(limit)}`,
      parameters.values,
    );
    return rows.map(({ id, a }) => ({ id, key: sort === 'name' ? [a] : ['', a] }));
  };
  if (sort === 'name') return await pageByName(cursorKey(request)?.[0], '', wanted);

  const cursor = cursorKey(request, 2);
  if (cursor && cursor[0] !== '' && !isTime(cursor[0]!)) throw new FleetError('registry.cursor-invalid');
  const { parameters, condition } = build();
  const from = (columns: string, type: string): string =>
    cursor === undefined
      ? ''
      : `and (${columns}) ${after} (${parameters.add(cursor[0])}::timestamptz, ${parameters.add(cursor[1])}::${type})`;
  if (sort === 'createdAt') {
    const rows = await db.query<KeyRow>(
      `select d.id, d.created_at::text as a, d.name as b from device d
       where d.project_id = $1 ${from('d.created_at, d.name', 'text')} and ${condition}
       order by d.created_at ${order}, d.name ${order} limit ${parameters.add(wanted)}`,
      parameters.values,
    );
    return rows.map(({ id, a, b }) => ({ id, key: [a, b] }));
  }
  // Those never heard of come last, by name, whichever way the others go: their keys have no time.
  const isPast = cursor !== undefined && cursor[0] === '';
  if (cursor && !isPast && !/^[0-9a-f-]{36}$/.test(cursor[1]!))
    throw new FleetError('registry.cursor-invalid');
  const rows = isPast
    ? []
    : await db.query<KeyRow>(
        `select d.id, here.last_seen_at::text as a, d.id::text as b
         from presence here join device d on d.project_id = here.project_id and d.id = here.device_id
         where here.project_id = $1 ${from('here.last_seen_at, here.device_id', 'uuid')} and ${condition}
         order by here.last_seen_at ${order}, here.device_id ${order} limit ${parameters.add(wanted)}`,
        parameters.values,
      );
  const seen = rows.map(({ id, a, b }) => ({ id, key: [a, b] }));
  if (seen.length === wanted) return seen;
  const never = `and not exists (select from presence here where here.project_id = $1 and here.device_id = d.id)`;
  return [...seen, ...(await pageByName(isPast ? cursor[1] : undefined, never, wanted - seen.length))];
}

/** As Postgres writes timestamptz. */
const isTime = (text: string): boolean =>
  /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d{1,6})?[+-]\d\d(:\d\d){0,2}$/.test(text);
