/** Starting rollouts, and asking what a start would do. What happens afterwards is the conductor's. */
import {
  RolloutCreate,
  type ProjectScope,
  type Resource,
  type RolloutCreateInput,
  type Transact,
} from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { parseFilter, type Filter } from '@tinyfleet/filter';
import { isOfferable, planPayloads, transferDefaults, type TransferOptions } from '@tinyfleet/releases';
import { countCohort, type Tally } from './engine.js';
import { enlist, standsAside } from './enlist.js';
import { place, type RolloutPolicy } from './plan.js';
import { planOf } from './plan-report.js';
import type { ReleaseFacts, RolloutStores, TargetDevice } from './ports.js';

/** With every default. */
type RolloutRequest = Resource<'RolloutCreate'>;

export class RolloutService {
  constructor(
    private readonly stores: Pick<RolloutStores, 'rollouts' | 'updateRules'>,
    private readonly transact: Transact<RolloutStores>,
    private readonly newId: () => string,
    private readonly transfers: Pick<TransferOptions, 'maxBases'> = transferDefaults,
  ) {}

  /**
   * @throws releases.not-found, releases.revoked, releases.not-signed, releases.not-approved, releases.expired, registry.filter-invalid, registry.group-not-found,
   *   rollouts.empty-target, rollouts.no-build-for-types, rollouts.devices-busy
   */
  async start(actor: string, scope: ProjectScope, input: RolloutCreateInput): Promise<Resource<'Rollout'>> {
    const request = RolloutCreate.parse(input);
    const { release: ref, filter: _, group: __, ...policy } = request;
    const filter = targetFilter(request);
    const number = await this.transact(async (stores) => {
      const { rollouts, moves, updateRules, audit } = stores;
      const release = await offerable(stores, scope, ref);
      const target = await wholeTarget(stores, scope, release, filter, request);
      const busy = target.filter(({ busyIn }) => busyIn !== null && busyIn.priority === policy.priority);
      if (busy[0])
        throw new FleetError('rollouts.devices-busy', {
          count: busy.length,
          rollout: busy[0].busyIn!.number,
          priority: policy.priority,
        });
      const id = this.newId();
      const seed = policy.seed ?? id;
      const { placements, plan } = place(seed, target, policy, await memberships(stores, scope, policy));
      const { approval } = await updateRules.settings(scope);
      const asks = approval || policy.approval || plan[0]?.approval === true;
      const added = await rollouts.add(
        scope,
        {
          id,
          releaseId: release.id,
          filter: filter.text,
          policy,
          plan,
          seed,
          state: asks ? 'awaiting-approval' : 'running',
          reason: asks ? 'waits for the yes of a second person' : '',
          createdBy: actor,
        },
        placements.map((one) => enlist(one, release, policy)),
      );
      await moves.setWindow(scope, id, plan[0]?.gates?.windowSeconds ?? null);
      await planPayloads(stores, scope, { releaseId: release.id, rolloutId: id }, this.transfers);
      await moves.note(scope, id, {
        kind: 'started',
        by: actor,
        step: 0,
        text: `${ref} to ${target.length} devices in ${plan.length} step${plan.length === 1 ? '' : 's'}`,
        evidence: { devices: target.length, plan, seed },
      });
      await audit.append(scope, {
        actor,
        action: 'rollout.started',
        target: String(added),
        detail: { ...request, devices: target.length },
      });
      await tell(stores, scope, added);
      return added;
    });
    return await this.stores.rollouts.get(scope, number);
  }

  /** What `start` would do. @throws as `start`, but not for devices that other rollouts have */
  async plan(
    actor: string,
    scope: ProjectScope,
    input: RolloutCreateInput,
  ): Promise<Resource<'RolloutPlan'>> {
    const request = RolloutCreate.parse(input);
    const filter = targetFilter(request);
    return await this.transact(async (stores) => {
      const release = await stores.rollouts.release(scope, request.release);
      const found = await stores.rollouts.target(scope, filter.parsed);
      const seed = request.seed ?? this.newId();
      const placed = place(
        seed,
        found.filter((device) => standsAside(device, release) === undefined),
        request,
        await memberships(stores, scope, request),
      );
      await stores.audit.append(scope, {
        actor,
        action: 'rollout.planned',
        target: request.release,
        detail: { filter: filter.text, devices: found.length },
      });
      return planOf({
        release,
        ref: request.release,
        filter: filter.text,
        seed,
        found,
        ...placed,
        policy: request,
      });
    });
  }
}

const targetFilter = ({ filter, group }: RolloutRequest): { text: string; parsed: Filter } => {
  const text = filter ?? `group = "${group}"`;
  return { text, parsed: parseFilter(text) };
};

async function offerable(
  { rollouts }: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  ref: string,
): Promise<ReleaseFacts> {
  const release = await rollouts.release(scope, ref);
  if (release.state === 'revoked') throw new FleetError('releases.revoked', { release: ref });
  if (!release.isSigned) throw new FleetError('releases.not-signed', { release: ref });
  if (!isOfferable(release.state))
    throw new FleetError('releases.not-approved', { release: ref, state: release.state });
  if (release.notAfter !== null && release.notAfter.getTime() <= Date.now())
    throw new FleetError('releases.expired', { release: ref, notAfter: release.notAfter.toISOString() });
  return release;
}

async function wholeTarget(
  { rollouts }: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  release: ReleaseFacts,
  filter: { readonly text: string; readonly parsed: Filter },
  { release: ref, dynamic }: RolloutRequest,
): Promise<TargetDevice[]> {
  const found = await rollouts.target(scope, filter.parsed);
  const target = found.filter((device) => standsAside(device, release) === undefined);
  if (target.length === 0 && !dynamic) throw new FleetError('rollouts.empty-target', { filter: filter.text });
  const types = new Set(release.artifacts.map(({ typeId }) => typeId));
  if (target.length > 0 && target.every(({ typeId }) => !types.has(typeId))) {
    const deviceTypes = [...new Set(target.map(({ type }) => type))].sort().join(', ');
    throw new FleetError('rollouts.no-build-for-types', { release: ref, deviceTypes });
  }
  return target;
}

/** Who is in the groups that steps name. */
async function memberships(
  { rollouts }: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  { steps }: Pick<RolloutPolicy, 'steps'>,
): Promise<(group: string) => ReadonlySet<string>> {
  const members = new Map<string, ReadonlySet<string>>();
  for (const step of steps) {
    const group = typeof step === 'number' ? undefined : step.group;
    if (group !== undefined)
      members.set(group, await rollouts.names(scope, parseFilter(`group = "${group}"`)));
  }
  return (group) => members.get(group) ?? new Set();
}

/** Last in a transaction: the present state of a rollout as an event. */
export async function tell(
  stores: Pick<RolloutStores, 'rollouts' | 'events'>,
  scope: ProjectScope,
  number: number,
): Promise<void> {
  const { release, state, reason, step, counts } = await stores.rollouts.get(scope, number);
  await stores.events.emit(scope, 'rollout.changed', { number, release, state, reason, step, counts });
}

/** Failures so far, which a person accepts by letting the rollout go on. */
export function failuresIn(tallies: readonly Tally[]): number {
  return countCohort(tallies, Number.MAX_SAFE_INTEGER).failures;
}
