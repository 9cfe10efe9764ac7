/** What the engine does with rollouts: one statement or few for each step, whatever the number of devices. */
import type { ProjectScope, Resource } from '@tinyfleet/contracts';
import { failuresIn, rateWindowMs } from '@tinyfleet/rollouts';
import type {
  ChangedGroup,
  JudgedGroup,
  FailureClass,
  NewDecision,
  NewDeployment,
  OfferBatch,
  OfferLimits,
  OpenRollout,
  OverduePolicy,
  RolloutMoves,
  RolloutState,
  Segment,
  StepVerdict,
  Tally,
} from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { loadAbilities, type GroupRow } from './abilities.js';
import { openRollout } from './open-rollouts.js';
import { insertDeployments } from './rollout-store.js';

/** Devices that join at once. */
const ANALYZE_FROM = 500;

export class PgRolloutMoves implements RolloutMoves {
  constructor(
    private readonly db: Db,
    /** Seconds by which the engine's clock is ahead of the database's: 0 but in tests. */
    private readonly clockSkewS: () => number = () => 0,
  ) {}

  async lock(scope: ProjectScope, number: number): Promise<OpenRollout> {
    return await openRollout(this.db, scope, number, { skewS: this.clockSkewS(), lock: true });
  }

  async setState(
    scope: ProjectScope,
    id: string,
    change: { readonly state: RolloutState; readonly reason: string; readonly toleratedFailures?: number },
  ): Promise<void> {
    await this.db.query(
      `update rollout set state = $3, reason = $4, tolerated_failures = coalesce($5::int, tolerated_failures),
         finished_at = case when $3 in ('succeeded', 'failed', 'aborted', 'rolled-back') then now() end
       where project_id = $1 and id = $2`,
      [scope.id, id, change.state, change.reason, change.toleratedFailures ?? null],
    );
  }

  async setReason(scope: ProjectScope, id: string, reason: string): Promise<void> {
    await this.db.query(
      `update rollout set reason = $3 where project_id = $1 and id = $2 and reason is distinct from $3`,
      [scope.id, id, reason],
    );
  }

  async setStep(scope: ProjectScope, id: string, step: number, reason: string): Promise<void> {
    await this.db.query(
      `update rollout set step = $3, reason = $4, step_started_at = now(), step_ended_at = null, verdict = null, gate_reports = '[]'
       where project_id = $1 and id = $2`,
      [scope.id, id, step, reason],
    );
  }

  async setStepEnded(scope: ProjectScope, id: string, at: Date | null): Promise<void> {
    await this.db.query('update rollout set step_ended_at = $3 where project_id = $1 and id = $2', [
      scope.id,
      id,
      at,
    ]);
  }

  async setVerdict(
    scope: ProjectScope,
    id: string,
    verdict: StepVerdict | null,
    reports: readonly object[],
  ): Promise<void> {
    await this.db.query(
      'update rollout set verdict = $3, gate_reports = $4 where project_id = $1 and id = $2',
      [scope.id, id, verdict === null ? null : JSON.stringify(verdict), JSON.stringify(reports)],
    );
  }

  async approve(scope: ProjectScope, id: string, step: number): Promise<void> {
    await this.db.query(
      `update rollout set approved_step = $3, step_started_at = case when $3 = 0 then now() else step_started_at end
       where project_id = $1 and id = $2`,
      [scope.id, id, step],
    );
  }

  async skip(scope: ProjectScope, id: string, step: number): Promise<void> {
    await this.db.query('update rollout set skipped_step = $3 where project_id = $1 and id = $2', [
      scope.id,
      id,
      step,
    ]);
  }

  async note(scope: ProjectScope, id: string, decision: NewDecision): Promise<void> {
    await this.db.query(
      `insert into rollout_decision (project_id, rollout_id, number, at, by, kind, step, words, evidence)
       select $1, $2, coalesce(max(number), 0) + 1, now(), $3, $4, $5, $6, $7
       from rollout_decision where project_id = $1 and rollout_id = $2`,
      [
        scope.id,
        id,
        decision.by,
        decision.kind,
        decision.step,
        decision.text,
        JSON.stringify(decision.evidence ?? {}),
      ],
    );
  }

  async tallies(scope: ProjectScope, id: string): Promise<Tally[]> {
    return await this.db.query<Tally & object>(namedQuery('rollouts/tallies'), [scope.id, id]);
  }

  async setWindow(scope: ProjectScope, id: string, seconds: number | null): Promise<void> {
    await this.db.query(namedQuery('rollouts/set-window'), [scope.id, id, seconds]);
  }

  async denyActive(scope: ProjectScope, id: string): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/deny-active'), [scope.id, id]);
  }

  async zones(scope: ProjectScope, id: string, step: number): Promise<string[]> {
    const rows = await this.db.query<{ zone: string }>(
      `select distinct zone from deployment
       where project_id = $1 and rollout_id = $2 and state = 'waiting' and step <= $3 order by zone`,
      [scope.id, id, step],
    );
    return rows.map(({ zone }) => zone);
  }

  async offers(scope: ProjectScope, id: string | undefined, now: Date): Promise<OfferBatch[]> {
    // The clock went back: they count from now on for a minute, and not until it is that late once more.
    await this.db.query(
      'update rollout_offer set at = $3 where project_id = $1 and ($2::uuid is null or rollout_id = $2) and at > $3',
      [scope.id, id ?? null, now],
    );
    return await this.db.query<OfferBatch & object>(
      `select extract(epoch from at)::float8 * 1000 as "atMs", devices from rollout_offer
       where project_id = $1 and ($2::uuid is null or rollout_id = $2) and at > $3::timestamptz - $4 * interval '1 ms'
       order by at`,
      [scope.id, id ?? null, now, rateWindowMs],
    );
  }

  async transfers(scope: ProjectScope, id: string | undefined): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `select count(*)::int as count from rollout ro
       join deployment dp on dp.project_id = ro.project_id and dp.rollout_id = ro.id and dp.state in ('fetching', 'offered')
       left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
       where ro.project_id = $1 and case when $2::uuid is null then ro.state in ('running', 'paused', 'rolling-back', 'awaiting-approval')
         else ro.id = $2 end and (dp.state = 'fetching' or p.connected)`,
      [scope.id, id ?? null],
    );
    return row?.count ?? 0;
  }

  async offer(scope: ProjectScope, id: string, limits: OfferLimits): Promise<number> {
    // Of all that wait the first few in their order, from the index that has it: how many of them may be offered is not for a
    // planner to guess, and one that guesses few looks at all and sorts them. Joined as they are written: to try the orders of so many
    // tables takes it 28 ms instead of 6.
    await this.db.query('set local enable_sort to off');
    await this.db.query('set local join_collapse_limit to 1');
    const offered = await this.db.execute(namedQuery('rollouts/offer'), [
      scope.id,
      id,
      limits.step,
      limits.limit,
      limits.now,
      limits.jitterSeconds,
      limits.zones ? [...limits.zones.keys()] : null,
      limits.zones ? [...limits.zones.values()] : null,
      limits.batteryFloorPercent ?? null,
      limits.connections ?? null,
    ]);
    await this.db.query('set local enable_sort to default');
    await this.db.query('set local join_collapse_limit to default');
    return offered;
  }

  async takeIn(scope: ProjectScope, id: string, deployments: readonly NewDeployment[]): Promise<void> {
    await insertDeployments(this.db, scope, id, deployments);
    // As at the start; of few devices a bad plan costs less.
    if (deployments.length >= ANALYZE_FROM) await this.db.query('analyze deployment');
  }

  async lastJoiner(scope: ProjectScope, id: string): Promise<Date | null> {
    const [row] = await this.db.query<{ at: Date | null }>(
      `select max(not_before) as at from deployment where project_id = $1 and rollout_id = $2 and attempts = 0`,
      [scope.id, id],
    );
    return row?.at ?? null;
  }

  async retryFailed(
    scope: ProjectScope,
    id: string,
    policy: Resource<'RetryPolicy'>,
    classes: ReadonlyMap<number, FailureClass | undefined>,
  ): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/retry-failed'), [
      scope.id,
      id,
      JSON.stringify(policy),
      [...classes.keys()],
      [...classes.values()].map((one) => one ?? ''),
    ]);
  }

  async retryAll(scope: ProjectScope, id: string): Promise<number> {
    return await this.db.execute(
      `update deployment set state = 'waiting', retries = '{}', not_before = null, updated_at = now(), finished_at = null
       where project_id = $1 and rollout_id = $2 and state in ('failed', 'reverted', 'silent', 'unreached') and not back`,
      [scope.id, id],
    );
  }

  async changedAbilities(scope: ProjectScope, id: string): Promise<ChangedGroup[]> {
    const rows = await this.db.query<GroupRow & { readonly releaseId: string }>(
      namedQuery('rollouts/changed-abilities'),
      [scope.id, id],
    );
    return rows.length === 0 ? [] : await loadAbilities(this.db, scope, rows);
  }

  async judgeAgain(scope: ProjectScope, id: string, judged: readonly JudgedGroup[]): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/judge-again'), [
      scope.id,
      id,
      judged.map(({ group }) => group.releaseId),
      judged.map(({ group }) => group.typeId),
      judged.map(({ group }) => group.ability),
      judged.map(({ obstacle }) => obstacle?.errorNumber ?? null),
      judged.map(({ obstacle }) => obstacle?.reason ?? null),
    ]);
  }

  async refresh(scope: ProjectScope, id: string, now: Date): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/refresh'), [scope.id, id, now]);
  }

  async judgeOverdue(scope: ProjectScope, id: string, policy: OverduePolicy, now: Date): Promise<number> {
    const { timeouts, stuck } = policy;
    return await this.db.execute(namedQuery('rollouts/overdue'), [
      scope.id,
      id,
      JSON.stringify(timeouts),
      stuck.max,
      stuck.backoffSeconds,
      stuck.maxBackoffSeconds,
      now,
    ]);
  }

  async withdraw(scope: ProjectScope, id: string, segment: Segment = {}): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/withdraw'), [scope.id, id, ...segmentOf(segment)]);
  }

  async rollBack(
    scope: ProjectScope,
    id: string,
    segment: Segment,
  ): Promise<{ returning: number; kept: number }> {
    const values = [scope.id, id, ...segmentOf(segment)];
    const failures = failuresIn(await this.tallies(scope, id));
    const returning = await this.db.execute(namedQuery('rollouts/roll-back'), values);
    await this.withdraw(scope, id, segment);
    if (segment.deviceType !== undefined || segment.site !== undefined) {
      await this.db.query(
        'update rollout set rolled_back = rolled_back || $3::jsonb where project_id = $1 and id = $2',
        [scope.id, id, JSON.stringify([segment])],
      );
      // What was tolerated there is not tolerated of the rest.
      const gone = failures - failuresIn(await this.tallies(scope, id));
      await this.db.query(
        `update rollout set tolerated_failures = greatest(0, tolerated_failures - $3) where project_id = $1 and id = $2`,
        [scope.id, id, gone],
      );
    }
    const [row] = await this.db.query<{ kept: number }>(
      `select count(*)::int as kept from deployment dp
       join device d on d.project_id = dp.project_id and d.id = dp.device_id
       join device_type t on t.project_id = d.project_id and t.id = d.type_id
       where dp.project_id = $1 and dp.rollout_id = $2 and ($3::text is null or t.name = $3)
         and ($4::text is null or d.site = $4) and dp.state = 'active'`,
      values,
    );
    return { returning, kept: row?.kept ?? 0 };
  }

  async returnAgain(scope: ProjectScope, id: string): Promise<number> {
    return await this.db.execute(namedQuery('rollouts/return-again'), [scope.id, id]);
  }

  async awayReturning(scope: ProjectScope, id: string, patienceSeconds: number, now: Date): Promise<number> {
    const [row] = await this.db.query<{ count: number }>(
      `select count(*)::int as count from deployment dp
       left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
       where dp.project_id = $1 and dp.rollout_id = $2 and dp.state = 'returning' and p.connected is not true
         and ((p.next_contact_by > $4::timestamptz) is not true
           or dp.updated_at < $4::timestamptz - make_interval(secs => $3))`,
      [scope.id, id, patienceSeconds, now],
    );
    return row?.count ?? 0;
  }
}

const segmentOf = ({ deviceType, site }: Segment): (string | null)[] => [deviceType ?? null, site ?? null];
