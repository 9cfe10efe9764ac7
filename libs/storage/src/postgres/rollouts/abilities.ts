/** What devices can, as rollouts judge it: by key, which many devices share (migration 0018), or by type. */
import type { ProjectScope } from '@tinyfleet/contracts';
import type { Filter } from '@tinyfleet/filter';
import { parseAbi, type AbilityGroup, type DeviceAbilities } from '@tinyfleet/rollouts';
import { opBits, opVersions, type SensorDescriptor } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { namedQuery } from '../queries/index.js';
import { Parameters } from '../queries/parameters.js';
import { specOf, type StoredSpec } from '../stores/device-store.js';

/** A hello as it is stored: bytes as hex. */
interface StoredHello extends Pick<DeviceAbilities, 'abi' | 'slotBytes' | 'arenaBytes' | 'stateBytes'> {
  readonly opSet: string;
  readonly ownOpSet?: string;
  readonly opVersions?: Readonly<Record<string, number>>;
  readonly sensors?: readonly SensorDescriptor[];
  readonly frontEnd?: string;
  readonly firmwareSlotBytes?: number;
}

export interface GroupRow {
  readonly typeId: string;
  readonly type: string;
  readonly ability: string | null;
  readonly devices: number;
  readonly sample: readonly string[];
}

/** Looks up what rows with a type and a key can; each key is read once. */
export async function loadAbilities<Row extends Pick<GroupRow, 'typeId' | 'ability'>>(
  db: Db,
  scope: ProjectScope,
  rows: readonly Row[],
): Promise<(Row & { readonly abilities: DeviceAbilities; readonly hasGreeted: boolean })[]> {
  const keys = new Set(rows.flatMap(({ ability }) => ability ?? []));
  const [byKey, byType] = [await abilitiesByKey(db, scope, [...keys]), await abilitiesOfTypes(db, scope)];
  return rows.map((row) => ({
    ...row,
    hasGreeted: row.ability !== null,
    // A key whose last device has said something else since: the next look finds the new one.
    abilities: (row.ability === null ? undefined : byKey.get(row.ability)) ?? byType.get(row.typeId)!,
  }));
}

/** Devices in service that match, counted by what they can. @throws registry.group-not-found */
export async function abilityGroups(db: Db, scope: ProjectScope, filter: Filter): Promise<AbilityGroup[]> {
  const names = await loadFilterNames(db, scope, filter);
  const parameters = new Parameters([scope.id]);
  const rows = await db.query<GroupRow & object>(
    `select g.type_id as "typeId", t.name as type, g.ability, g.devices, g.sample from (
       select d.type_id, report.ability, count(*)::int as devices, array[min(d.name), max(d.name)] as sample
       from device d left join device_report report on report.project_id = d.project_id and report.device_id = d.id
       where d.project_id = $1 and d.state not in ('suspended', 'retired') and ${filterSql(filter, parameters, names)}
       group by d.type_id, report.ability
     ) as g join device_type t on t.project_id = $1 and t.id = g.type_id`,
    parameters.values,
  );
  return await loadAbilities(db, scope, rows);
}

async function abilitiesByKey(
  db: Db,
  scope: ProjectScope,
  keys: readonly string[],
): Promise<Map<string, DeviceAbilities>> {
  if (keys.length === 0) return new Map();
  const rows = await db.query<{ ability: string; firmware: string; floor: number; hello: StoredHello }>(
    namedQuery('rollouts/abilities'),
    [scope.id, keys],
  );
  return new Map(rows.map((row) => [row.ability, fromHello(row)]));
}

function fromHello({
  hello,
  firmware,
  floor,
}: {
  readonly hello: StoredHello;
  readonly firmware: string;
  readonly floor: number;
}): DeviceAbilities {
  return {
    abi: hello.abi,
    slotBytes: hello.slotBytes,
    arenaBytes: hello.arenaBytes,
    stateBytes: hello.stateBytes,
    ops: { opSet: hello.opSet, ownOpSet: hello.ownOpSet ?? '' },
    opVersions: hello.opVersions ?? {},
    floor,
    firmware,
    sensors: hello.sensors ?? [],
    stages: hello.frontEnd === undefined ? undefined : [...Buffer.from(hello.frontEnd, 'hex')],
    imageBytes: hello.firmwareSlotBytes ?? 0,
  };
}

/** For devices that have not said what they are. */
async function abilitiesOfTypes(db: Db, scope: ProjectScope): Promise<Map<string, DeviceAbilities>> {
  const rows = await db.query<{ id: string; spec: StoredSpec }>(
    'select id, spec from device_type where project_id = $1',
    [scope.id],
  );
  return new Map(
    rows.map(({ id, spec }) => {
      const { abi, slotBytes, arenaBytes, stateBytes, ops } = specOf(spec);
      return [
        id,
        {
          abi: parseAbi(abi) ?? 0,
          slotBytes,
          arenaBytes,
          stateBytes,
          ops: opBits(Object.keys(ops)),
          opVersions: opVersions(ops),
          floor: 0,
          firmware: undefined,
          sensors: undefined,
          stages: undefined,
          imageBytes: undefined,
        },
      ];
    }),
  );
}
