-- One rollout as the engine needs it, and the time; without a lock unless one is asked for behind it. $1 project, $2 number,
-- $3 seconds by which the engine's clock is ahead.
select ro.id, ro.number::int as number, ro.release_id as "releaseId", m.name || '@' || v.version as ref, r.state as "releaseState",
  r.not_after as "notAfter", ro.filter, ro.state, ro.step, ro.strategy, ro.plan, ro.seed, ro.created_by as "createdBy",
  ro.created_at as "createdAt", ro.step_started_at as "stepStartedAt", ro.step_ended_at as "stepEndedAt",
  ro.tolerated_failures as "toleratedFailures", ro.approved_step as "approvedStep", ro.skipped_step as "skippedStep", ro.verdict,
  ro.rolled_back as "rolledBack", devices_cannot_reach_us() as "isUnreachable",
  clock.now, extract(epoch from clock.now - ro.step_ended_at)::float8 - outage_seconds(ro.step_ended_at, clock.now) as "soakedSeconds"
from rollout ro
cross join (select clock_timestamp() + make_interval(secs => $3::float8) as now) as clock
join release r on r.project_id = ro.project_id and r.id = ro.release_id
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where ro.project_id = $1 and ro.number = $2
