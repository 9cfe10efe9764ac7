/**
 * Moves open rollouts on, one decision at a time, each in a transaction with the rollout's row locked: a pause or an
 * abort by a person comes before or after, never between. Runs in the one process that is leader. It remembers nothing that
 * counts: whatever it wrote last, another one goes on from there.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { isFleetError } from '@tinyfleet/errors';
import { parseFilter } from '@tinyfleet/filter';
import { isOfferable } from '@tinyfleet/releases';
import { judgementOf } from './compatibility-table.js';
import {
  decide,
  decideReturn,
  isIn,
  type Decision,
  type RolloutState,
  type StepVerdict,
  type Tally,
} from './engine.js';
import { bar, enlist, standsAside } from './enlist.js';
import { enter } from './enter.js';
import { bucketCount, bucketOf, controlPercent, kindOf } from './plan.js';
import type {
  FoundRollout,
  NewDecision,
  NewDeployment,
  OfferLimits,
  OpenRollout,
  OpenRollouts,
  RolloutStores,
} from './ports.js';
import { allowance, leadMs } from './rates.js';
import { failureClasses } from './retries.js';
import { rollBack } from './rollout-operator.js';
import { findTarget, tell } from './rollout-service.js';
import { shadowReport, shadowWords } from './shadow/agreement.js';
import { openUntil } from './windows.js';

export interface GateJudgement {
  readonly verdict: StepVerdict;
  readonly reports: readonly object[];
}
/** What the gates of a step say; the evidence is read and kept by whoever judges. */
export interface GateJudge {
  /** Outside of transactions: it may take long. Undefined: nothing new since it was asked last. */
  judge(scope: ProjectScope, rollout: OpenRollout): Promise<GateJudgement | undefined>;
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
  /** Projects whose rollouts are moved at the same time. */
  readonly projectsAtOnce: number;
  /** Rollouts whose gates are judged at the same time. */
  readonly judgementsAtOnce: number;
}
export const conductorDefaults: ConductorOptions = {
  offersPerTurn: 2_000,
  clockMs: 1_000,
  joinMs: 5_000,
  gateMs: 1_000,
  denyMs: 15_000,
  idleMs: 1_000,
  projectsAtOnce: 4,
  judgementsAtOnce: 2,
};

/** Of the rollout as it was then. */
interface Judged extends GateJudgement {
  readonly version: string;
}

/** Under way, or done and not looked at yet. */
interface Judging {
  isDone: boolean;
  done: Promise<void>;
  result?: Judged | undefined;
  error?: Error;
}

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
  /** Of projects whose rollouts are having their turn. */
  private readonly lanes = new Map<string, Promise<void>>();
  private readonly rested = new Map<string, number>();
  /** How long the last turn of a project took. */
  private readonly took = new Map<string, number>();
  private readonly judgements = new Map<string, Judging>();
  private queue: (readonly FoundRollout[])[] = [];
  private nextMs: number;
  private failures: Error[] = [];
  /** Called when something is there for the next turn that the last one did not wait for. */
  onLate: () => void = () => {};

  constructor(
    private readonly rollouts: OpenRollouts,
    private readonly transact: Transact<RolloutStores>,
    private readonly options: ConductorOptions = conductorDefaults,
    private readonly gates?: GateJudge,
    private readonly monotonicMs: () => number = () => performance.now(),
  ) {
    this.nextMs = options.idleMs;
  }

  /**
   * One turn over all open rollouts. Those of a project take theirs one after the other, the highest priority first, since they may
   * want the same devices; projects do not wait for each other, and nobody waits for gates that are being judged.
   * @param patienceMs what takes longer goes on without it; Infinity: all of it is waited for, judgements too
   * @returns ms until the next turn at the latest; 0: there is more to do at once
   * @throws the first failure that is not a rollout's own, after the turn
   */
  async turn(patienceMs = Infinity): Promise<number> {
    const open = await this.rollouts.running();
    this.forget(open);
    const began = this.monotonicMs();
    const byProject = new Map<string, FoundRollout[]>();
    for (const found of open) {
      const same = byProject.get(found.scope.id) ?? [];
      byProject.set(found.scope.id, [...same, found]);
    }
    this.queue = [...byProject.values()].filter(([first]) => {
      const { id } = first!.scope;
      return !this.lanes.has(id) && (this.rested.get(id) ?? 0) <= began;
    });
    this.fill(began, patienceMs);
    await this.settled(patienceMs);
    const [next, [failure]] = [Math.min(this.nextMs, this.leastRestMs()), this.failures];
    this.nextMs = this.options.idleMs;
    this.failures = [];
    if (failure !== undefined) throw failure;
    return next;
  }

  /** Nothing is under way: no turn, no judgement. */
  async rest(): Promise<void> {
    this.queue = [];
    await this.settled(Infinity);
    await Promise.all([...this.judgements.values()].map(({ done }) => done));
  }

  private async settled(patienceMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<boolean>((resolve) => {
      if (patienceMs !== Infinity) timer = setTimeout(() => resolve(true), patienceMs);
    });
    while (this.lanes.size > 0) {
      const isLate = await Promise.race([
        late,
        ...[...this.lanes.values()].map((lane) => lane.then(() => false)),
      ]);
      if (isLate) break;
    }
    clearTimeout(timer);
  }

  private fill(began: number, patienceMs: number): void {
    while (this.lanes.size < this.options.projectsAtOnce) {
      const found = this.queue.shift();
      if (!found) return;
      const { id } = found[0]!.scope;
      const lane = this.run(found, patienceMs).then((next) => {
        this.lanes.delete(id);
        this.fill(began, patienceMs);
        const tookMs = this.monotonicMs() - began;
        const isLate = tookMs > patienceMs;
        // Turns that take long are followed by a pause as long, unless there is more to do; evidence comes meanwhile, and waits no
        // longer than an idle turn for whatever held up this one. A long one alone, such as a rollout's first, costs its rate no time.
        const lastMs = this.took.get(id) ?? 0;
        this.took.set(id, tookMs);
        const restMs = isLate && next > 0 ? Math.min(tookMs, lastMs, this.options.idleMs) : 0;
        this.rested.set(id, this.monotonicMs() + restMs);
        this.nextMs = Math.min(this.nextMs, Math.max(next, restMs));
        if (isLate) this.onLate();
      });
      this.lanes.set(id, lane);
    }
  }

  /** Until the first of the projects that rest may go on: what happened meanwhile has woken us, and will not again. */
  private leastRestMs(): number {
    const now = this.monotonicMs();
    return Math.min(...[...this.rested.values()].map((at) => at - now).filter((ms) => ms > 0));
  }

  /** @returns ms until its next turn */
  private async run(lane: readonly FoundRollout[], patienceMs: number): Promise<number> {
    let next = this.options.idleMs;
    for (const found of lane) {
      const { scope, number } = found;
      try {
        const judged = await this.judge(found, patienceMs).catch(async (error: unknown) => {
          // Of its gates alone: what it does without them goes on.
          await this.failed(scope, number, error);
          return undefined;
        });
        next = Math.min(next, await this.transact((stores) => this.move(stores, scope, number, judged)));
      } catch (error) {
        const goesOn = await this.failed(scope, number, error);
        // The database is away, or somebody else leads: so it is for all.
        if (!goesOn) return next;
      }
    }
    return next;
  }

  /** @returns whether other rollouts may be better off */
  private async failed(scope: ProjectScope, number: number, error: unknown): Promise<boolean> {
    if (isFleetError(error) && error.status >= 500) {
      this.failures.unshift(error);
      return false;
    }
    try {
      if (!(await this.pauseFor(scope, number, error))) this.failures.push(asError(error));
    } catch (cause) {
      this.failures.unshift(asError(cause));
      return false;
    }
    return true;
  }

  private forget(open: readonly FoundRollout[]): void {
    const keys = new Set(open.map(({ scope, number }) => `${scope.id}/${number}`));
    for (const key of this.clocks.keys()) if (!keys.has(key)) this.clocks.delete(key);
    for (const key of this.judgements.keys()) if (!keys.has(key)) this.judgements.delete(key);
    const projects = new Set(open.map(({ scope }) => scope.id));
    for (const id of this.rested.keys()) if (!projects.has(id)) this.rested.delete(id);
    for (const id of this.took.keys()) if (!projects.has(id)) this.took.delete(id);
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

  /**
   * What the gates of a rollout have said since its last turn. They are asked before the rollout is locked, and not waited for:
   * reading thousands of windows must hold up neither people, nor the reports of devices, nor other rollouts.
   */
  private async judge(found: FoundRollout, patienceMs: number): Promise<Judged | undefined> {
    const { scope, number, isGated } = found;
    if (!isGated || !this.gates) return undefined;
    const key = `${scope.id}/${number}`;
    let judging = this.judgements.get(key);
    if (!judging) {
      const underWay = [...this.judgements.values()].filter(({ isDone }) => !isDone).length;
      if (underWay >= this.options.judgementsAtOnce && patienceMs !== Infinity) return undefined;
      if (!this.isDue(this.clocksOf(key), 'judged', this.options.gateMs)) return undefined;
      judging = this.ask(this.gates, found);
      this.judgements.set(key, judging);
    }
    if (patienceMs === Infinity) await judging.done;
    if (!judging.isDone) return undefined;
    this.judgements.delete(key);
    if (judging.error !== undefined) throw judging.error;
    return judging.result;
  }

  private ask(gates: GateJudge, { scope, number }: FoundRollout): Judging {
    const judging: Judging = { isDone: false, done: Promise.resolve() };
    const look = async (): Promise<Judged | undefined> => {
      const rollout = await this.rollouts.look(scope, number);
      if (rollout.isUnreachable || rollout.plan[rollout.step]?.gates === undefined) return undefined;
      const judgement = await gates.judge(scope, rollout);
      return judgement && { ...judgement, version: rollout.version };
    };
    judging.done = look()
      .then((result) => (judging.result = result))
      .catch((error: unknown) => (judging.error = asError(error)))
      .then(() => {
        judging.isDone = true;
        if (judging.result !== undefined || judging.error !== undefined) this.onLate();
      });
    return judging;
  }

  private async move(
    stores: RolloutStores,
    scope: ProjectScope,
    number: number,
    judged: Judged | undefined,
  ): Promise<number> {
    const { moves } = stores;
    const rollout = await moves.lock(scope, number);
    if (rollout.state !== 'running' && rollout.state !== 'rolling-back')
      return await this.recall(stores, scope, rollout);
    // Nobody is late, and no soak goes on, while devices cannot reach us.
    if (rollout.isUnreachable) return this.options.idleMs;
    const clocks = this.clocksOf(`${scope.id}/${number}`);
    await moves.retryFailed(scope, rollout.id, rollout.policy.retries, failureClasses);
    if (this.isDue(clocks, 'looked', this.options.clockMs)) {
      await moves.refresh(scope, rollout.id, rollout.now);
      if (rollout.state === 'running') await judgeChanged(moves, scope, rollout);
      const { deviceTimeoutSeconds: each, timeouts, retries } = rollout.policy;
      const every = { offered: each, fetching: each, verified: each, staged: each, trial: each };
      await moves.judgeOverdue(
        scope,
        rollout.id,
        {
          timeouts: { ...every, soak: each, shadow: each, returning: each, ...defined(timeouts) },
          stuck: retries.stuck,
        },
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
    return await this.goOn(stores, scope, rollout, judged);
  }

  /** A release that is revoked comes back from where it is also while its rollout stands still. */
  private async recall(stores: RolloutStores, scope: ProjectScope, rollout: OpenRollout): Promise<number> {
    const stands = rollout.state === 'paused' || rollout.state === 'awaiting-approval';
    const decision = stands ? revocation(rollout) : undefined;
    if (!decision) return this.options.idleMs;
    const next = await this.act(stores, scope, rollout, decision);
    await tell(stores, scope, rollout.number);
    return next;
  }

  /** What follows from the end of a step, its soak, the next step and its first offers, is done in one turn. */
  private async goOn(
    stores: RolloutStores,
    scope: ProjectScope,
    first: OpenRollout,
    judged: Judged | undefined,
  ): Promise<number> {
    const { moves } = stores;
    const clocks = this.clocksOf(`${scope.id}/${first.number}`);
    for (let rollout = first; ; rollout = await moves.lock(scope, first.number)) {
      const tallies = await moves.tallies(scope, rollout.id);
      const decision =
        withdrawnRelease(rollout) ??
        decide({
          ...rollout,
          tallies,
          soakedSeconds: rollout.soakedSeconds ?? undefined,
          verdict: await this.takeVerdict(stores, scope, rollout, rollout === first ? judged : undefined),
        });
      const next = await this.act(stores, scope, rollout, decision);
      await this.tellOnce(stores, scope, rollout, clocks, decision, tallies);
      if (decision.kind !== 'soak' && decision.kind !== 'next-step') return next;
    }
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
    const into = async (state: RolloutState, reason: string): Promise<void> => {
      await enter(moves, scope, rollout, { state, reason });
    };
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
        await into('awaiting-approval', decision.reason);
        return idleMs;
      case 'pause':
        await into('paused', decision.reason);
        await note('pause', decision.reason, evidenceOf(rollout));
        break;
      case 'abort':
        await moves.withdraw(scope, id);
        await into('aborted', decision.reason);
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
        if (rollout.policy.shadow) await this.endShadow(stores, scope, rollout);
        await into(decision.state, decision.reason);
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

  /** Its runs are over, and nobody who comes later begins. What they came to is on record. */
  private async endShadow(stores: RolloutStores, scope: ProjectScope, rollout: OpenRollout): Promise<void> {
    const { rollouts, moves } = stores;
    await moves.withdraw(scope, rollout.id);
    const report = shadowReport(await rollouts.shadowCounts(scope, rollout.number));
    const { devices, runs, agreed, skipped, share, low, high } = report;
    await moves.note(scope, rollout.id, {
      kind: 'shadow',
      by: 'engine',
      step: rollout.step,
      text: shadowWords(report).join('; '),
      evidence: { devices, runs, agreed, skipped, share, low, high, disagreements: report.disagreements },
    });
  }

  /** Offers as many as rates, transfers and windows allow. */
  private async admit(
    { moves, updateRules }: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    waiting: number,
  ): Promise<number> {
    const { id, policy, step, now } = rollout;
    let limit = this.options.offersPerTurn;
    let next = this.options.idleMs;
    // Nobody else offers anything in the project meanwhile: its rollouts take turns.
    const ofAll = await updateRules.settings(scope);
    const limitsOf = [
      { of: id, devicesPerMinute: policy.devicesPerMinute, concurrentTransfers: policy.concurrentTransfers },
      {
        of: undefined,
        devicesPerMinute: ofAll.devicesPerMinute ?? undefined,
        concurrentTransfers: ofAll.concurrentTransfers ?? undefined,
      },
    ];
    for (const { of, devicesPerMinute, concurrentTransfers } of limitsOf) {
      if (devicesPerMinute !== undefined) {
        const made = await moves.offers(scope, of, now);
        // Its own rate is kept on the wire once more.
        const may = allowance(devicesPerMinute, made, now.getTime(), of === undefined ? 0 : leadMs);
        limit = Math.min(limit, may.devices);
        next = Math.min(next, may.moreInMs);
      }
      if (concurrentTransfers !== undefined)
        limit = Math.min(limit, concurrentTransfers - (await moves.transfers(scope, of)));
    }
    if (limit <= 0) return next;
    const { jitterSeconds, batteryFloorPercent, connections } = policy;
    const limits: OfferLimits = {
      ...{ step, limit, now, jitterSeconds, batteryFloorPercent, connections },
      zones: policy.windows.length === 0 ? undefined : await openZones(moves, scope, rollout),
    };
    const offered = limits.zones?.size === 0 ? 0 : await moves.offer(scope, id, limits);
    // Whoever tells the devices waits for the event.
    if (offered > 0) this.clocksOf(`${scope.id}/${rollout.number}`).told = '';
    if (offered < limit || offered === waiting) return next;
    return limitsOf.every(({ devicesPerMinute }) => devicesPerMinute === undefined) ? 0 : next;
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
      await enter(moves, scope, rollout, { state: 'rolled-back', reason: decision.reason });
      const { step } = rollout;
      await moves.note(scope, rollout.id, { kind: 'end', by: 'engine', step, text: decision.reason });
    }
    await this.tellOnce(stores, scope, rollout, clocks, decision, tallies);
    return this.options.idleMs;
  }

  /** Devices that match by now join the step that runs, one after the other. */
  private async takeIn(stores: RolloutStores, scope: ProjectScope, rollout: OpenRollout): Promise<void> {
    const { moves } = stores;
    const { id, policy, release, seed, step, rolledBack, now } = rollout;
    const filter = parseFilter(rollout.filter);
    const found = await findTarget(stores, scope, filter, { shadow: policy.shadow, notIn: id });
    const joiners = found.filter((device) => standsAside(device, release) === undefined);
    if (joiners.length === 0) return;
    const gapMs = 60_000 / policy.joinersPerMinute;
    const last = await moves.lastJoiner(scope, id);
    const first = Math.max(now.getTime(), (last?.getTime() ?? 0) + gapMs);
    const placed = joiners.map((device): NewDeployment => {
      const bucket = bucketOf(seed, device.name);
      const heldBack = bucket * 100 < controlPercent(policy) * bucketCount;
      const deployment = enlist({ device, bucket, step: heldBack ? undefined : step }, rollout);
      return isIn(rolledBack, device) ? bar(deployment, 'its type or site was rolled back') : deployment;
    });
    const turns = new Map<NewDeployment, Date>();
    for (const one of placed)
      if (one.state === 'waiting') turns.set(one, new Date(first + turns.size * gapMs));
    await moves.takeIn(
      scope,
      id,
      placed.map((one) => ({ ...one, notBefore: turns.get(one) ?? null })),
    );
    // One that cannot have it, or is held back, proves nothing anew.
    if (turns.size === 0) return;
    // Proof of a step is begun anew with them; a shadow or a comparison only gains by them, and would never end.
    if (kindOf(policy) === 'update') await moves.setStepEnded(scope, id, null);
    const names = joiners.flatMap(({ name }, i) => (turns.has(placed[i]!) ? name : []));
    await moves.note(scope, id, {
      kind: 'joined',
      by: 'engine',
      step,
      text: `${turns.size} devices joined step ${step + 1}`,
      evidence: { devices: names.slice(0, 20) },
    });
  }

  /** A person may have resumed, skipped, retried or rolled back since the gates were asked: then they are asked anew. */
  private async takeVerdict(
    { moves }: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
    judged: Judged | undefined,
  ): Promise<StepVerdict | undefined> {
    const known = rollout.verdict ?? undefined;
    if (!judged) return known;
    if (judged.version !== rollout.version) {
      this.clocksOf(`${scope.id}/${rollout.number}`).judged = -Infinity;
      return known;
    }
    const { verdict, reports } = judged;
    await moves.setVerdict(scope, rollout.id, verdict, reports);
    if (verdict.outcome !== known?.outcome) {
      const { step } = rollout;
      const text = `gates of step ${step + 1}: ${verdict.outcome}${verdict.reason && `, ${verdict.reason}`}`;
      await moves.note(scope, rollout.id, { kind: 'gate', by: 'engine', step, text, evidence: { reports } });
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
    // An event wakes the engine: one about nothing at each turn would never let it rest while devices wait.
    if ((decision.kind === 'wait' || decision.kind === 'admit') && clocks.told === told) return;
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

/** Devices that can something else by now are judged again, and only then offered anything. */
async function judgeChanged(
  moves: RolloutStores['moves'],
  scope: ProjectScope,
  { id, release, rival }: OpenRollout,
): Promise<void> {
  const changed = await moves.changedAbilities(scope, id);
  if (changed.length === 0) return;
  const judged = changed.map((group) => {
    const own = rival?.id === group.releaseId ? rival : release;
    return { group, obstacle: judgementOf(group, own).obstacle };
  });
  await moves.judgeAgain(scope, id, judged);
}

/** A release that nobody may be offered any more: those that run a revoked one go back. */
function withdrawnRelease(rollout: OpenRollout): Decision | undefined {
  const { now } = rollout;
  const pause = releasesOf(rollout).flatMap(({ ref, state, isSigned, notAfter }): Decision[] => {
    if (!isSigned || !isOfferable(state)) return [{ kind: 'pause', reason: `${ref} is ${state}` }];
    if (notAfter !== null && notAfter <= now)
      return [{ kind: 'pause', reason: `${ref} was good until ${notAfter.toISOString()}` }];
    return [];
  });
  return revocation(rollout) ?? pause[0];
}

function revocation(rollout: OpenRollout): Decision | undefined {
  const revoked = releasesOf(rollout).find(({ state }) => state === 'revoked');
  return (
    revoked && { kind: rollout.policy.shadow ? 'abort' : 'roll-back', reason: `${revoked.ref} was revoked` }
  );
}

/** Both, of a comparison of two. */
const releasesOf = ({ release, rival }: OpenRollout): OpenRollout['release'][] =>
  rival ? [release, rival] : [release];

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

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));
