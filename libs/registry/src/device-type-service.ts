/** Device types: those of the catalogue are read, those of a project are made, changed and removed. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { FIRMWARE_OPS, REDUCED_FIRMWARE_OPS, isOpName } from '@tinyfleet/wire';
import { FIRMWARE_ABI, type DeviceTypeSpec } from './catalogue.js';
import { unsafeChanges } from './device-type-change.js';
import type { DeviceTypeUses, RegistryStores } from './ports.js';

export class DeviceTypeService {
  constructor(
    private readonly stores: Pick<RegistryStores, 'types'>,
    private readonly transact: Transact<RegistryStores>,
  ) {}

  async get(scope: ProjectScope, name: string): Promise<Resource<'DeviceType'>> {
    return await this.stores.types.get(scope, name);
  }

  /** @throws registry.type-exists, registry.type-invalid */
  async add(
    actor: string,
    scope: ProjectScope,
    given: Resource<'DeviceTypeCreate'>,
  ): Promise<Resource<'DeviceType'>> {
    const spec: DeviceTypeSpec = {
      ...given,
      abi: given.abi ?? FIRMWARE_ABI,
      ops: given.ops ?? (given.profile === 'reduced' ? REDUCED_FIRMWARE_OPS : FIRMWARE_OPS),
      source: given.source ?? actor,
    };
    requirePossible(spec);
    return await this.transact(async ({ types, audit }) => {
      await types.add(scope, spec);
      await audit.append(scope, {
        actor,
        action: 'device-type.made',
        target: spec.name,
        detail: figuresOf(spec),
      });
      return { ...spec, builtIn: false, revision: 1 };
    });
  }

  /** @throws registry.type-not-found, registry.type-built-in, registry.type-in-use, registry.type-invalid */
  async update(
    actor: string,
    scope: ProjectScope,
    name: string,
    patch: Resource<'DeviceTypePatch'>,
  ): Promise<Resource<'DeviceType'>> {
    return await this.transact(async ({ types, audit }) => {
      const { builtIn, revision, ...before } = await types.lock(scope, name);
      if (builtIn) throw new FleetError('registry.type-built-in', { type: name });
      const after: DeviceTypeSpec = { ...before, ...patch };
      requirePossible(after);
      const [unsafe] = unsafeChanges(before, after);
      const uses = unsafe === undefined ? '' : usesText(await types.uses(scope, name));
      if (unsafe !== undefined && uses !== '')
        throw new FleetError('registry.type-in-use', { type: name, change: unsafe, uses });
      const next = await types.update(scope, after);
      const changed = Object.keys(patch) as (keyof DeviceTypeSpec)[];
      const only = (spec: DeviceTypeSpec) =>
        Object.fromEntries(changed.map((key) => [key, spec[key] ?? null]));
      await audit.append(scope, {
        actor,
        action: 'device-type.changed',
        target: name,
        before: only(before),
        after: only(after),
        detail: { revision: { from: revision, to: next } },
      });
      return { ...after, builtIn, revision: next };
    });
  }

  /** @throws registry.type-not-found, registry.type-built-in, registry.type-in-use */
  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ types, audit }) => {
      const { builtIn, revision: _, ...before } = await types.lock(scope, name);
      if (builtIn) throw new FleetError('registry.type-built-in', { type: name });
      const uses = usesText(await types.uses(scope, name));
      if (uses !== '')
        throw new FleetError('registry.type-in-use', { type: name, change: 'be removed', uses });
      await types.remove(scope, name);
      await audit.append(scope, {
        actor,
        action: 'device-type.removed',
        target: name,
        before: figuresOf(before),
      });
    });
  }
}

/** `3 devices, 1 build` */
function usesText(uses: DeviceTypeUses): string {
  return Object.entries(uses)
    .filter(([, count]) => count > 0)
    .map(([what, count]) => `${count} ${count === 1 ? what.replace(/ies$/, 'y').replace(/s$/, '') : what}`)
    .join(', ');
}

/** For the audit log: without the long lists. */
const figuresOf = ({ ops, sources: _, ...figures }: DeviceTypeSpec) => ({
  ...figures,
  ops: Object.keys(ops).length,
});

/** @throws registry.type-invalid */
function requirePossible(type: DeviceTypeSpec): void {
  const refuse = (reason: string): never => {
    throw new FleetError('registry.type-invalid', { type: type.name, reason });
  };
  const unknown = Object.keys(type.ops).filter((name) => !isOpName(name));
  if (unknown.length > 0) refuse(`there is no op ${unknown.slice(0, 5).join(', ')}`);
  if (2 * type.slotBytes > type.flashBytes) refuse('two slots are larger than its flash');
  if (type.arenaBytes + type.stateBytes > type.ramBytes) refuse('arena and state are larger than its RAM');
  if (type.slotBytes % type.sectorBytes !== 0) refuse('its slot is no whole number of flash pages');
  if (type.sectorBytes % type.programUnitBytes !== 0)
    refuse('its flash page is no whole number of program units');
}
