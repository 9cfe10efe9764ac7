/** Groups of devices: saved filters and lists of members. Counts of dynamic ones are kept and made again when they are old. */
import type { Page, PageRequest, ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { comparisonsOf, parseFilter, printFilter, type Filter } from '@tinyfleet/filter';
import type { RegistryStores } from './ports.js';

export interface GroupOptions {
  /** Groups of one project. */
  readonly maxGroups: number;
  /** Devices that go into a static group, or out of it, in one call. */
  readonly maxMembersAtOnce: number;
  /** A dynamic group whose count is older is counted again when somebody looks. */
  readonly countMaxAgeMs: number;
}
export const groupDefaults: GroupOptions = {
  maxGroups: 1_000,
  maxMembersAtOnce: 100_000,
  countMaxAgeMs: 60_000,
};

export class GroupService {
  /** Groups that are being counted, so that many lookers cause one count. */
  private readonly counting = new Map<string, Promise<void>>();

  constructor(
    private readonly stores: Pick<RegistryStores, 'groups' | 'deviceSets'>,
    private readonly transact: Transact<RegistryStores>,
    private readonly onError: (error: unknown) => void,
    private readonly options: GroupOptions = groupDefaults,
  ) {}

  /** As last counted; what is old is counted behind the answer, one group after the other. */
  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Group'>>> {
    const groups = await this.stores.groups.list(scope, page);
    const stale = groups.items.filter((group) => this.isStale(group));
    void stale.reduce((before, group) => before.then(() => this.count(scope, group)), Promise.resolve());
    return groups;
  }

  /** The first count is waited for, a later one is not. */
  async get(scope: ProjectScope, name: string): Promise<Resource<'Group'>> {
    const group = await this.stores.groups.get(scope, name);
    if (!this.isStale(group)) return group;
    const counted = this.count(scope, group);
    if (group.countedAt !== null) return group;
    await counted;
    return await this.stores.groups.get(scope, name);
  }

  async create(
    actor: string,
    scope: ProjectScope,
    request: Resource<'GroupCreate'>,
  ): Promise<Resource<'Group'>> {
    const { name, notes } = request;
    const filter = request.filter === null ? null : readFilter(request.filter);
    await this.transact(async ({ groups, deviceSets, events, audit }) => {
      await groups.lockAll(scope);
      const { groups: count } = await groups.filters(scope);
      if (count >= this.options.maxGroups)
        throw new FleetError('registry.groups-too-many', { limit: this.options.maxGroups });
      if (filter) await deviceSets.checkFilter(scope, filter, name);
      const text = filter && printFilter(filter);
      await groups.add(scope, { name, filter: text, notes, createdBy: actor });
      await audit.append(scope, {
        actor,
        action: 'group.made',
        target: name,
        after: { filter: text, notes },
      });
      await events.emit(scope, 'group.changed', { group: name });
    });
    return await this.get(scope, name);
  }

  async update(
    actor: string,
    scope: ProjectScope,
    name: string,
    change: Resource<'GroupPatch'>,
  ): Promise<Resource<'Group'>> {
    await this.transact(async ({ groups, deviceSets, events, audit }) => {
      const before = await groups.lock(scope, name);
      await groups.lockAll(scope);
      const filter = change.filter === undefined ? undefined : readFilter(change.filter);
      if (filter) {
        if (before.kind === 'static') throw staticGroup(name, before.kind, 'it has no filter');
        await deviceSets.checkFilter(scope, filter, name);
      }
      const after = {
        ...(filter === undefined ? {} : { filter: printFilter(filter) }),
        ...(change.notes === undefined ? {} : { notes: change.notes }),
      };
      await groups.update(scope, before.id, after);
      const { filter: oldFilter, notes: oldNotes } = before;
      await audit.append(scope, {
        ...{ actor, action: 'group.updated', target: name },
        ...{ before: { filter: oldFilter, notes: oldNotes }, after },
      });
      await events.emit(scope, 'group.changed', { group: name });
    });
    return await this.get(scope, name);
  }

  /** @throws registry.group-in-use */
  async remove(actor: string, scope: ProjectScope, name: string): Promise<void> {
    await this.transact(async ({ groups, events, audit }) => {
      const { id, filter, notes } = await groups.lock(scope, name);
      await groups.lockAll(scope);
      const { dynamic } = await groups.filters(scope);
      const other = dynamic.find((one) => namesGroup(parseFilter(one.filter), name));
      if (other) throw new FleetError('registry.group-in-use', { group: name, other: other.name });
      await groups.remove(scope, id);
      await audit.append(scope, { actor, action: 'group.removed', target: name, before: { filter, notes } });
      await events.emit(scope, 'group.changed', { group: name });
    });
  }

  async changeMembers(
    actor: string,
    scope: ProjectScope,
    name: string,
    change: Resource<'GroupMembersChange'> & { readonly remove: boolean },
  ): Promise<Resource<'GroupMembersChanged'>> {
    const { maxMembersAtOnce: limit } = this.options;
    return await this.transact(async ({ groups, deviceSets, events, audit }) => {
      const { id, kind } = await groups.lock(scope, name);
      if (kind === 'dynamic') throw staticGroup(name, kind, 'its members follow its filter');
      const ids =
        change.filter === undefined
          ? await deviceSets.named(scope, change.devices ?? [])
          : await deviceSets.lock(scope, readFilter(change.filter), limit + 1);
      if (ids.length > limit) {
        const { count } = await deviceSets.count(scope, readFilter(change.filter ?? ''), 0);
        throw new FleetError('registry.group-members-too-many', { count, limit });
      }
      const changed = await (change.remove
        ? groups.removeMembers(scope, id, ids)
        : groups.addMembers(scope, id, ids));
      await audit.append(scope, {
        actor,
        action: change.remove ? 'group.members-removed' : 'group.members-added',
        target: name,
        detail: { filter: change.filter ?? null, devices: change.devices ?? [], changed },
      });
      await events.emit(scope, 'group.changed', { group: name });
      const { count } = await groups.get(scope, name);
      return { changed, count: count ?? 0 };
    });
  }

  /** Waits for counts that are under way. */
  async settle(): Promise<void> {
    await Promise.all(this.counting.values());
  }

  private isStale({ kind, countedAt }: Resource<'Group'>): boolean {
    if (kind === 'static') return false;
    return countedAt === null || Date.now() - Date.parse(countedAt) > this.options.countMaxAgeMs;
  }

  private count(scope: ProjectScope, { name, filter }: Resource<'Group'>): Promise<void> {
    const key = `${scope.id}/${name}/${filter}`;
    const running = this.counting.get(key);
    if (running) return running;
    const work = (async () => {
      try {
        const { count } = await this.stores.deviceSets.count(scope, parseFilter(filter ?? ''), 0);
        await this.stores.groups.setCount(scope, name, { filter: filter ?? '', count });
      } catch (error) {
        this.onError(error);
      } finally {
        this.counting.delete(key);
      }
    })();
    this.counting.set(key, work);
    return work;
  }
}

/** @throws registry.bulk-filter-empty when it names nothing */
export function readFilter(text: string): Filter {
  const filter = parseFilter(text);
  if (filter.kind === 'all') throw new FleetError('registry.bulk-filter-empty');
  return filter;
}

const staticGroup = (group: string, kind: string, reason: string) =>
  new FleetError('registry.group-static', { group, kind, reason });

const namesGroup = (filter: Filter, name: string): boolean =>
  [...comparisonsOf(filter)].some(
    (one) => one.kind === 'is' && one.field === 'group' && one.values.includes(name),
  );
