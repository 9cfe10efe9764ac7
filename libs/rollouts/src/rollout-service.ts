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
import {
  isOfferable,
  planPayloads,
  transferDefaults,
  warningsOf,
  type TransferOptions,
} from '@tinyfleet/releases';
import { compatibilityOf } from './compatibility-table.js';
import { enlist, judge, standsAside, type Offering } from './enlist.js';
import { kindOf, place, type RolloutPolicy, type StepPlan } from './plan.js';
import { planOf } from './plan-report.js';
import type { ReleaseFacts, RolloutStores, TargetDevice } from './ports.js';
import { shadowReport, shadowWords } from './shadow/agreement.js';

/** With every default. */
type RolloutRequest = Resource<'RolloutCreate'>;

/** A device that can take the release, in the order in which it is offered it; without a step it is held back. */
export interface PlannedDevice {
  readonly name: string;
  readonly type: string;
  readonly site: string;
  readonly step: number | undefined;
}
export interface PlannedRollout {
  readonly plan: Resource<'RolloutPlan'>;
  readonly devices: readonly PlannedDevice[];
  readonly steps: readonly StepPlan[];
  readonly policy: RolloutRequest;
}

export class RolloutService {
  constructor(
    private readonly stores: Pick<RolloutStores, 'rollouts' | 'updateRules'>,
    private readonly transact: Transact<RolloutStores>,
    private readonly newId: () => string,
    private readonly transfers: Pick<TransferOptions, 'maxBases'> = transferDefaults,
  ) {}

  /**
   * @throws releases.not-found, releases.revoked, releases.not-signed, releases.not-approved, releases.expired, registry.filter-invalid, registry.group-not-found,
   *   rollouts.empty-target, rollouts.no-build-for-types, rollouts.devices-busy, rollouts.same-release, rollouts.firmware-shadow
   */
  async start(actor: string, scope: ProjectScope, input: RolloutCreateInput): Promise<Resource<'Rollout'>> {
    const request = RolloutCreate.parse(input);
    const { release: _release, filter: _filter, group: _group, ...policy } = request;
    const filter = targetFilter(request);
    const number = await this.transact(async (stores) => {
      const { rollouts, moves, updateRules, audit } = stores;
      await rollouts.holdStarts(scope);
      const kind = kindOf(policy);
      const priority = rankOf(policy);
      const offering = await offeringOf(stores, scope, request, offerable);
      const { release, rival } = offering;
      const target = await wholeTarget(stores, scope, offering, filter, request);
      const busy = target.filter(({ busyIn }) => busyIn !== null && busyIn.priority === priority);
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
          kind,
          priority,
          releaseId: release.id,
          filter: filter.text,
          policy,
          plan,
          seed,
          state: asks ? 'awaiting-approval' : 'running',
          reason: asks ? 'waits for the yes of a second person' : '',
          createdBy: actor,
        },
        placements.map((one) => enlist(one, offering)),
      );
      if (!asks) await moves.setWindow(scope, id, plan[0]?.gates?.windowSeconds ?? null);
      for (const { id: releaseId } of [release, ...(rival ? [rival] : [])])
        await planPayloads(stores, scope, { releaseId, rolloutId: id }, this.transfers);
      await moves.note(scope, id, {
        kind: 'started',
        by: actor,
        step: 0,
        text: startText(request, target.length, plan.length),
        evidence: { devices: target.length, plan, seed },
      });
      for (const text of warningsOf({ ref: request.release, ...release }))
        await moves.note(scope, id, { kind: 'warning', by: 'engine', step: 0, text });
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

  /** What it has shown so far. @throws rollouts.not-found */
  async report(scope: ProjectScope, of: number): Promise<Resource<'RolloutReport'>> {
    const { rollouts } = this.stores;
    const { number, kind, release, state, reason, policy, gates } = await rollouts.get(scope, of);
    const base = { number, kind, release, state, shadow: null, ab: null };
    if (kind === 'shadow') {
      const shadow = shadowReport(await rollouts.shadowCounts(scope, of));
      return { ...base, words: shadowWords(shadow), shadow };
    }
    const words = gates ? [gates.words, ...gates.needs] : reason === '' ? [] : [reason];
    if (!policy.ab) return { ...base, words };
    const [, judged] = await rollouts.reports(scope, of);
    const nothing = {
      outcome: 'open' as const,
      effects: [],
      release,
      against: policy.ab.against ?? null,
      percent: policy.ab.percent,
      judgedAt: new Date().toISOString(),
    };
    return { ...base, words, ab: (judged as Resource<'AbReport'> | undefined) ?? nothing };
  }

  /**
   * Who of a filter, a group or one device can take a release. Without any: of the whole project.
   * @throws releases.not-found, registry.filter-invalid, registry.group-not-found, registry.device-not-found
   */
  async check(
    scope: ProjectScope,
    ref: string,
    of: {
      readonly filter?: string | undefined;
      readonly group?: string | undefined;
      readonly device?: string | undefined;
    },
  ): Promise<Resource<'ReleaseCompatibility'>> {
    const { rollouts } = this.stores;
    const filter =
      of.filter ??
      (of.group !== undefined
        ? `group = "${of.group}"`
        : of.device !== undefined
          ? `name = "${of.device}"`
          : '');
    const release = await rollouts.release(scope, ref);
    const table = compatibilityOf(release, await rollouts.abilities(scope, parseFilter(filter)));
    if (of.device !== undefined && table.devices === 0)
      throw new FleetError('registry.device-not-found', { device: of.device, project: scope.name });
    return { release: ref, filter, ...table, warnings: warningsOf({ ref, ...release }) };
  }

  /** What `start` would do. @throws as `start`, but not for devices that other rollouts have */
  async plan(
    actor: string,
    scope: ProjectScope,
    input: RolloutCreateInput,
  ): Promise<Resource<'RolloutPlan'>> {
    return (await this.planned(actor, scope, input)).plan;
  }

  /** The plan, and who is where in it. @throws as `plan` */
  async planned(actor: string, scope: ProjectScope, input: RolloutCreateInput): Promise<PlannedRollout> {
    const request = RolloutCreate.parse(input);
    const filter = targetFilter(request);
    return await this.transact(async (stores) => {
      const offering = await offeringOf(stores, scope, request, ({ rollouts }, project, ref) =>
        rollouts.release(project, ref),
      );
      const { release } = offering;
      const found = await findTarget(stores, scope, filter.parsed, request);
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
      const plan = planOf({
        offering,
        ref: request.release,
        filter: filter.text,
        seed,
        found,
        ...placed,
        policy: request,
      });
      const devices = placed.placements.flatMap((one) =>
        judge(one, offering).obstacle
          ? []
          : [{ name: one.device.name, type: one.device.type, site: one.device.site, step: one.step }],
      );
      return { plan, devices, steps: placed.plan, policy: request };
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

type ReadRelease = (
  stores: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  ref: string,
) => Promise<ReleaseFacts>;

async function offeringOf(
  stores: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  request: RolloutRequest,
  read: ReadRelease,
): Promise<Offering> {
  const { release: ref, ab } = request;
  if (ab?.against === ref) throw new FleetError('rollouts.same-release', { release: ref });
  const release = await read(stores, scope, ref);
  if (request.shadow && release.bringsFirmware)
    throw new FleetError('rollouts.firmware-shadow', { release: ref });
  const rival = ab?.against === undefined ? null : await read(stores, scope, ab.against);
  return { release, rival, policy: request };
}

/** Devices that match; for a shadow with what room they have. */
export async function findTarget(
  { rollouts }: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  filter: Filter,
  { shadow, notIn }: Pick<RolloutPolicy, 'shadow'> & { readonly notIn?: string },
): Promise<TargetDevice[]> {
  const found = await rollouts.target(scope, filter, notIn);
  if (!shadow || found.length === 0) return found;
  const rooms = await rollouts.shadowRooms(
    scope,
    found.map(({ deviceId }) => deviceId),
  );
  return found.map((device) => ({ ...device, shadowRoom: rooms.get(device.deviceId) }));
}

/** Shadows are ordered among themselves, all of them behind every update. */
const rankOf = ({ shadow, priority }: Pick<RolloutPolicy, 'shadow' | 'priority'>): number =>
  shadow ? priority - 101 : priority;

function startText({ release, shadow, ab }: RolloutRequest, devices: number, steps: number): string {
  if (shadow) return `${release} as shadow of one inference in ${shadow.every} on ${devices} devices`;
  if (ab) {
    const against = ab.against ?? 'what they run';
    return `${release} on ${ab.percent} % of ${devices} devices against ${against}, by ${ab.metric}`;
  }
  return `${release} to ${devices} devices in ${steps} step${steps === 1 ? '' : 's'}`;
}

async function wholeTarget(
  stores: Pick<RolloutStores, 'rollouts'>,
  scope: ProjectScope,
  { release }: Offering,
  filter: { readonly text: string; readonly parsed: Filter },
  request: RolloutRequest,
): Promise<TargetDevice[]> {
  const { release: ref, dynamic } = request;
  const found = await findTarget(stores, scope, filter.parsed, request);
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
