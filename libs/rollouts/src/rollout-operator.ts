/** What people do with a rollout that is open: approve, pause, resume, skip, retry, roll back, abort. All of it is audited. */
import type { ProjectScope, Resource, Transact } from '@tinyfleet/contracts';
import { FleetError } from '@tinyfleet/errors';
import { isPerson, personOf } from '@tinyfleet/releases';
import { failuresIn, type RolloutState, type Segment } from './engine.js';
import { enter } from './enter.js';
import type { NewDecision, OpenRollout, RolloutStores } from './ports.js';
import { tell } from './rollout-service.js';

interface Change {
  readonly action: string;
  readonly from: readonly RolloutState[];
  readonly detail?: Record<string, unknown>;
  readonly work: (
    stores: RolloutStores,
    rollout: OpenRollout,
  ) => Promise<Pick<NewDecision, 'kind' | 'text' | 'evidence'>>;
}

const withReason = (text: string, reason: string): string => (reason === '' ? text : `${text}: ${reason}`);

export class RolloutOperator {
  constructor(
    private readonly stores: Pick<RolloutStores, 'rollouts'>,
    private readonly transact: Transact<RolloutStores>,
  ) {}

  /** @throws rollouts.not-found, rollouts.not-running, rollouts.approver-no-person, rollouts.own-approval */
  async approve(
    actor: string,
    scope: ProjectScope,
    number: number,
    reason = '',
  ): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.approved',
      from: ['awaiting-approval'],
      detail: { reason },
      work: async ({ moves }, rollout) => {
        if (!isPerson(actor)) throw new FleetError('rollouts.approver-no-person', { rollout: number, actor });
        if (personOf(actor) === personOf(rollout.createdBy))
          throw new FleetError('rollouts.own-approval', { rollout: number });
        const step = rollout.approvedStep < 0 ? 0 : rollout.step + 1;
        await moves.approve(scope, rollout.id, step);
        await enter(moves, scope, rollout, { state: 'running', reason: '' });
        const what = step === 0 ? 'the start' : `step ${step + 1}`;
        return { kind: 'approved', text: withReason(`${actor} approved ${what}`, reason) };
      },
    });
  }

  /** @throws rollouts.not-found, rollouts.not-running */
  async pause(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.paused',
      from: ['running'],
      work: async ({ moves }, rollout) => {
        const text = `paused by ${actor}`;
        await enter(moves, scope, rollout, { state: 'paused', reason: text });
        return { kind: 'pause', text };
      },
    });
  }

  /** Goes on, and accepts the failures that happened until now. @throws rollouts.not-found, rollouts.not-running */
  async resume(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.resumed',
      from: ['paused'],
      work: async ({ moves }, rollout) => {
        const toleratedFailures = failuresIn(await moves.tallies(scope, rollout.id));
        await enter(moves, scope, rollout, { state: 'running', reason: '', toleratedFailures });
        // The gates begin anew: what paused it was seen.
        await moves.setVerdict(scope, rollout.id, null, []);
        // It paused undecided: it soaks once more, or it would pause at once.
        const { maxSoakSeconds = Infinity } = rollout.plan[rollout.step] ?? {};
        if ((rollout.soakedSeconds ?? 0) >= maxSoakSeconds) await moves.setStepEnded(scope, rollout.id, null);
        return { kind: 'resume', text: `resumed by ${actor}`, evidence: { toleratedFailures } };
      },
    });
  }

  /** Lets the present step go on without waiting for it. @throws rollouts.not-found, rollouts.not-running */
  async skip(actor: string, scope: ProjectScope, number: number, reason = ''): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.step-skipped',
      from: ['running', 'paused'],
      detail: { reason },
      work: async ({ moves }, rollout) => {
        const toleratedFailures = failuresIn(await moves.tallies(scope, rollout.id));
        await moves.skip(scope, rollout.id, rollout.step);
        await enter(moves, scope, rollout, { state: 'running', reason: '', toleratedFailures });
        const text = withReason(`${actor} let step ${rollout.step + 1} go on`, reason);
        return { kind: 'skip', text, evidence: { toleratedFailures } };
      },
    });
  }

  /** @throws rollouts.not-found, rollouts.not-running */
  async retry(actor: string, scope: ProjectScope, number: number, reason = ''): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.retried',
      from: ['running', 'paused'],
      detail: { reason },
      work: async ({ moves }, rollout) => {
        const devices = await moves.retryAll(scope, rollout.id);
        await enter(moves, scope, rollout, { state: 'running', reason: '', toleratedFailures: 0 });
        await moves.setStepEnded(scope, rollout.id, null);
        await moves.setVerdict(scope, rollout.id, null, []);
        const text = withReason(`${actor} tries ${devices} devices again`, reason);
        return { kind: 'retry', text, evidence: { devices } };
      },
    });
  }

  /** @throws rollouts.not-found, rollouts.not-running */
  async rollBack(
    actor: string,
    scope: ProjectScope,
    number: number,
    { reason = '', ...segment }: Segment & { readonly reason?: string } = {},
  ): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.rolled-back',
      from: isWhole(segment)
        ? ['running', 'paused', 'awaiting-approval', 'succeeded', 'failed', 'aborted']
        : ['running', 'paused', 'awaiting-approval'],
      detail: { reason, ...segment },
      work: async (stores, rollout) => {
        if (rollout.policy.shadow) throw new FleetError('rollouts.is-shadow', { rollout: number });
        return await rollBack(stores, scope, rollout, segment, withReason(`rolled back by ${actor}`, reason));
      },
    });
  }

  /** Ends it; devices that have not switched get back what was desired of them. */
  async abort(actor: string, scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    return await this.change(actor, scope, number, {
      action: 'rollout.aborted',
      from: ['awaiting-approval', 'running', 'paused'],
      work: async ({ moves }, rollout) => {
        const text = `aborted by ${actor}`;
        const withdrawn = await moves.withdraw(scope, rollout.id);
        await enter(moves, scope, rollout, { state: 'aborted', reason: text });
        return { kind: 'abort', text, evidence: { withdrawn } };
      },
    });
  }

  private async change(
    actor: string,
    scope: ProjectScope,
    number: number,
    { action, from, detail, work }: Change,
  ): Promise<Resource<'Rollout'>> {
    await this.transact(async (stores) => {
      const rollout = await stores.moves.lock(scope, number);
      if (!from.includes(rollout.state))
        throw new FleetError('rollouts.not-running', { rollout: number, state: rollout.state });
      const decision = await work(stores, rollout);
      await stores.moves.note(scope, rollout.id, { ...decision, by: actor, step: rollout.step });
      const { state } = await stores.rollouts.get(scope, number);
      await stores.audit.append(scope, {
        actor,
        action,
        target: String(number),
        ...(detail && { detail }),
        before: { state: rollout.state },
        after: { state },
      });
      await tell(stores, scope, number);
    });
    return await this.stores.rollouts.get(scope, number);
  }
}

export const isWhole = ({ deviceType, site }: Segment): boolean =>
  deviceType === undefined && site === undefined;

export function segmentText({ deviceType, site }: Segment): string {
  return [deviceType && `type ${deviceType}`, site !== undefined && `site ${site === '' ? '(none)' : site}`]
    .filter(Boolean)
    .join(' at ');
}

/** Devices go back; with a segment the rest of the rollout goes on. Says what was done. */
export async function rollBack(
  { moves }: Pick<RolloutStores, 'moves'>,
  scope: ProjectScope,
  rollout: OpenRollout,
  segment: Segment,
  reason: string,
): Promise<Pick<NewDecision, 'kind' | 'text' | 'evidence'>> {
  const moved = await moves.rollBack(scope, rollout.id, segment);
  const kept = moved.kept > 0 ? `, ${moved.kept} have nothing to go back to` : '';
  const devices = `${moved.returning} devices go back${kept}`;
  if (isWhole(segment)) {
    await enter(moves, scope, rollout, { state: 'rolling-back', reason });
    return { kind: 'roll-back', text: `${reason}; ${devices}`, evidence: moved };
  }
  const text = `${segmentText(segment)}: ${reason}; ${devices}`;
  await moves.setReason(scope, rollout.id, text);
  await moves.setVerdict(scope, rollout.id, null, []);
  return { kind: 'roll-back-segment', text, evidence: { ...moved, ...segment } };
}
