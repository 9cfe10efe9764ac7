-- What is known of the shadow runs of devices that speak of theirs; their deployments are locked already. Arrays: project, device,
-- deployment number.
select q.number::float8 as deployment, dp.project_id as "projectId", dp.rollout_id as "rolloutId", dp.device_id as "deviceId",
  coalesce(x.runs, 0)::float8 as runs, coalesce(x.agreed, 0)::float8 as agreed, coalesce(x.skipped, 0)::float8 as skipped,
  to_jsonb(x.disagreed) as disagreed, coalesce(x.boots, '[]') as boots
from (select distinct * from unnest($1::uuid[], $2::uuid[], $3::bigint[]) as u (project_id, device_id, number)) as q
join deployment dp on dp.project_id = q.project_id and dp.number = q.number and dp.device_id = q.device_id
left join shadow_count x on x.project_id = dp.project_id and x.rollout_id = dp.rollout_id and x.device_id = dp.device_id
