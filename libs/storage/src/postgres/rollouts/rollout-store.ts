/** Rollouts and deployments: reads for people, and the start. What the engine does is in rollout-moves.ts. */
import {
  RolloutPolicy,
  projectScope,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError, describeDeviceError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import {
  parseAbi,
  type BundleNeeds,
  type DecisionKind,
  type DeploymentState,
  type DeviceAbilities,
  type GateVerdict,
  type NewDeployment,
  type NewRollout,
  type OpenRolloutFinder,
  type ReleaseFacts,
  type RolloutState,
  type RolloutStore,
  type StepPlan,
  type TargetDevice,
} from '@tinyfleet/rollouts';
import { opBits } from '@tinyfleet/wire';
import type { Db } from '../database.js';
import { DEVICE_FROM } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorNumber, iso, isoOrNull, toPage } from '../stores/page.js';
import { specOf, type StoredSpec } from '../stores/device-store.js';

interface RolloutRow {
  readonly number: number;
  readonly release: string;
  readonly filter: string;
  readonly state: RolloutState;
  readonly reason: string;
  readonly strategy: unknown;
  readonly plan: readonly StepPlan[];
  readonly step: number;
  readonly stepEndedAt: Date | null;
  readonly gateReports: readonly GateVerdict[];
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
  readonly attempts: number;
  readonly notBefore: Date | null;
  readonly errorCode: number | null;
  readonly reason: string;
  readonly updatedAt: Date;
  readonly rollout: number;
  readonly release: string;
}

/** Of a hello as it is stored. */
interface HelloAbilities extends Pick<DeviceAbilities, 'abi' | 'slotBytes' | 'arenaBytes' | 'stateBytes'> {
  readonly opSet: string;
  readonly ownOpSet?: string;
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
    if (!row) throw rolloutNotFound(scope, number);
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
  ): Promise<Page<Resource<'DeploymentOfProject'>>> {
    return await this.allDeployments(scope, { ...page, device });
  }

  async allDeployments(
    scope: ProjectScope,
    query: PageRequest & {
      readonly rollout?: number | undefined;
      readonly device?: string | undefined;
      readonly state?: DeploymentState | undefined;
    },
  ): Promise<Page<Resource<'DeploymentOfProject'>>> {
    const rows = await this.db.query<DeploymentRow>(
      `${namedQuery('rollouts/deployments')}
       and ($2::text is null or d.name = $2) and ($3::bigint is null or ro.number = $3) and ($4::text is null or dp.state = $4)
       and ($5::bigint is null or dp.number < $5) order by dp.number desc limit $6`,
      [
        scope.id,
        query.device ?? null,
        query.rollout ?? null,
        query.state ?? null,
        cursorNumber(query) ?? null,
        query.limit + 1,
      ],
    );
    return toPage(rows, query.limit, (row) => [row.number], toDeploymentOfProject);
  }

  async deployment(scope: ProjectScope, number: number): Promise<Resource<'DeploymentOfProject'>> {
    const [row] = await this.db.query<DeploymentRow>(
      `${namedQuery('rollouts/deployments')} and dp.number = $2`,
      [scope.id, number],
    );
    if (!row)
      throw new FleetError('rollouts.deployment-not-found', { deployment: number, project: scope.name });
    return toDeploymentOfProject(row);
  }

  async decisions(
    scope: ProjectScope,
    number: number,
    page: PageRequest & { readonly kind?: DecisionKind | undefined },
  ): Promise<Page<Resource<'RolloutDecision'>>> {
    const rows = await this.db.query<Omit<Resource<'RolloutDecision'>, 'at'> & { at: Date }>(
      `select dc.number, dc.at, dc.by, dc.kind, dc.step, dc.words as text, dc.evidence
       from rollout_decision dc join rollout ro on ro.project_id = dc.project_id and ro.id = dc.rollout_id
       where dc.project_id = $1 and ro.number = $2 and ($3::text is null or dc.kind = $3)
         and ($4::integer is null or dc.number < $4) order by dc.number desc limit $5`,
      [scope.id, number, page.kind ?? null, cursorNumber(page) ?? null, page.limit + 1],
    );
    if (rows.length === 0) await this.get(scope, number);
    return toPage(
      rows,
      page.limit,
      (row) => [String(row.number)],
      (row) => ({ ...row, at: iso(row.at) }),
    );
  }

  async release(scope: ProjectScope, ref: string): Promise<ReleaseFacts> {
    const rows = await this.db.query<{
      id: string;
      state: ReleaseFacts['state'];
      isSigned: boolean;
      notAfter: Date | null;
      typeId: string | null;
      digest: Buffer;
      bytes: number;
      sequence: number;
      needs: (Omit<BundleNeeds, 'bytes' | 'sequence' | 'ops'> & BundleNeeds['ops']) | null;
    }>(
      `select r.id, r.state, r.signed_at is not null as "isSigned", r.not_after as "notAfter", a.type_id as "typeId", a.bundle_digest as digest, a.bundle_bytes::float8 as bytes,
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
                ops: { opSet: needs?.opSet ?? '', ownOpSet: needs?.ownOpSet ?? '' },
                bytes,
                sequence,
              },
            },
          ],
    );
    const { isSigned } = first;
    return { id: first.id, state: first.state, isSigned, notAfter: first.notAfter, artifacts };
  }

  async target(scope: ProjectScope, filter: Filter, notIn?: string): Promise<TargetDevice[]> {
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id, notIn ?? null]);
    const rows = await this.db.query<
      Omit<TargetDevice, 'abilities' | 'hasGreeted'> & { hello: HelloAbilities | null; floor: number | null }
    >(
      `select d.id as "deviceId", d.name, d.type_id as "typeId", t.name as type, d.site,
         coalesce(report.firmware_version, '') as firmware,
         coalesce(d.desired ->> 'timeZone', report.reported ->> 'timeZone') as zone, report.hello, report.floor::float8 as floor,
         (select jsonb_build_object('kind', u.kind, 'releaseId', u.release_id, 'reason', u.reason) from update_rule u
          where u.project_id = d.project_id and u.device_id = d.id and (u.until is null or u.until > now())) as rule,
         (select jsonb_build_object('number', ro.number, 'priority', ro.priority)
          from deployment dp join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
          where dp.project_id = d.project_id and dp.device_id = d.id
            and ro.state in ('awaiting-approval', 'running', 'paused', 'rolling-back')
            and dp.state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'trial', 'soak', 'returning')
          order by ro.priority desc, ro.number desc limit 1) as "busyIn"
       ${DEVICE_FROM} where d.project_id = $1 and d.state not in ('suspended', 'retired')
         and ($2::uuid is null or not exists (select from deployment mine
           where mine.project_id = d.project_id and mine.rollout_id = $2 and mine.device_id = d.id))
         and ${filterSql(filter, parameters, names)} order by d.name`,
      parameters.values,
    );
    const byType = await this.abilitiesOfTypes(scope);
    return rows.map(({ hello, floor, ...device }) => ({
      ...device,
      hasGreeted: hello !== null,
      abilities: hello
        ? {
            abi: hello.abi,
            slotBytes: hello.slotBytes,
            arenaBytes: hello.arenaBytes,
            stateBytes: hello.stateBytes,
            ops: { opSet: hello.opSet, ownOpSet: hello.ownOpSet ?? '' },
            floor: floor ?? 0,
          }
        : byType.get(device.typeId)!,
    }));
  }

  async names(scope: ProjectScope, filter: Filter): Promise<ReadonlySet<string>> {
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id]);
    const rows = await this.db.query<{ name: string }>(
      `select d.name ${DEVICE_FROM} where d.project_id = $1 and ${filterSql(filter, parameters, names)}`,
      parameters.values,
    );
    return new Set(rows.map(({ name }) => name));
  }

  /** For devices that have not said what they are. */
  private async abilitiesOfTypes(scope: ProjectScope): Promise<Map<string, DeviceAbilities>> {
    const rows = await this.db.query<{ id: string; spec: StoredSpec }>(
      'select id, spec from device_type where project_id = $1',
      [scope.id],
    );
    return new Map(
      rows.map(({ id, spec }) => {
        const { abi, slotBytes, arenaBytes, stateBytes, ops } = specOf(spec);
        const bits = opBits(Object.keys(ops));
        return [id, { abi: parseAbi(abi) ?? 0, slotBytes, arenaBytes, stateBytes, ops: bits, floor: 0 }];
      }),
    );
  }

  async add(
    scope: ProjectScope,
    rollout: NewRollout,
    deployments: readonly NewDeployment[],
  ): Promise<number> {
    const [row] = await this.db.query<{ number: number }>(
      `insert into rollout (project_id, id, number, release_id, filter, strategy, plan, seed, priority, state, reason, approved_step,
         step, step_started_at, created_by)
       values ($1, $2, next_number($1, 'rollout'), $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, now(), $12) returning number::int`,
      [
        scope.id,
        rollout.id,
        rollout.releaseId,
        rollout.filter,
        JSON.stringify(rollout.policy),
        JSON.stringify(rollout.plan),
        rollout.seed,
        rollout.policy.priority,
        rollout.state,
        rollout.reason,
        rollout.state === 'running' ? 0 : -1,
        rollout.createdBy,
      ],
    );
    await insertDeployments(this.db, scope, rollout, deployments);
    // The statistics know nothing of this rollout yet, and a plan made for the one row that they promise takes minutes for
    // thousands: autovacuum comes too late.
    await this.db.query('analyze deployment');
    return row!.number;
  }

  async running(): Promise<{ scope: ProjectScope; number: number }[]> {
    const rows = await this.db.query<{ projectId: string; project: string; number: number }>(
      `select p.id as "projectId", p.name as project, ro.number::int as number
       from rollout ro join project p on p.id = ro.project_id where ro.state in ('running', 'rolling-back')
       order by p.id, ro.priority desc, ro.number desc`,
    );
    return rows.map(({ projectId, project, number }) => ({
      scope: projectScope(projectId, project),
      number,
    }));
  }
}

/** One row each, numbered in the order given. */
export async function insertDeployments(
  db: Db,
  scope: ProjectScope,
  rollout: { readonly id: string; readonly releaseId: string },
  deployments: readonly NewDeployment[],
): Promise<void> {
  if (deployments.length === 0) return;
  await db.query(namedQuery('rollouts/insert-deployments'), [
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
    deployments.map((one) => one.zone),
    deployments.map((one) => one.notBefore),
    deployments.length,
  ]);
}

export const rolloutNotFound = (scope: ProjectScope, number: number): FleetError<'rollouts.not-found'> =>
  new FleetError('rollouts.not-found', { rollout: number, project: scope.name });

function toRollout(row: RolloutRow): Resource<'Rollout'> {
  const counts = row.counts ?? {};
  return {
    number: row.number,
    release: row.release,
    filter: row.filter,
    state: row.state,
    reason: row.reason,
    steps: row.plan.map(({ percent }) => percent),
    step: row.step,
    stepEndedAt: isoOrNull(row.stepEndedAt),
    policy: RolloutPolicy.parse(row.strategy),
    createdAt: iso(row.createdAt),
    createdBy: row.createdBy,
    finishedAt: isoOrNull(row.finishedAt),
    gates: row.gateReports[0] ?? null,
    deviceCount: Object.values(counts).reduce((sum, n) => sum + n, 0),
    counts: counts,
  };
}

const toDeploymentOfProject = (row: DeploymentRow): Resource<'DeploymentOfProject'> => ({
  ...toDeployment(row),
  rollout: row.rollout,
  release: row.release,
});

function toDeployment(row: DeploymentRow): Resource<'Deployment'> {
  const title = row.errorCode === null ? null : describeDeviceError(row.errorCode).title;
  return {
    number: Number(row.number),
    device: row.device,
    state: row.state,
    step: row.step,
    offset: row.offset,
    bytes: row.bytes,
    attempts: row.attempts,
    notBefore: isoOrNull(row.notBefore),
    errorCode: row.errorCode,
    // In words, where there are some: a number's title says less than the reason.
    errorTitle: row.reason === '' ? title : row.reason,
    updatedAt: iso(row.updatedAt),
  };
}
