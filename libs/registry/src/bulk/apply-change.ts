/** One change of some devices, all in the transaction of its stores: what one action, or one part of a job, does. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { BulkLimits, BulkUpdate, RegistryStores } from '../ports.js';

type BulkChange = Resource<'BulkChange'>;

/** One event names at most so many devices. */
const DEVICES_PER_EVENT = 1_000;

/** The groups that a change names: the same in every part. */
export interface ChangedGroups {
  readonly add: string | undefined;
  readonly remove: string | undefined;
}

/** Locks them. @throws registry.group-not-found, registry.group-static */
export async function requireGroups(
  { groups }: Pick<RegistryStores, 'groups'>,
  scope: ProjectScope,
  { addToGroup, removeFromGroup }: BulkChange,
): Promise<ChangedGroups> {
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

/**
 * `ids` are locked. Call `announce` with the same ones last in the transaction.
 * @returns how many were changed
 * @throws registry.tags-too-many, registry.attributes-too-many
 */
export async function applyChange(
  { deviceSets, devices, groups }: RegistryStores,
  scope: ProjectScope,
  {
    ids,
    change,
    target,
    limits,
  }: {
    readonly ids: readonly string[];
    readonly change: BulkChange;
    readonly target: ChangedGroups;
    readonly limits: BulkLimits;
  },
): Promise<number> {
  const update = updateOf(change);
  const updates = Object.keys(update).length > 0;
  if (updates) await deviceSets.update(scope, ids, update, limits);
  const moved = change.state === undefined ? [] : await devices.move(scope, ids, change.state);
  const added = target.add === undefined ? 0 : await groups.addMembers(scope, target.add, ids);
  const removed = target.remove === undefined ? 0 : await groups.removeMembers(scope, target.remove, ids);
  return updates ? ids.length : Math.max(moved.length, added, removed);
}

export async function announce(
  { deviceSets, events }: RegistryStores,
  scope: ProjectScope,
  ids: readonly string[],
  change: BulkChange,
): Promise<void> {
  const names = await deviceSets.names(scope, ids);
  for (let at = 0; at < names.length; at += DEVICES_PER_EVENT)
    await events.emit(scope, 'devices.updated', { devices: names.slice(at, at + DEVICES_PER_EVENT) });
  for (const group of new Set([change.addToGroup, change.removeFromGroup]))
    if (group !== undefined) await events.emit(scope, 'group.changed', { group });
}

function updateOf(change: BulkChange): BulkUpdate {
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
