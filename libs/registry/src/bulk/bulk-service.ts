/**
 * One change of all devices that match a filter: set-based, and in one transaction where that takes seconds. What is more
 * becomes a job (bulk-job.ts) that changes exactly the devices that matched when it was made.
 */
import type { Page, PageRequest, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import { attributeLimits, attributesSet, checkAttribute, type AttributeLimits } from '../attributes.js';
import { readFilter } from '../group-service.js';
import type { RegistryStores } from '../ports.js';
import { announce, applyChange, requireGroups } from './apply-change.js';
import type { BulkAction } from './ports.js';

export interface BulkOptions {
  /** Devices that one action changes in one transaction; an action on more becomes a job. */
  readonly maxDevices: number;
  /** Devices that a job changes in one transaction. */
  readonly partDevices: number;
  /** Jobs of one project that wait or run. */
  readonly maxOpen: number;
  /** Tags of one device. */
  readonly maxTags: number;
}
export const bulkDefaults: BulkOptions = {
  maxDevices: 100_000,
  partDevices: 5_000,
  maxOpen: 10,
  maxTags: 32,
};

/** Shown in answers and kept in the audit log; attributes of so few have an entry of each device as well. */
const SAMPLE = 10;

export class BulkService {
  constructor(
    private readonly stores: Pick<RegistryStores, 'bulkActions'>,
    private readonly transact: Transact<RegistryStores>,
    private readonly newId: () => string,
    private readonly options: BulkOptions = bulkDefaults,
    private readonly attributes: AttributeLimits = attributeLimits,
  ) {}

  /** @throws registry.bulk-too-many-open, registry.bulk-count-changed, registry.bulk-filter-empty and those of the single change */
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
      const { deviceSets, audit } = stores;
      if (dryRun) {
        const { count, sample } = await deviceSets.count(scope, filter, SAMPLE);
        requireCount(count, expect);
        await requireGroups(stores, scope, change);
        return { matched: count, changed: 0, dryRun, sample, action: null };
      }
      const target = await requireGroups(stores, scope, change);
      const ids = await deviceSets.lock(scope, filter, maxDevices + 1);
      if (ids.length > maxDevices)
        return await this.begin(stores, scope, { actor, text, filter, change, expect });
      requireCount(ids.length, expect);
      const sampleIds = ids.slice(0, SAMPLE);
      const before = await deviceSets.show(scope, sampleIds);
      if (change.desired && ids.length <= SAMPLE)
        for (const { name } of before) {
          const { desired } = await stores.devices.lock(scope, name);
          await audit.append(scope, attributesSet(actor, name, { before: desired, change: change.desired }));
        }
      const limits = { maxTags, maxAttributes: this.attributes.maxCount };
      const changed = await applyChange(stores, scope, { ids, change, target, limits });
      await audit.append(scope, {
        actor,
        action: 'devices.updated',
        target: text,
        detail: { filter: text, change, matched: ids.length, changed },
        before: { sample: before },
        after: { sample: await deviceSets.show(scope, sampleIds) },
      });
      await announce(stores, scope, ids, change);
      return { matched: ids.length, changed, dryRun, sample: before.map(({ name }) => name), action: null };
    });
  }

  /** Newest first. */
  async list(scope: ProjectScope, page: PageRequest): Promise<Page<BulkAction>> {
    return await this.stores.bulkActions.list(scope, page);
  }

  /** @throws registry.bulk-action-not-found */
  async get(scope: ProjectScope, id: string): Promise<BulkAction> {
    return await this.stores.bulkActions.get(scope, id);
  }

  /** What is changed stays changed. @throws registry.bulk-action-not-found, registry.bulk-action-over */
  async cancel(actor: string, scope: ProjectScope, id: string): Promise<BulkAction> {
    return await this.transact(async ({ bulkActions, audit, events }) => {
      const before = await bulkActions.lock(scope, id);
      if (before.finishedAt !== null)
        throw new FleetError('registry.bulk-action-over', { action: id, state: before.state });
      await bulkActions.finish(scope, id, { state: 'cancelled', cancelledBy: actor });
      const after = await bulkActions.get(scope, id);
      const { filter, matched, handled, changed } = after;
      await audit.append(scope, {
        actor,
        action: 'bulk-action.cancelled',
        target: id,
        detail: { filter, matched, handled, changed },
      });
      await events.emit(scope, 'bulk-action.changed', progressOf(after));
      return after;
    });
  }

  private async begin(
    stores: RegistryStores,
    scope: ProjectScope,
    { actor, text, filter, change, expect }: Request,
  ): Promise<Resource<'BulkResult'>> {
    const { bulkActions, bulkQueue, deviceSets, audit, events } = stores;
    const { maxOpen, partDevices } = this.options;
    if ((await bulkActions.countOpen(scope)) >= maxOpen)
      throw new FleetError('registry.bulk-too-many-open', { limit: maxOpen });
    const id = this.newId();
    const matched = await bulkActions.add(scope, { id, text, filter, change, createdBy: actor, partDevices });
    requireCount(matched, expect);
    const { sample } = await deviceSets.count(scope, filter, SAMPLE);
    await audit.append(scope, {
      actor,
      action: 'bulk-action.begun',
      target: text,
      detail: { action: id, filter: text, change, matched, sample },
    });
    await bulkQueue.enqueue(scope, id);
    await events.emit(scope, 'bulk-action.changed', progressOf(await bulkActions.get(scope, id)));
    return { matched, changed: 0, dryRun: false, sample, action: id };
  }
}

interface Request {
  readonly actor: string;
  readonly text: string;
  readonly filter: Filter;
  readonly change: Resource<'BulkChange'>;
  readonly expect: number | undefined;
}

/** What an event tells. */
export const progressOf = ({ id, state, matched, handled, changed }: BulkAction) => ({
  action: id,
  ...{ state, matched, handled, changed },
});

function requireCount(count: number, expected: number | undefined): void {
  if (expected !== undefined && count !== expected)
    throw new FleetError('registry.bulk-count-changed', { count, expected });
}
