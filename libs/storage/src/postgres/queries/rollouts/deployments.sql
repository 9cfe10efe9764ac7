-- Deployments as people see them; the caller adds conditions and an order. $1 project.
select dp.number, d.name as device, dp.state, dp.step,
  -- A bundle that was verified is whole; a small one gets there without a report in between.
  case when dp.state in ('verified', 'staged', 'trial', 'soak', 'active', 'shadow', 'compared') then whole.bytes
    else dp.offset_bytes end::float8 as "offset",
  whole.bytes::float8 as bytes, dp.component,
  dp.attempts::int as attempts, dp.not_before as "notBefore",
  dp.offered_at as "offeredAt", dp.reached_at as "heardAt", dp.finished_at as "finishedAt", dp.error_code as "errorCode", dp.reason, dp.updated_at as "updatedAt", ro.number::int as rollout, m.name || '@' || v.version as release,
  r.state as "releaseState", r.state_reason as "stateReason"
from deployment dp
join device d on d.project_id = dp.project_id and d.id = dp.device_id
join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
join release r on r.project_id = dp.project_id and r.id = dp.release_id
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
left join release_artifact a on a.project_id = dp.project_id and a.release_id = dp.release_id and a.type_id = d.type_id
left join release_firmware rf on dp.component = 'firmware' and rf.project_id = dp.project_id and rf.release_id = dp.release_id
  and rf.type_id = d.type_id
cross join lateral (select coalesce(rf.bytes, a.bundle_bytes, 0) as bytes) as whole
where dp.project_id = $1
