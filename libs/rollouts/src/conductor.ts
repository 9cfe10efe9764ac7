/**
 * Moves open rollouts on, one decision at a time, each in a transaction with the rollout's row locked: a pause or an
 * abort by a person comes before or after, never between. Runs in the one process that is leader. It remembers nothing that
 * counts: whatever it wrote last, another one goes on from there.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { isFleetError } from '@tinyfleet/errors';
import { parseFilter } from '@tinyfleet/filter';
import { isOfferable } from '@tinyfleet/releases';
import { decide, decideReturn, type Decision, type StepVerdict, type Tally } from './engine.js';
import { enlist, standsAside } from './enlist.js';
import { bucketCount, bucketOf } from './plan.js';
import type { NewDecision, OfferLimits, OpenRollout, OpenRolloutFinder, RolloutStores } from './ports.js';
import { allowance } from './rates.js';
import { failureClasses } from './retries.js';
import { rollBack } from './rollout-operator.js';
import { tell } from './rollout-service.js';
import { openUntil } from './windows.js';

/** What the gates of a step say; the evidence is read and kept by whoever judges. */
export interface GateJudge {
  /** Undefined: nothing new since it was asked last. */
  judge(
    stores: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
  ): Promise<{ readonly verdict: StepVerdict; readonly reports: readonly object[] } | undefined>;
}

export interface ConductorOptions {
  /** Devices offered a release in one transaction. More in one second wait for the next turn. */
  readonly offersPerTurn: number;
  /** Timeouts, rules and devices that are gone are looked at this often. */
  readonly clockMs: number;
  /** How often devices that match by now are looked for. */
  readonly joinMs: number;
  /** How often open gates are judged. */
  readonly gateMs: number;
  /** How often telemetry is compared with what devices said. */
  readonly denyMs: number;
  /** Nothing is due: look again all the same. */
  readonly idleMs: number;
}
export const conductorDefaults: ConductorOptions = {
  offersPerTurn: 2_000,
  clockMs: 1_000,
  joinMs: 5_000,
  gateMs: 1_000,
  denyMs: 15_000,
  idleMs: 1_000,
};

interface Clocks {
  looked: number;
  joined: number;
  judged: number;
  denied: number;
  /** Counts last told, so that an event is sent when they change and not at every turn. */
  told: string;
}

export class Conductor {
  private readonly clocks = new Map<string, Clocks>();

  constructor(
    private readonly finder: OpenRolloutFinder,
    private readonly transact: Transact<RolloutStores>,
    private readonly options: ConductorOptions = conductorDefaults,
    private readonly gates?: GateJudge,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {}

  /**
   * One turn over all open rollouts; one that cannot go on holds up no other. @returns ms until the next one at the latest; 0:
   * there is more to do at once. @throws the first failure that is not a rollout's own, after the turn
   */
  async turn(): Promise<number> {
    const open = await this.finder.running();
    let next = this.options.idleMs;
    const failures: unknown[] = [];
    for (const { scope, number } of open) {
      try {
        next = Math.min(next, await this.transact((stores) => this.move(stores, scope, number)));
      } catch (error) {
        // The database is away, or somebody else leads: so it is for all.
        if (isFleetError(error) && error.status >= 500) throw error;
        if (!(await this.pauseFor(scope, number, error))) failures.push(error);
      }
    }
    for (const key of this.clocks.keys()) {
      if (!open.some(({ scope, number }) => key === `${scope.id}/${number}`)) this.clocks.delete(key);
    }
    if (failures.length > 0) throw failures[0];
    return next;
  }

  /** Its target names a group that is gone, and the like: a person has to look. @returns whether that is all there is to do */
  private async pauseFor(scope: ProjectScope, number: number, error: unknown): Promise<boolean> {
    if (!isFleetError(error)) return false;
    // Gone with its project.
    if (error.code === 'rollouts.not-found') return true;
    return await this.transact(async (stores) => {
      const rollout = await stores.moves.lock(scope, number);
      if (rollout.state !== 'running') return false;
      await this.act(stores, scope, rollout, { kind: 'pause', reason: error.message });
      await tell(stores, scope, number);
      return true;
    });
  }

  private async move(stores: RolloutStores, scope: ProjectScope, number: number): Promise<number> {
    const { moves } = stores;
    const rollout = await moves.lock(scope, number);
    if (rollout.state !== 'running' && rollout.state !== 'rolling-back') return this.options.idleMs;
    const clocks = this.clocksOf(`${scope.id}/${number}`);
    await moves.retryFailed(scope, rollout.id, rollout.policy.retries, failureClasses);
    if (this.isDue(clocks, 'looked', this.options.clockMs)) {
      await moves.refresh(scope, rollout.id, rollout.now);
      const { deviceTimeoutSeconds: each, timeouts, retries } = rollout.policy;
      const every = { offered: each, fetching: each, verified: each, staged: each, trial: each, soak: each };
      await moves.judgeOverdue(
        scope,
        rollout.id,
        { timeouts: { ...every, returning: each, ...defined(timeouts) }, stuck: retries.stuck },
        rollout.now,
      );
    }
    if (this.isDue(clocks, 'denied', this.options.denyMs)) {
      const began = this.monotonicMs();
      await moves.denyActive(scope, rollout.id);
      // Hours of windows of a big fleet: no more than a tenth of the time.
      clocks.denied += 10 * (this.monotonicMs() - began);
    }
    if (rollout.state === 'rolling-back') return await this.goBack(stores, scope, rollout, clocks);
    if (rollout.policy.dynamic && this.isDue(clocks, 'joined', this.options.joinMs))
      await this.takeIn(stores, scope, rollout);
    const tallies = await moves.tallies(scope, rollout.id);
    const decision =
      withdrawnRelease(rollout) ??
      decide({
        ...rollout,
        tallies,
        soakedSeconds: rollout.soakedSeconds ?? undefined,
        verdict: await this.verdictOf(stores, scope, rollout, clocks),
      });
    const next = await this.act(stores, scope, rollout, decision);
    await this.tellOnce(stores, scope, rollout, clocks, decision, tallies);
    return next;
  }

  /** @returns ms until the next turn */
  private async act(
    stores: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    decision: Decision,
  ): Promise<number> {
    const { moves } = stores;
    const { idleMs } = this.options;
    const { id, step } = rollout;
    const note = async (kind: NewDecision['kind'], text: string, evidence: object = {}): Promise<void> => {
      await moves.note(scope, id, { kind, by: 'engine', step, text, evidence });
    };
    switch (decision.kind) {
      case 'wait':
        if (decision.reason !== undefined) await moves.setReason(scope, id, decision.reason);
        return Math.min(idleMs, (decision.seconds ?? Infinity) * 1_000);
      case 'admit':
        return await this.admit(stores, scope, rollout, decision.waiting);
      case 'soak':
        await moves.setStepEnded(scope, id, rollout.now);
        await note('soak', decision.reason);
        return 0;
      case 'next-step':
        await moves.setStep(scope, id, decision.step, decision.reason);
        await moves.setWindow(scope, id, rollout.plan[decision.step]?.gates?.windowSeconds ?? null);
        await note('next-step', `step ${decision.step + 1} begins: ${decision.reason}`, evidenceOf(rollout));
        return 0;
      case 'ask':
        await moves.setState(scope, id, { state: 'awaiting-approval', reason: decision.reason });
        return idleMs;
      case 'pause':
        await moves.setState(scope, id, { state: 'paused', reason: decision.reason });
        await note('pause', decision.reason, evidenceOf(rollout));
        break;
      case 'abort':
        await moves.withdraw(scope, id);
        await moves.setState(scope, id, { state: 'aborted', reason: decision.reason });
        await moves.setWindow(scope, id, null);
        await note('abort', decision.reason, evidenceOf(rollout));
        break;
      case 'roll-back':
      case 'roll-back-segment': {
        const segment = decision.kind === 'roll-back' ? {} : decision.segment;
        const done = await rollBack(stores, scope, rollout, segment, decision.reason);
        await note(done.kind, done.text, { ...evidenceOf(rollout), ...done.evidence });
        break;
      }
      case 'end':
        await moves.setState(scope, id, { state: decision.state, reason: decision.reason });
        await moves.setWindow(scope, id, null);
        await note('end', `${decision.state}: ${decision.reason}`, evidenceOf(rollout));
        break;
    }
    await stores.audit.append(scope, {
      actor: 'engine',
      action: `rollout.${decision.kind}`,
      target: String(rollout.number),
      detail: { reason: decision.reason },
    });
    return 0;
  }

  /** Offers as many as rates, transfers and windows allow. */
  private async admit(
    { moves }: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    waiting: number,
  ): Promise<number> {
    const { id, policy, step, now } = rollout;
    let limit = this.options.offersPerTurn;
    let next = this.options.idleMs;
    if (policy.devicesPerMinute !== undefined) {
      const may = allowance(policy.devicesPerMinute, await moves.offers(scope, id, now), now.getTime());
      limit = Math.min(limit, may.devices);
      next = Math.min(next, may.moreInMs);
    }
    if (policy.concurrentTransfers !== undefined)
      limit = Math.min(limit, policy.concurrentTransfers - (await moves.transfers(scope, id)));
    if (limit <= 0) return next;
    const { jitterSeconds, batteryFloorPercent, connections } = policy;
    const limits: OfferLimits = {
      ...{ step, limit, now, jitterSeconds, batteryFloorPercent, connections },
      zones: policy.windows.length === 0 ? undefined : await openZones(moves, scope, rollout),
    };
    const offered = limits.zones?.size === 0 ? 0 : await moves.offer(scope, id, limits);
    if (offered < limit || offered === waiting) return next;
    return policy.devicesPerMinute === undefined ? 0 : next;
  }

  private async goBack(
    stores: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    clocks: Clocks,
  ): Promise<number> {
    const { moves } = stores;
    await moves.returnAgain(scope, rollout.id);
    const tallies = await moves.tallies(scope, rollout.id);
    const { deviceTimeoutSeconds, timeouts } = rollout.policy;
    const patience = timeouts.returning ?? deviceTimeoutSeconds;
    const away = await moves.awayReturning(scope, rollout.id, patience, rollout.now);
    const decision = decideReturn(tallies, away);
    if (decision.kind === 'end') {
      await moves.setState(scope, rollout.id, { state: 'rolled-back', reason: decision.reason });
      await moves.setWindow(scope, rollout.id, null);
      const { step } = rollout;
      await moves.note(scope, rollout.id, { kind: 'end', by: 'engine', step, text: decision.reason });
    }
    await this.tellOnce(stores, scope, rollout, clocks, decision, tallies);
    return this.options.idleMs;
  }

  /** Devices that match by now join the step that runs, one after the other. */
  private async takeIn(stores: RolloutStores, scope: ProjectScope, rollout: OpenRollout): Promise<void> {
    const { rollouts, moves } = stores;
    const { id, policy, release, seed, step, now } = rollout;
    const found = await rollouts.target(scope, parseFilter(rollout.filter), id);
    const joiners = found.filter((device) => standsAside(device, release) === undefined);
    if (joiners.length === 0) return;
    const gapMs = 60_000 / policy.joinersPerMinute;
    const last = await moves.lastJoiner(scope, id);
    const first = Math.max(now.getTime(), (last?.getTime() ?? 0) + gapMs);
    const deployments = joiners.map((device, i) => {
      const bucket = bucketOf(seed, device.name);
      const heldBack = bucket * 100 < policy.holdBackPercent * bucketCount;
      const notBefore = new Date(first + i * gapMs);
      return enlist({ device, bucket, step: heldBack ? undefined : step }, release, policy, notBefore);
    });
    await moves.takeIn(scope, id, release.id, deployments);
    await moves.setStepEnded(scope, id, null);
    await moves.note(scope, id, {
      kind: 'joined',
      by: 'engine',
      step,
      text: `${joiners.length} devices joined step ${step + 1}`,
      evidence: { devices: joiners.slice(0, 20).map(({ name }) => name) },
    });
  }

  private async verdictOf(
    stores: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    clocks: Clocks,
  ): Promise<StepVerdict | undefined> {
    if (rollout.plan[rollout.step]?.gates === undefined || !this.gates) return rollout.verdict ?? undefined;
    if (!this.isDue(clocks, 'judged', this.options.gateMs)) return rollout.verdict ?? undefined;
    const judged = await this.gates.judge(stores, scope, rollout);
    if (!judged) return rollout.verdict ?? undefined;
    const { verdict, reports } = judged;
    await stores.moves.setVerdict(scope, rollout.id, verdict, reports);
    if (verdict.outcome !== rollout.verdict?.outcome) {
      const { step } = rollout;
      const text = `gates of step ${step + 1}: ${verdict.outcome}${verdict.reason && `, ${verdict.reason}`}`;
      await stores.moves.note(scope, rollout.id, {
        kind: 'gate',
        by: 'engine',
        step,
        text,
        evidence: { reports },
      });
    }
    return verdict;
  }

  private async tellOnce(
    stores: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    clocks: Clocks,
    decision: Decision,
    tallies: readonly Tally[],
  ): Promise<void> {
    const told = JSON.stringify(tallies);
    if (decision.kind === 'wait' && clocks.told === told) return;
    clocks.told = told;
    await tell(stores, scope, rollout.number);
  }

  private clocksOf(key: string): Clocks {
    const known = this.clocks.get(key) ?? {
      looked: -Infinity,
      joined: -Infinity,
      judged: -Infinity,
      denied: -Infinity,
      told: '',
    };
    this.clocks.set(key, known);
    return known;
  }

  private isDue(clocks: Clocks, clock: 'looked' | 'joined' | 'judged' | 'denied', everyMs: number): boolean {
    const now = this.monotonicMs();
    if (now - clocks[clock] < everyMs) return false;
    clocks[clock] = now;
    return true;
  }
}

/** A release that nobody may be offered any more: those that run a revoked one go back. */
function withdrawnRelease({ release, now }: OpenRollout): Decision | undefined {
  if (release.state === 'revoked') return { kind: 'roll-back', reason: `${release.ref} was revoked` };
  if (!release.isSigned || !isOfferable(release.state))
    return { kind: 'pause', reason: `${release.ref} is ${release.state}` };
  if (release.notAfter !== null && release.notAfter <= now)
    return { kind: 'pause', reason: `${release.ref} was good until ${release.notAfter.toISOString()}` };
  return undefined;
}

const evidenceOf = ({ verdict, toleratedFailures }: OpenRollout): object => ({ verdict, toleratedFailures });

async function openZones(
  moves: RolloutStores['moves'],
  scope: ProjectScope,
  { id, policy, step, now }: OpenRollout,
): Promise<ReadonlyMap<string, Date>> {
  const open = new Map<string, Date>();
  for (const zone of await moves.zones(scope, id, step)) {
    const until = openUntil(policy.windows, zone, now);
    if (until instanceof Date) open.set(zone, until);
  }
  return open;
}

function defined(timeouts: Readonly<Record<string, number | undefined>>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(timeouts).flatMap(([state, value]) => (value === undefined ? [] : [[state, value]])),
  );
}
