/** Devices and their types. */
import type { Page, PageRequest, ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError, describeDeviceError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import {
  DEVICE_TRANSITIONS,
  currentImages,
  currentSlots,
  type AttributeValues,
  type DeviceChange,
  type DeviceListRequest,
  type DeviceMove,
  type DeviceState,
  type DeviceStore,
  type DeviceTypeSpec,
  type DeviceTypeUses,
  type DeviceTypeStore,
  type LockedDevice,
  type NewDevice,
  type ReportedSlot,
} from '@tinyfleet/registry';
import { FIRMWARE_OPS, REDUCED_FIRMWARE_OPS } from '@tinyfleet/wire';
import { uuidv7 } from 'uuidv7';
import { isDuplicate, type Db } from '../database.js';
import * as entities from '../entities/index.js';
import {
  DEVICE_COLUMNS,
  DEVICE_DETAIL_COLUMNS,
  DEVICE_FROM,
  type DeviceDetailRow,
  type DeviceListRow,
} from '../queries/devices.js';
import { namedQuery } from '../queries/index.js';
import { attributeChanges } from './audit-store.js';
import { listDevices } from './device-list.js';
import { iso, isoOrNull, toPage } from './page.js';

/** Wire names of reset causes, by number (docs/spec/wire.cddl). */
const RESET_CAUSES = [
  'unknown',
  'power-on',
  'external',
  'software',
  'watchdog',
  'brown-out',
  'fault',
  'deep-sleep',
  'update',
];

export class PgDeviceTypeStore implements DeviceTypeStore {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope): Promise<Resource<'DeviceType'>[]> {
    const rows = await this.db.manager
      .getRepository(entities.DeviceType)
      .find({ where: { projectId: scope.id }, order: { name: 'ASC' } });
    return rows.map((row) => ({
      ...specOf(row.spec as StoredSpec),
      name: row.name,
      builtIn: row.builtin,
      revision: row.revision,
    }));
  }

  async get(scope: ProjectScope, name: string): Promise<Resource<'DeviceType'>> {
    return await this.find(scope, name, '');
  }

  async lock(scope: ProjectScope, name: string): Promise<Resource<'DeviceType'>> {
    return await this.find(scope, name, 'for update');
  }

  private async find(
    scope: ProjectScope,
    name: string,
    lock: '' | 'for update',
  ): Promise<Resource<'DeviceType'>> {
    const [row] = await this.db.query<{ spec: StoredSpec; builtin: boolean; revision: number }>(
      `select spec, builtin, revision::float8 as revision from device_type where project_id = $1 and name = $2 ${lock}`,
      [scope.id, name],
    );
    if (!row) throw new FleetError('registry.type-not-found', { type: name });
    return { ...specOf(row.spec), name, builtIn: row.builtin, revision: row.revision };
  }

  async uses(scope: ProjectScope, name: string): Promise<DeviceTypeUses> {
    const [row] = await this.db.query<DeviceTypeUses>(
      `select (select count(*)::int from device x where x.project_id = $1 and x.type_id = t.id) as devices,
         (select count(*)::int from build x where x.project_id = $1 and x.type_id = t.id) as builds,
         (select count(*)::int from release_artifact x where x.project_id = $1 and x.type_id = t.id) as releases,
         (select count(*)::int from provisioning_key_type x where x.project_id = $1 and x.type_id = t.id) as "provisioning keys",
         (select count(*)::int from device_authority x where x.project_id = $1 and x.type_id = t.id) as authorities
       from device_type t where t.project_id = $1 and t.name = $2`,
      [scope.id, name],
    );
    if (!row) throw new FleetError('registry.type-not-found', { type: name });
    return row;
  }

  async update(scope: ProjectScope, spec: DeviceTypeSpec): Promise<number> {
    const [row] = await this.db.query<{ revision: number }>(
      `update device_type set spec = $3, revision = revision + 1 where project_id = $1 and name = $2
       returning revision::float8 as revision`,
      [scope.id, spec.name, JSON.stringify(spec)],
    );
    if (!row) throw new FleetError('registry.type-not-found', { type: spec.name });
    return row.revision;
  }

  async remove(scope: ProjectScope, name: string): Promise<void> {
    await this.db.execute('delete from device_type where project_id = $1 and name = $2', [scope.id, name]);
  }

  async add(scope: ProjectScope, spec: DeviceTypeSpec): Promise<void> {
    try {
      await this.db.manager
        .getRepository(entities.DeviceType)
        .insert({ projectId: scope.id, id: uuidv7(), name: spec.name, builtin: false, spec: { ...spec } });
    } catch (error) {
      throw isDuplicate(error) ? new FleetError('registry.type-exists', { type: spec.name }) : error;
    }
  }

  async refreshBuiltIn(scope: ProjectScope, catalogue: readonly DeviceTypeSpec[]): Promise<void> {
    await this.db.query(
      `insert into device_type (project_id, id, name, builtin, spec)
       select $1, id, spec ->> 'name', true, spec from unnest($2::uuid[], $3::jsonb[]) as c (id, spec)
       on conflict (project_id, name) do update set spec = excluded.spec, revision = device_type.revision + 1
       where device_type.builtin and device_type.spec <> excluded.spec`,
      [scope.id, catalogue.map(() => uuidv7()), catalogue.map((spec) => JSON.stringify(spec))],
    );
  }
}

/** As stored before types named their ops. */
export type StoredSpec = Omit<DeviceTypeSpec, 'ops'> & { readonly ops?: DeviceTypeSpec['ops'] };
export const specOf = (stored: StoredSpec): DeviceTypeSpec => ({
  ...stored,
  ops: stored.ops ?? (stored.profile === 'reduced' ? REDUCED_FIRMWARE_OPS : FIRMWARE_OPS),
});

export class PgDeviceStore implements DeviceStore {
  constructor(private readonly db: Db) {}

  async list(
    scope: ProjectScope,
    filter: Filter,
    page: DeviceListRequest,
  ): Promise<Page<Resource<'Device'>>> {
    const rows = await listDevices(this.db, scope, filter, page);
    return toPage(
      rows,
      page.limit,
      ({ key }) => key,
      ({ row }) => toDevice(row),
    );
  }

  async get(scope: ProjectScope, name: string): Promise<Resource<'Device'>> {
    const [row] = await this.db.query<DeviceListRow>(
      `select ${DEVICE_COLUMNS} ${DEVICE_FROM} where d.project_id = $1 and d.name = $2`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return toDevice(row);
  }

  async attributeChanges(
    scope: ProjectScope,
    name: string,
    page: PageRequest,
  ): Promise<Page<Resource<'AttributeChange'>>> {
    return await attributeChanges(this.db, scope, name, page);
  }

  async detail(scope: ProjectScope, name: string): Promise<Resource<'DeviceDetail'>> {
    const [row] = await this.db.query<DeviceDetailRow>(
      `select ${DEVICE_DETAIL_COLUMNS} ${DEVICE_FROM} where d.project_id = $1 and d.name = $2`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    const releases = row.releases_by_digest ?? {};
    return {
      ...toDevice(row),
      notes: row.notes,
      location:
        row.location === '' && row.latitude === null
          ? null
          : { text: row.location, latitude: row.latitude, longitude: row.longitude },
      attributes: {
        reported: { version: row.reported_version, values: row.reported ?? {} },
        desired: { version: row.desired_version, values: row.desired },
      },
      bootId:
        row.boot_id === null ? null : BigInt.asUintN(64, BigInt(row.boot_id)).toString(16).padStart(16, '0'),
      resetCause:
        row.reset_cause === null ? null : (RESET_CAUSES[row.reset_cause] ?? String(row.reset_cause)),
      abi: row.abi === null ? null : `${row.abi >>> 16}.${row.abi & 0xffff}`,
      slots: currentSlots(
        row.slots ?? [],
        row.fetch_slot ?? 0,
        row.active_digest?.toString('hex') ?? null,
        (digest) => releases[digest],
      ).map((slot) => ({
        ...slot,
        release: slot.digest === null ? null : (releases[slot.digest]?.release ?? null),
      })),
      firmwareSlots: currentImages((row.hello?.firmwareSlots ?? []) as ReportedSlot[], row.update_state).map(
        ({ digest, state, bytes }) => ({
          ...{ digest, state, bytes },
          firmware: row.images_by_digest?.[digest] ?? null,
        }),
      ),
      lastError:
        row.error_code === null || row.hello_at === null
          ? null
          : {
              code: row.error_code,
              title: describeDeviceError(row.error_code).title,
              at: iso(row.hello_at),
            },
      desiredRelease: row.desired_release,
      reported: row.hello ?? {},
    };
  }

  async add(scope: ProjectScope, devices: readonly NewDevice[]): Promise<void> {
    const wanted = [...new Set(devices.map(({ type }) => type))];
    const types = await this.db.query<{ id: string; name: string }>(
      'select id, name from device_type where project_id = $1 and name = any($2::text[])',
      [scope.id, wanted],
    );
    const idOf = new Map(types.map(({ id, name }) => [name, id]));
    const missing = wanted.find((name) => !idOf.has(name));
    if (missing !== undefined) throw new FleetError('registry.type-not-found', { type: missing });
    const added = await this.db.query<{ name: string }>(
      `insert into device (project_id, id, name, type_id, site, tags, hardware_revision, notes, location, latitude, longitude,
         desired, desired_version)
       select $1, id, name, type_id, site, array(select jsonb_array_elements_text(tags)), hardware_revision, notes,
         location, latitude, longitude, desired, (desired <> '{}')::int
       from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::jsonb[], $7::text[], $8::text[], $9::text[],
         $10::float8[], $11::float8[], $12::jsonb[])
         as n (id, name, type_id, site, tags, hardware_revision, notes, location, latitude, longitude, desired)
       on conflict (project_id, name) do nothing returning name`,
      [
        scope.id,
        devices.map(() => uuidv7()),
        devices.map(({ name }) => name),
        devices.map(({ type }) => idOf.get(type)),
        devices.map(({ site }) => site),
        devices.map(({ tags }) => JSON.stringify([...new Set(tags)].sort())),
        devices.map(({ hardwareRevision }) => hardwareRevision),
        devices.map(({ notes }) => notes),
        devices.map(({ location }) => location?.text ?? ''),
        devices.map(({ location }) => location?.latitude ?? null),
        devices.map(({ location }) => location?.longitude ?? null),
        devices.map(({ attributes }) => JSON.stringify(attributes)),
      ],
    );
    if (added.length === devices.length) return;
    const made = new Set(added.map(({ name }) => name));
    const seen = new Set<string>();
    const taken = devices.find(({ name }) => !made.has(name) || seen.size === seen.add(name).size);
    // The caller's transaction rolls the others back.
    throw new FleetError('registry.device-exists', { device: taken?.name ?? '' });
  }

  async update(scope: ProjectScope, name: string, change: DeviceChange): Promise<void> {
    const { tags, site, hardwareRevision, notes, location } = change;
    const changed = await this.db.execute(
      `update device set tags = coalesce($3::text[], tags), site = coalesce($4, site),
         hardware_revision = coalesce($5, hardware_revision), notes = coalesce($6, notes),
         location = case when $7 then $8 else location end, latitude = case when $7 then $9 else latitude end,
         longitude = case when $7 then $10 else longitude end, revision = revision + 1
       where project_id = $1 and name = $2`,
      [
        scope.id,
        name,
        tags ? [...new Set(tags)].sort() : null,
        site ?? null,
        hardwareRevision ?? null,
        notes ?? null,
        location !== undefined,
        location?.text ?? '',
        location?.latitude ?? null,
        location?.longitude ?? null,
      ],
    );
    if (changed === 0) throw notFound(name);
  }

  async lock(scope: ProjectScope, name: string): Promise<LockedDevice> {
    const [row] = await this.db.query<LockedDevice & object>(
      `select id, state, desired, desired_version::float8 as "desiredVersion", revision::float8 as revision
       from device where project_id = $1 and name = $2 for update`,
      [scope.id, name],
    );
    if (!row) throw notFound(name);
    return row;
  }

  async setDesired(scope: ProjectScope, id: string, desired: AttributeValues): Promise<void> {
    await this.db.execute(
      `update device set desired = $3, desired_version = desired_version + 1, revision = revision + 1
       where project_id = $1 and id = $2`,
      [scope.id, id, JSON.stringify(desired)],
    );
  }

  async move(
    scope: ProjectScope,
    ids: readonly string[],
    move: DeviceMove,
  ): Promise<{ name: string; from: DeviceState; to: DeviceState }[]> {
    const { from, to } = DEVICE_TRANSITIONS[move];
    return await this.db.query(namedQuery('registry/move-devices'), [
      scope.id,
      ids,
      from,
      to === 'before' ? null : to,
    ]);
  }

  async remove(scope: ProjectScope, name: string): Promise<void> {
    const result = await this.db.manager.getRepository(entities.Device).delete({ projectId: scope.id, name });
    if (result.affected === 0) throw notFound(name);
  }

  async typesInUse(scope: ProjectScope): Promise<string[]> {
    const rows = await this.db.query<{ name: string }>(
      `select t.name from device_type t where t.project_id = $1
         and exists (select from device d where d.project_id = t.project_id and d.type_id = t.id) order by t.name`,
      [scope.id],
    );
    return rows.map(({ name }) => name);
  }
}

const notFound = (device: string) => new FleetError('registry.device-not-found', { device });

export function toDevice(row: DeviceListRow): Resource<'Device'> {
  return {
    name: row.name,
    type: row.type,
    tags: row.tags,
    site: row.site === '' ? null : row.site,
    hardwareRevision: row.hardware_revision === '' ? null : row.hardware_revision,
    state: row.state,
    revision: row.revision,
    createdAt: iso(row.created_at),
    presence: row.presence,
    lastContactAt: isoOrNull(row.last_seen_at),
    nextContactBy: isoOrNull(row.next_contact_by),
    firmwareVersion: row.firmware_version,
    activeRelease: row.active_release,
    activeDigest: row.active_digest?.toString('hex') ?? null,
    updateState: row.update_state,
  };
}
