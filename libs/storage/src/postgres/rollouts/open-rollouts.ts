/** Open rollouts as the engine reads them outside its transactions, so that a long look holds up nobody. */
import { RolloutPolicy, projectScope, type ProjectScope } from '@tinyfleet/contracts';
import type { FoundRollout, GateMember, OpenRollout, OpenRollouts } from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { namedQuery } from '../queries/index.js';
import { PgRolloutStore, rolloutNotFound } from './rollout-store.js';

interface OpenRow extends Omit<OpenRollout, 'policy' | 'release' | 'rival' | 'version'> {
  readonly strategy: unknown;
  readonly ref: string;
}

export class PgOpenRollouts implements OpenRollouts {
  constructor(
    private readonly db: Db,
    /** Seconds by which the engine's clock is ahead of the database's: 0 but in tests. */
    private readonly clockSkewS: () => number = () => 0,
  ) {}

  async running(): Promise<FoundRollout[]> {
    const rows = await this.db.query<{
      projectId: string;
      project: string;
      number: number;
      isGated: boolean;
    }>(namedQuery('rollouts/running'));
    return rows.map(({ projectId, project, ...found }) => ({
      scope: projectScope(projectId, project),
      ...found,
    }));
  }

  async look(scope: ProjectScope, number: number): Promise<OpenRollout> {
    return await openRollout(this.db, scope, number, { skewS: this.clockSkewS(), lock: false });
  }

  async gateMembers(scope: ProjectScope, id: string, step: number): Promise<GateMember[]> {
    return await this.db.query<GateMember & object>(namedQuery('rollouts/gate-members'), [
      scope.id,
      id,
      step,
    ]);
  }
}

/** @throws rollouts.not-found */
export async function openRollout(
  db: Db,
  scope: ProjectScope,
  number: number,
  { skewS, lock }: { readonly skewS: number; readonly lock: boolean },
): Promise<OpenRollout> {
  // Read apart from the row, and on the safe side of it: a statement that waits for a lock sees the row as it is then, and all else as
  // it was before.
  const before = lock ? undefined : await lastDecision(db, scope, number);
  const [row] = await db.query<OpenRow & object>(
    `${namedQuery('rollouts/open')}${lock ? ' for update of ro' : ''}`,
    [scope.id, number, skewS],
  );
  if (!row) throw rolloutNotFound(scope, number);
  const version = before ?? (await lastDecision(db, scope, number));
  const { strategy, ref, ...rest } = row;
  const policy = RolloutPolicy.parse(strategy);
  const rollouts = new PgRolloutStore(db);
  const read = async (name: string): Promise<NonNullable<OpenRollout['rival']>> => ({
    ...(await rollouts.release(scope, name)),
    ref: name,
  });
  const { against } = policy.ab ?? {};
  const rival = against === undefined ? null : await read(against);
  return { ...rest, version, policy, release: await read(ref), rival };
}

async function lastDecision(db: Db, scope: ProjectScope, number: number): Promise<string> {
  const [row] = await db.query<{ version: string }>(
    `select coalesce(max(dc.number), 0)::text as version
     from rollout ro join rollout_decision dc on dc.project_id = ro.project_id and dc.rollout_id = ro.id
     where ro.project_id = $1 and ro.number = $2`,
    [scope.id, number],
  );
  return row?.version ?? '0';
}
