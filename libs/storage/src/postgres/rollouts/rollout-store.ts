/** Rollouts and deployments: reads for people, set-based steps for the conductor. */
import {
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError, describeDeviceError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import type {
  BundleNeeds,
  DeploymentState,
  DeviceAbilities,
  NewDeployment,
  NewRollout,
  OpenRollout,
  OpenRolloutFinder,
  OverdueDeployment,
  ReleaseFacts,
  RolloutState,
  RolloutStore,
  RolloutStrategy,
  Tally,
  TargetDevice,
} from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { DEVICE_FROM } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorNumber, iso, isoOrNull, toPage } from '../stores/page.js';

interface RolloutRow {
  readonly number: number;
  readonly release: string;
  readonly filter: string;
  readonly state: RolloutState;
  readonly reason: string;
  readonly strategy: RolloutStrategy;
  readonly step: number;
  readonly createdAt: Date;
  readonly createdBy: string;
  readonly finishedAt: Date | null;
  readonly counts: Record<string, number> | null;
}

interface DeploymentRow {
  readonly number: string;
  readonly device: string;
  readonly state: DeploymentState;
  readonly step: number;
  readonly offset: number;
  readonly bytes: number;
  readonly errorCode: number | null;
  readonly reason: string;
  readonly updatedAt: Date;
  readonly rollout: number;
  readonly release: string;
}

export class PgRolloutStore implements RolloutStore, OpenRolloutFinder {
  constructor(private readonly db: Db) {}

  async list(scope: ProjectScope, page: PageRequest): Promise<Page<Resource<'Rollout'>>> {
    const before = cursorNumber(page);
    const rows = await this.db.query<RolloutRow>(namedQuery('rollouts/list'), [
      scope.id,
      null,
      before ?? null,
      page.limit + 1,
    ]);
    return toPage(rows, page.limit, (row) => [String(row.number)], toRollout);
  }

  async get(scope: ProjectScope, number: number): Promise<Resource<'Rollout'>> {
    const [row] = await this.db.query<RolloutRow>(namedQuery('rollouts/list'), [scope.id, number, null, 1]);
    if (!row) throw notFound(scope, number);
    return toRollout(row);
  }

  async deployments(
    scope: ProjectScope,
    number: number,
    page: PageRequest & { readonly state?: DeploymentState | undefined },
  ): Promise<Page<Resource<'Deployment'>>> {
    const rows = await this.db.query<DeploymentRow>(
      `${namedQuery('rollouts/deployments')}
       and ro.number = $2 and ($3::text is null or dp.state = $3) and ($4::text is null or d.name > $4)
       order by d.name limit $5`,
      [scope.id, number, page.state ?? null, cursorKey(page)?.[0] ?? null, page.limit + 1],
    );
    if (rows.length === 0) await this.get(scope, number);
    return toPage(rows, page.limit, (row) => [row.device], toDeployment);
  }

  async ofDevice(
    scope: ProjectScope,
    device: string,
    page: PageRequest,
  ): Promise<Page<Resource<'Deployment'> & { rollout: number; release: string }>> {
    const rows = await this.db.query<DeploymentRow>(
      `${namedQuery('rollouts/deployments')}
       and d.name = $2 and ($3::bigint is null or dp.number < $3) order by dp.number desc limit $4`,
      [scope.id, device, cursorNumber(page) ?? null, page.limit + 1],
    );
    return toPage(
      rows,
      page.limit,
      (row) => [row.number],
      (row) => ({ ...toDeployment(row), rollout: row.rollout, release: row.release }),
    );
  }

  async release(scope: ProjectScope, ref: string): Promise<ReleaseFacts> {
    const rows = await this.db.query<{
      id: string;
      state: ReleaseFacts['state'];
      notAfter: Date | null;
      typeId: string | null;
      digest: Buffer;
      bytes: number;
      sequence: number;
      needs: Omit<BundleNeeds, 'bytes' | 'sequence'> | null;
    }>(
      `select r.id, r.state, r.not_after as "notAfter", a.type_id as "typeId", a.bundle_digest as digest, a.bundle_bytes::float8 as bytes,
         r.sequence::float8 as sequence, b.report -> 'needs' as needs
       from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       left join release_artifact a on a.project_id = r.project_id and a.release_id = r.id
       left join build b on b.project_id = a.project_id and b.id = a.build_id
       where r.project_id = $1 and m.name || '@' || v.version = $2`,
      [scope.id, ref],
    );
    const [first] = rows;
    if (!first) throw new FleetError('releases.not-found', { release: ref });
    const artifacts = rows.flatMap(({ typeId, digest, bytes, sequence, needs }) =>
      typeId === null
        ? []
        : [
            {
              typeId,
              digest,
              needs: {
                abi: needs?.abi ?? 0,
                arenaBytes: needs?.arenaBytes ?? 0,
                stateBytes: needs?.stateBytes ?? 0,
                bytes,
                sequence,
              },
            },
          ],
    );
    return { id: first.id, state: first.state, notAfter: first.notAfter, artifacts };
  }

  async target(scope: ProjectScope, filter: Filter): Promise<TargetDevice[]> {
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id]);
    const rows = await this.db.query<
      Omit<TargetDevice, 'abilities'> & { hello: DeviceAbilities | null; floor: number }
    >(
      `select d.id as "deviceId", d.name, d.type_id as "typeId", t.name as type, report.hello, report.floor::float8 as floor,
         (select ro.number::int from deployment dp join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
          where dp.project_id = d.project_id and dp.device_id = d.id and ro.state in ('running', 'paused')
            and dp.state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'trial', 'soak') limit 1) as "busyIn"
       ${DEVICE_FROM} where d.project_id = $1 and d.state not in ('suspended', 'retired') and ${filterSql(filter, parameters, names)} order by d.name`,
      parameters.values,
    );
    return rows.map(({ hello, floor, ...device }) => ({
      ...device,
      abilities: hello
        ? {
            abi: hello.abi,
            slotBytes: hello.slotBytes,
            arenaBytes: hello.arenaBytes,
            stateBytes: hello.stateBytes,
            floor,
          }
        : undefined,
    }));
  }

  async add(
    scope: ProjectScope,
    rollout: NewRollout,
    deployments: readonly NewDeployment[],
  ): Promise<number> {
    const [row] = await this.db.query<{ number: number }>(
      `insert into rollout (project_id, id, number, release_id, filter, strategy, state, step, step_started_at, created_by)
       values ($1, $2, next_number($1, 'rollout'), $3, $4, $5, 'running', 0, now(), $6) returning number::int`,
      [
        scope.id,
        rollout.id,
        rollout.releaseId,
        rollout.filter,
        JSON.stringify(rollout.strategy),
        rollout.createdBy,
      ],
    );
    await this.db.query(namedQuery('rollouts/insert-deployments'), [
      scope.id,
      rollout.id,
      rollout.releaseId,
      deployments.map((one) => one.deviceId),
      deployments.map((one) => one.digest),
      deployments.map((one) => one.step),
      deployments.map((one) => one.bucket),
      deployments.map((one) => one.state),
      deployments.map((one) => one.errorCode),
      deployments.map((one) => one.reason),
      deployments.length,
    ]);
    // The statistics know nothing of this rollout yet, and a plan made for the one row that they promise takes minutes for
    // thousands: autovacuum comes too late.
    await this.db.query('analyze deployment');
    return row!.number;
  }

  async running(): Promise<{ scope: ProjectScope; number: number }[]> {
    const rows = await this.db.query<{ projectId: string; project: string; number: number }>(
      `select p.id as "projectId", p.name as project, ro.number::int as number
       from rollout ro join project p on p.id = ro.project_id where ro.state = 'running' order by p.id, ro.number`,
    );
    return rows.map(({ projectId, project, number }) => ({
      scope: projectScope(projectId, project),
      number,
    }));
  }

  async lock(scope: ProjectScope, number: number): Promise<OpenRollout> {
    const [row] = await this.db.query<OpenRollout>(
      `select ro.id, ro.number::int as number, m.name || '@' || v.version as release, ro.state, ro.step, ro.strategy
       from rollout ro
       join release r on r.project_id = ro.project_id and r.id = ro.release_id
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       where ro.project_id = $1 and ro.number = $2 for update of ro`,
      [scope.id, number],
    );
    if (!row) throw notFound(scope, number);
    return row;
  }

  async setState(
    scope: ProjectScope,
    id: string,
    change: { readonly state: RolloutState; readonly reason: string; readonly toleratedFailures?: number },
  ): Promise<void> {
    await this.db.query(
      `update rollout set state = $3, reason = $4,
         strategy = strategy || case when $5::int is null then '{}'::jsonb else jsonb_build_object('toleratedFailures', $5::int) end,
         finished_at = case when $3 in ('succeeded', 'failed', 'aborted') then now() end
       where project_id = $1 and id = $2`,
      [scope.id, id, change.state, change.reason, change.toleratedFailures ?? null],
    );
  }

  async setStep(scope: ProjectScope, id: string, step: number, reason: string): Promise<void> {
    await this.db.query(
      `update rollout set step = $3, reason = $4, step_started_at = now() where project_id = $1 and id = $2`,
      [scope.id, id, step, reason],
    );
  }

  async tallies(scope: ProjectScope, id: string): Promise<Tally[]> {
    return await this.db.query<Tally & object>(
      `select step, state, count(*)::int as count from deployment where project_id = $1 and rollout_id = $2
       group by step, state order by step, state`,
      [scope.id, id],
    );
  }

  async offer(scope: ProjectScope, id: string, step: number, limit: number): Promise<string[]> {
    const rows = await this.db.query<{ device: string }>(namedQuery('rollouts/offer'), [
      scope.id,
      id,
      step,
      limit,
      null,
    ]);
    return rows.map(({ device }) => device);
  }

  async offerAgain(scope: ProjectScope, id: string, deviceIds: readonly string[]): Promise<void> {
    await this.db.query(namedQuery('rollouts/offer'), [scope.id, id, null, deviceIds.length, deviceIds]);
  }

  async overdue(scope: ProjectScope, id: string, timeoutSeconds: number): Promise<OverdueDeployment[]> {
    return await this.db.query<OverdueDeployment & object>(namedQuery('rollouts/overdue'), [
      scope.id,
      id,
      timeoutSeconds,
    ]);
  }

  async retryable(
    scope: ProjectScope,
    id: string,
    transientErrors: readonly number[],
  ): Promise<OverdueDeployment[]> {
    return await this.db.query<OverdueDeployment & object>(
      `select dp.device_id as "deviceId", d.name as device, dp.state, dp.attempts, true as heard
       from deployment dp join device d on d.project_id = dp.project_id and d.id = dp.device_id
       where dp.project_id = $1 and dp.rollout_id = $2 and dp.state = 'failed' and dp.error_code = any($3::int[])
         and dp.reason = '' for update of dp`,
      [scope.id, id, transientErrors],
    );
  }

  async setDeployments(
    scope: ProjectScope,
    id: string,
    deviceIds: readonly string[],
    change: { readonly state: DeploymentState; readonly errorCode: number | null; readonly reason: string },
  ): Promise<void> {
    await this.db.query(
      `update deployment set state = $4, error_code = $5, reason = $6, updated_at = now(), finished_at = now()
       where project_id = $1 and rollout_id = $2 and device_id = any($3::uuid[])`,
      [scope.id, id, deviceIds, change.state, change.errorCode, change.reason],
    );
  }

  async withdraw(scope: ProjectScope, id: string): Promise<number> {
    const rows = await this.db.query(namedQuery('rollouts/withdraw'), [scope.id, id]);
    return rows.length;
  }
}

const notFound = (scope: ProjectScope, number: number) =>
  new FleetError('rollouts.not-found', { rollout: number, project: scope.name });

function toRollout(row: RolloutRow): Resource<'Rollout'> {
  const counts = row.counts ?? {};
  return {
    number: row.number,
    release: row.release,
    filter: row.filter,
    state: row.state,
    reason: row.reason,
    steps: [...row.strategy.steps],
    step: row.step,
    createdAt: iso(row.createdAt),
    createdBy: row.createdBy,
    finishedAt: isoOrNull(row.finishedAt),
    deviceCount: Object.values(counts).reduce((sum, n) => sum + n, 0),
    counts: counts,
  };
}

function toDeployment(row: DeploymentRow): Resource<'Deployment'> {
  const title = row.errorCode === null ? null : describeDeviceError(row.errorCode).title;
  return {
    device: row.device,
    state: row.state,
    step: row.step,
    offset: row.offset,
    bytes: row.bytes,
    errorCode: row.errorCode,
    // In words, where there are some: a number's title says less than the reason.
    errorTitle: row.reason === '' ? title : row.reason,
    updatedAt: iso(row.updatedAt),
  };
}
