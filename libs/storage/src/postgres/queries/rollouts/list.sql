-- Rollouts of project $1, newest first; $2 one number or null, $3 below this number or null, $4 limit.
select ro.number::int as number, ro.kind, m.name || '@' || v.version as release,
  r.state as "releaseState", r.state_reason as "stateReason", ro.filter, ro.state, ro.reason, ro.strategy, ro.plan, ro.step,
  ro.step_ended_at as "stepEndedAt", ro.gate_reports as "gateReports",
  ro.created_at as "createdAt", ro.created_by as "createdBy", ro.finished_at as "finishedAt",
  (select jsonb_object_agg(s.state, s.n) from (
     select dp.state, count(*) as n from deployment dp
     where dp.project_id = ro.project_id and dp.rollout_id = ro.id group by dp.state) s) as counts
from rollout ro
join release r on r.project_id = ro.project_id and r.id = ro.release_id
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where ro.project_id = $1 and ($2::bigint is null or ro.number = $2) and ($3::bigint is null or ro.number < $3)
order by ro.number desc limit $4
