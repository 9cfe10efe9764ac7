/**
 * Moves open rollouts on, one decision at a time, each in a transaction with the rollout's row locked: a pause or an
 * abort by a person comes before or after, never between. Runs in the one process that is leader.
 */
import type { ProjectScope, Transact } from '@tinyfleet/contracts';
import { errors, type ErrorEntry } from '@tinyfleet/errors';
import { decide, mayRetry, overdueOutcome } from './engine.js';
import type { OpenRollout, OpenRolloutFinder, RolloutStores } from './ports.js';
import { tell } from './rollout-service.js';

export interface ConductorOptions {
  /** Devices offered a release in one transaction. More in one second wait for the next turn. */
  readonly offersPerTurn: number;
}
export const conductorDefaults: ConductorOptions = { offersPerTurn: 2_000 };

/** Numbers that devices report and that may pass by themselves. */
const transientErrors = Object.values(errors as Record<string, ErrorEntry>).flatMap(
  ({ number, transient }) => (number !== undefined && transient ? [number] : []),
);
/** `agent.transfer-timeout` */
const noProgress = 703;

export class Conductor {
  /** Counts last told, so that an event is sent when they change and not at every turn. */
  private readonly told = new Map<string, string>();

  constructor(
    private readonly finder: OpenRolloutFinder,
    private readonly transact: Transact<RolloutStores>,
    private readonly options: ConductorOptions = conductorDefaults,
  ) {}

  /** One turn over all open rollouts. @returns true when there is more to do at once. */
  async turn(): Promise<boolean> {
    const open = await this.finder.running();
    let more = false;
    for (const { scope, number } of open) {
      if (await this.transact((stores) => this.move(stores, scope, number))) more = true;
    }
    for (const key of this.told.keys()) {
      if (!open.some(({ scope, number }) => key === `${scope.id}/${number}`)) this.told.delete(key);
    }
    return more;
  }

  private async move(stores: RolloutStores, scope: ProjectScope, number: number): Promise<boolean> {
    const rollout = await stores.rollouts.lock(scope, number);
    if (rollout.state !== 'running') return false;
    await this.retry(stores, scope, rollout);
    await this.judgeOverdue(stores, scope, rollout);
    const tallies = await stores.rollouts.tallies(scope, rollout.id);
    const decision = decide(rollout.strategy, rollout.step, tallies);
    let more = false;
    switch (decision.kind) {
      case 'admit': {
        const offered = await stores.rollouts.offer(
          scope,
          rollout.id,
          rollout.step,
          this.options.offersPerTurn,
        );
        more = offered.length < decision.waiting;
        break;
      }
      case 'next-step':
        await stores.rollouts.setStep(scope, rollout.id, decision.step, decision.reason);
        more = true;
        break;
      case 'pause':
        await stores.rollouts.setState(scope, rollout.id, { state: 'paused', reason: decision.reason });
        break;
      case 'end':
        await stores.rollouts.setState(scope, rollout.id, { state: decision.state, reason: decision.reason });
        break;
      case 'wait':
        break;
    }
    const counts = JSON.stringify(tallies);
    const key = `${scope.id}/${number}`;
    if (decision.kind !== 'wait' || this.told.get(key) !== counts) {
      this.told.set(key, counts);
      await tell(stores, scope, number);
    }
    return more;
  }

  private async retry({ rollouts }: RolloutStores, scope: ProjectScope, rollout: OpenRollout): Promise<void> {
    const failed = await rollouts.retryable(scope, rollout.id, transientErrors);
    const again = failed.filter(({ attempts }) => mayRetry(true, attempts));
    if (again.length > 0) {
      await rollouts.offerAgain(
        scope,
        rollout.id,
        again.map(({ deviceId }) => deviceId),
      );
    }
  }

  private async judgeOverdue(
    { rollouts }: RolloutStores,
    scope: ProjectScope,
    rollout: OpenRollout,
  ): Promise<void> {
    const { deviceTimeoutSeconds } = rollout.strategy;
    const overdue = await rollouts.overdue(scope, rollout.id, deviceTimeoutSeconds);
    if (overdue.length === 0) return;
    const idsOf = (outcome: string): string[] =>
      overdue.filter((one) => overdueOutcome(one) === outcome).map(({ deviceId }) => deviceId);
    const again = idsOf('retry');
    if (again.length > 0) await rollouts.offerAgain(scope, rollout.id, again);
    const silent = idsOf('silent');
    if (silent.length > 0) {
      const reason = `nothing heard for ${deviceTimeoutSeconds} s`;
      await rollouts.setDeployments(scope, rollout.id, silent, { state: 'silent', errorCode: null, reason });
    }
    const stuck = idsOf('fail');
    if (stuck.length > 0) {
      const reason = `no progress in ${deviceTimeoutSeconds} s, three times`;
      await rollouts.setDeployments(scope, rollout.id, stuck, {
        state: 'failed',
        errorCode: noProgress,
        reason,
      });
    }
  }
}
