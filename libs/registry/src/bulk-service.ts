/** One change of all devices that match a filter: set-based, in one transaction, with one entry in the audit log. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { attributeLimits, checkAttribute, type AttributeLimits } from './attributes.js';
import { readFilter } from './group-service.js';
import type { BulkUpdate, RegistryStores } from './ports.js';

export interface BulkOptions {
  /** Devices that one action may change. */
  readonly maxDevices: number;
  /** Tags of one device. */
  readonly maxTags: number;
}
export const bulkDefaults: BulkOptions = { maxDevices: 100_000, maxTags: 32 };

/** Shown in answers and kept in the audit log. */
const SAMPLE = 10;
/** One event names at most so many devices. */
const DEVICES_PER_EVENT = 1_000;

export class BulkService {
  constructor(
    private readonly transact: Transact<RegistryStores>,
    private readonly options: BulkOptions = bulkDefaults,
    private readonly attributes: AttributeLimits = attributeLimits,
  ) {}

  /** @throws registry.bulk-too-many, registry.bulk-count-changed, registry.bulk-filter-empty and those of the single change */
  async run(
    actor: string,
    scope: ProjectScope,
    { filter: text, change, dryRun, expect }: Resource<'BulkRequest'>,
  ): Promise<Resource<'BulkResult'>> {
    const filter = readFilter(text);
    for (const [key, value] of Object.entries(change.desired ?? {}))
      if (value !== null) checkAttribute(key, value, this.attributes);
    const { maxDevices, maxTags } = this.options;
    return await this.transact(async (stores) => {
      const { deviceSets, devices, groups, events, audit } = stores;
      const guard = (count: number): void => {
        if (expect !== undefined && count !== expect)
          throw new FleetError('registry.bulk-count-changed', { count, expected: expect });
        if (count > maxDevices) throw new FleetError('registry.bulk-too-many', { count, limit: maxDevices });
      };
      if (dryRun) {
        const { count, sample } = await deviceSets.count(scope, filter, SAMPLE);
        if (expect !== undefined) guard(count);
        await requireGroups(stores, scope, change);
        return { matched: count, changed: 0, dryRun, sample };
      }
      const target = await requireGroups(stores, scope, change);
      const ids = await deviceSets.lock(scope, filter, maxDevices + 1);
      guard(ids.length > maxDevices ? (await deviceSets.count(scope, filter, 0)).count : ids.length);
      const sampleIds = ids.slice(0, SAMPLE);
      const before = await deviceSets.show(scope, sampleIds);
      const update = updateOf(change);
      const updates = Object.keys(update).length > 0;
      if (updates) {
        const limits = { maxTags, maxAttributes: this.attributes.maxCount };
        await deviceSets.update(scope, ids, update, limits);
      }
      const moved = change.state === undefined ? [] : await devices.move(scope, ids, change.state);
      const added = target.add === undefined ? 0 : await groups.addMembers(scope, target.add, ids);
      const removed = target.remove === undefined ? 0 : await groups.removeMembers(scope, target.remove, ids);
      const changed = updates ? ids.length : Math.max(moved.length, added, removed);
      await audit.append(scope, {
        actor,
        action: 'devices.updated',
        target: text,
        detail: { filter: text, change, matched: ids.length, changed },
        before: { sample: before },
        after: { sample: await deviceSets.show(scope, sampleIds) },
      });
      const names = await deviceSets.names(scope, ids);
      for (let at = 0; at < names.length; at += DEVICES_PER_EVENT)
        await events.emit(scope, 'devices.updated', { devices: names.slice(at, at + DEVICES_PER_EVENT) });
      for (const group of new Set([change.addToGroup, change.removeFromGroup]))
        if (group !== undefined) await events.emit(scope, 'group.changed', { group });
      return { matched: ids.length, changed, dryRun, sample: before.map(({ name }) => name) };
    });
  }
}

function updateOf(change: Resource<'BulkChange'>): BulkUpdate {
  const { tag, untag, site, hardwareRevision, notes, location, desired } = change;
  return {
    ...(tag === undefined ? {} : { tag }),
    ...(untag === undefined ? {} : { untag }),
    ...(site === undefined ? {} : { site: site ?? '' }),
    ...(hardwareRevision === undefined ? {} : { hardwareRevision: hardwareRevision ?? '' }),
    ...(notes === undefined ? {} : { notes }),
    ...(location === undefined ? {} : { location }),
    ...(desired === undefined ? {} : { desired }),
  };
}

/** @throws registry.group-not-found, registry.group-static */
async function requireGroups(
  { groups }: RegistryStores,
  scope: ProjectScope,
  { addToGroup, removeFromGroup }: Resource<'BulkChange'>,
): Promise<{ add: string | undefined; remove: string | undefined }> {
  const idOf = async (name: string | undefined): Promise<string | undefined> => {
    if (name === undefined) return undefined;
    const { id, kind } = await groups.lock(scope, name);
    if (kind === 'dynamic') {
      throw new FleetError('registry.group-static', {
        group: name,
        kind,
        reason: 'its members follow its filter',
      });
    }
    return id;
  };
  return { add: await idOf(addToGroup), remove: await idOf(removeFromGroup) };
}
