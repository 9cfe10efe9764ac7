/** Rollouts and deployments: reads for people, and the start. What the engine does is in rollout-moves.ts. */
import {
  RolloutPolicy,
  type Page,
  type PageRequest,
  type ProjectScope,
  type Resource,
} from '@tinyfleet/contracts';
import { FleetError, describeDeviceError } from '@tinyfleet/errors';
import type { Filter } from '@tinyfleet/filter';
import { warningsOf, type BundleNeeds as StoredNeeds } from '@tinyfleet/releases';
import {
  type AbilityGroup,
  type BundleNeeds,
  type DecisionKind,
  type DeploymentState,
  type GateVerdict,
  type NewDeployment,
  type NewRollout,
  type ReleaseFacts,
  type RolloutState,
  type RolloutStore,
  type ShadowCounts,
  type ShadowRoom,
  type StepPlan,
  type TargetDevice,
} from '@tinyfleet/rollouts';
import type { Db } from '../database.js';
import { DEVICE_FROM } from '../queries/devices.js';
import { loadFilterNames } from '../queries/filter-names.js';
import { filterSql } from '../queries/filter-sql.js';
import { Parameters } from '../queries/parameters.js';
import { namedQuery } from '../queries/index.js';
import { cursorKey, cursorNumber, iso, isoOrNull, toPage } from '../stores/page.js';
import { abilityGroups, loadAbilities } from './abilities.js';

interface RolloutRow {
  readonly number: number;
  readonly kind: Resource<'RolloutKind'>;
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
  readonly releaseState: ReleaseFacts['state'];
  readonly stateReason: string;
}

interface DeploymentRow {
  readonly number: string;
  readonly device: string;
  readonly state: DeploymentState;
  readonly component: 'model' | 'firmware';
  readonly step: number;
  readonly offset: number;
  readonly bytes: number;
  readonly attempts: number;
  readonly notBefore: Date | null;
  readonly offeredAt: Date | null;
  readonly heardAt: Date | null;
  readonly finishedAt: Date | null;
  readonly errorCode: number | null;
  readonly reason: string;
  readonly updatedAt: Date;
  readonly rollout: number;
  readonly release: string;
  readonly releaseState: ReleaseFacts['state'];
  readonly stateReason: string;
}

type HistoryPoint = Resource<'RolloutHistory'>['points'][number];

export class PgRolloutStore implements RolloutStore {
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

  async history(scope: ProjectScope, number: number, points: number): Promise<Resource<'RolloutHistory'>> {
    const rows = await this.db.query<Omit<HistoryPoint, 'at'> & { at: Date }>(
      namedQuery('rollouts/history'),
      [scope.id, number, points],
    );
    if (rows.length === 0) await this.get(scope, number);
    return { points: rows.map((row) => ({ ...row, at: iso(row.at) })) };
  }

  async release(scope: ProjectScope, ref: string): Promise<ReleaseFacts> {
    const rows = await this.db.query<{
      id: string;
      state: ReleaseFacts['state'];
      stateReason: string;
      isSigned: boolean;
      bringsFirmware: boolean;
      notAfter: Date | null;
      typeId: string | null;
      digest: Buffer;
      bytes: number;
      sequence: number;
      needs: StoredNeeds | null;
      macs: number | null;
      from: string | null;
      isFirmware: boolean;
      version: string;
      imageVersion: string | null;
      imageBytes: number | null;
      imageNeeds: StoredNeeds | null;
      imageFrom: string | null;
    }>(
      `select r.id, r.state, r.state_reason as "stateReason", r.signed_at is not null as "isSigned",
         r.firmware_version_id is not null or m.component = 'firmware' as "bringsFirmware", r.not_after as "notAfter", a.type_id as "typeId", a.bundle_digest as digest, a.bundle_bytes::float8 as bytes,
         r.sequence::float8 as sequence, b.report -> 'needs' as needs, (b.report ->> 'macs')::float8 as macs, b.report ->> 'from' as from,
         m.component = 'firmware' as "isFirmware", v.version, rf.version as "imageVersion", rf.bytes::float8 as "imageBytes",
         fb.report -> 'needs' as "imageNeeds", fb.report ->> 'from' as "imageFrom"
       from release r
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       join model m on m.project_id = v.project_id and m.id = v.model_id
       left join release_artifact a on a.project_id = r.project_id and a.release_id = r.id
       left join build b on b.project_id = a.project_id and b.id = a.build_id
       left join release_firmware rf on rf.project_id = a.project_id and rf.release_id = a.release_id and rf.type_id = a.type_id
       left join build fb on fb.project_id = rf.project_id and fb.id = rf.build_id
       where r.project_id = $1 and m.name || '@' || v.version = $2`,
      [scope.id, ref],
    );
    const [first] = rows;
    if (!first) throw new FleetError('releases.not-found', { release: ref });
    const artifacts = rows.flatMap((row) => {
      const { typeId, digest, bytes, sequence, needs, macs, imageVersion } = row;
      return typeId === null
        ? []
        : [
            {
              typeId,
              digest,
              needs: {
                ...needsOf(needs),
                ...runFacts(needs, macs),
                bytes,
                sequence,
                firmwareMin: imageVersion ?? undefined,
                image: imageOf(row),
              },
            },
          ];
    });
    const { id, state, stateReason, isSigned, bringsFirmware, notAfter } = first;
    return { id, state, stateReason, isSigned, bringsFirmware, notAfter, artifacts };
  }

  async holdStarts(scope: ProjectScope): Promise<void> {
    await this.db.query(`select pg_advisory_xact_lock(hashtextextended('rollout ' || $1, 0))`, [scope.id]);
  }

  async target(scope: ProjectScope, filter: Filter, notIn?: string): Promise<TargetDevice[]> {
    const names = await loadFilterNames(this.db, scope, filter);
    const parameters = new Parameters([scope.id, notIn ?? null]);
    const rows = await this.db.query<Omit<TargetDevice, 'abilities' | 'hasGreeted'> & object>(
      `select d.id as "deviceId", d.name, d.type_id as "typeId", t.name as type, d.site,
         coalesce(report.firmware_version, '') as firmware,
         coalesce(d.desired ->> 'timeZone', report.reported ->> 'timeZone') as zone, report.ability,
         (select jsonb_build_object('kind', u.kind, 'releaseId', u.release_id, 'reason', u.reason) from update_rule u
          where u.project_id = d.project_id and u.device_id = d.id and (u.until is null or u.until > now())) as rule,
         (select jsonb_build_object('number', ro.number, 'priority', ro.priority, 'kind', ro.kind)
          from deployment dp join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
          where dp.project_id = d.project_id and dp.device_id = d.id
            and ro.state in ('awaiting-approval', 'running', 'paused', 'rolling-back')
            and dp.state in ('waiting', 'offered', 'fetching', 'verified', 'staged', 'shadow', 'trial', 'soak', 'returning')
          order by ro.priority desc, ro.number desc limit 1) as "busyIn"
       ${DEVICE_FROM} where d.project_id = $1 and d.state not in ('suspended', 'retired')
         and ($2::uuid is null or not exists (select from deployment mine
           where mine.project_id = d.project_id and mine.rollout_id = $2 and mine.device_id = d.id))
         and ${filterSql(filter, parameters, names)} order by d.name`,
      parameters.values,
    );
    return await loadAbilities(this.db, scope, rows);
  }

  async abilities(scope: ProjectScope, filter: Filter): Promise<AbilityGroup[]> {
    return await abilityGroups(this.db, scope, filter);
  }

  async shadowRooms(scope: ProjectScope, devices: readonly string[]): Promise<Map<string, ShadowRoom>> {
    const rows = await this.db.query<{
      deviceId: string;
      hasGreeted: boolean;
      isAble: boolean;
      stateBytes: number;
      digest: Buffer | null;
      needs: StoredNeeds | null;
      macs: number | null;
      periodUs: number | null;
      measuredUs: number | null;
    }>(namedQuery('rollouts/shadow-rooms'), [scope.id, devices]);
    return new Map(
      rows.map(({ deviceId, hasGreeted, isAble, digest, needs, macs, ...rest }) => [
        deviceId,
        {
          ...rest,
          isAble: hasGreeted ? isAble : null,
          active: digest && { digest, arenaBytes: needs?.arenaBytes ?? 0, ...runFacts(needs, macs) },
          isActiveKnown: needs !== null,
        },
      ]),
    );
  }

  async shadowCounts(scope: ProjectScope, number: number): Promise<ShadowCounts> {
    const of = [scope.id, number];
    const devices = await this.db.query<ShadowCounts['devices'][number] & object>(
      namedQuery('rollouts/shadow-counts'),
      of,
    );
    const cells = await this.db.query<ShadowCounts['cells'][number] & object>(
      namedQuery('rollouts/shadow-matrix'),
      of,
    );
    const [names] = await this.db.query<{ labels: string[] }>(
      `select v.labels from rollout ro
       join release r on r.project_id = ro.project_id and r.id = ro.release_id
       join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
       where ro.project_id = $1 and ro.number = $2`,
      of,
    );
    return { devices, labels: names?.labels ?? [], cells };
  }

  async reports(scope: ProjectScope, number: number): Promise<readonly object[]> {
    const [row] = await this.db.query<{ reports: object[] }>(
      'select gate_reports as reports from rollout where project_id = $1 and number = $2',
      [scope.id, number],
    );
    if (!row) throw rolloutNotFound(scope, number);
    return row.reports;
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

  async add(
    scope: ProjectScope,
    rollout: NewRollout,
    deployments: readonly NewDeployment[],
  ): Promise<number> {
    const [row] = await this.db.query<{ number: number }>(
      `insert into rollout (project_id, id, number, release_id, filter, strategy, plan, seed, priority, state, reason, approved_step,
         step, step_started_at, created_by, kind)
       values ($1, $2, next_number($1, 'rollout'), $3, $4, $5, $6, $7, $8, $9, $10, $11, 0, now(), $12, $13) returning number::int`,
      [
        scope.id,
        rollout.id,
        rollout.releaseId,
        rollout.filter,
        JSON.stringify(rollout.policy),
        JSON.stringify(rollout.plan),
        rollout.seed,
        rollout.priority,
        rollout.state,
        rollout.reason,
        rollout.state === 'running' ? 0 : -1,
        rollout.createdBy,
        rollout.kind,
      ],
    );
    await insertDeployments(this.db, scope, rollout.id, deployments);
    // The statistics know nothing of this rollout yet, nor of devices that came a minute ago, and a plan made for the one row that
    // they promise takes minutes for thousands: autovacuum comes too late. Of wide tables only the keys.
    await this.db.query(
      `analyze deployment, device (project_id, id), device_report (project_id, device_id, ability),
         presence (project_id, device_id), desired_state (project_id, device_id)`,
    );
    return row!.number;
  }
}

/** One row each, numbered in the order given. */
export async function insertDeployments(
  db: Db,
  scope: ProjectScope,
  rolloutId: string,
  deployments: readonly NewDeployment[],
): Promise<void> {
  if (deployments.length === 0) return;
  await db.query(namedQuery('rollouts/insert-deployments'), [
    scope.id,
    rolloutId,
    deployments.map((one) => one.releaseId),
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
    deployments.map((one) => one.arm),
    deployments.map((one) => one.ability),
  ]);
}

function imageOf(row: {
  readonly isFirmware: boolean;
  readonly version: string;
  readonly bytes: number;
  readonly needs: StoredNeeds | null;
  readonly from: string | null;
  readonly imageVersion: string | null;
  readonly imageBytes: number | null;
  readonly imageNeeds: StoredNeeds | null;
  readonly imageFrom: string | null;
}): BundleNeeds['image'] {
  const { isFirmware: isAlone, imageVersion } = row;
  if (!isAlone && imageVersion === null) return undefined;
  const { abi, arenaBytes, stateBytes, ops } = needsOf(isAlone ? row.needs : row.imageNeeds);
  return {
    ...{ abi, arenaBytes, stateBytes, ops, isAlone },
    version: isAlone ? row.version : imageVersion!,
    bytes: isAlone ? row.bytes : (row.imageBytes ?? 0),
    from: (isAlone ? row.from : row.imageFrom) ?? undefined,
  };
}

/** A build from before a need was known says nothing of it. */
const needsOf = (needs: StoredNeeds | null): Omit<BundleNeeds, 'bytes' | 'sequence' | 'firmwareMin'> => ({
  abi: needs?.abi ?? 0,
  arenaBytes: needs?.arenaBytes ?? 0,
  stateBytes: needs?.stateBytes ?? 0,
  ops: { opSet: needs?.opSet ?? '', ownOpSet: needs?.ownOpSet ?? '' },
  opVersions: needs?.opVersions ?? {},
  sensor: needs?.sensor,
  stages: [...Buffer.from(needs?.stages ?? '', 'hex')],
});

const runFacts = (
  needs: StoredNeeds | null,
  macs: number | null,
): Pick<BundleNeeds, 'inputBytes' | 'inputsDigest' | 'latencyUs' | 'macs'> => ({
  inputBytes: needs?.inputBytes,
  inputsDigest: needs?.inputsDigest,
  latencyUs: needs?.estimateUs,
  macs: macs ?? undefined,
});

export const rolloutNotFound = (scope: ProjectScope, number: number): FleetError<'rollouts.not-found'> =>
  new FleetError('rollouts.not-found', { rollout: number, project: scope.name });

function toRollout(row: RolloutRow): Resource<'Rollout'> {
  const counts = row.counts ?? {};
  return {
    number: row.number,
    kind: row.kind,
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
    warnings: warningsOf({ ref: row.release, state: row.releaseState, stateReason: row.stateReason }),
    deviceCount: Object.values(counts).reduce((sum, n) => sum + n, 0),
    counts: counts,
  };
}

const toDeploymentOfProject = (row: DeploymentRow): Resource<'DeploymentOfProject'> => ({
  ...toDeployment(row),
  rollout: row.rollout,
  release: row.release,
  warnings: warningsOf({ ref: row.release, state: row.releaseState, stateReason: row.stateReason }),
});

function toDeployment(row: DeploymentRow): Resource<'Deployment'> {
  const title = row.errorCode === null ? null : describeDeviceError(row.errorCode).title;
  return {
    number: Number(row.number),
    device: row.device,
    state: row.state,
    component: row.component,
    step: row.step,
    offset: row.offset,
    bytes: row.bytes,
    attempts: row.attempts,
    notBefore: isoOrNull(row.notBefore),
    offeredAt: isoOrNull(row.offeredAt),
    heardAt: isoOrNull(row.heardAt),
    finishedAt: isoOrNull(row.finishedAt),
    errorCode: row.errorCode,
    // In words, where there are some: a number's title says less than the reason.
    errorTitle: row.reason === '' ? title : row.reason,
    updatedAt: iso(row.updatedAt),
  };
}
