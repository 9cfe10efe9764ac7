-- Who is held back stays so, also when it could by now. $1 project, $2 rollout; of each group of changed-abilities.sql $3 release, $4 type, $5 ability, $6 error and $7 reason; without a
-- reason it may have the release.
with changed as (
  select dp.device_id, dp.number, j.ability, j.error_code,
    dp.arm = 'a' and dp.release_id = ro.release_id as held_back, j.reason
  from rollout ro
  join deployment dp on dp.project_id = $1 and dp.rollout_id = ro.id
    and (dp.state = 'waiting' or dp.state = 'incompatible' and ro.kind <> 'shadow')
  join device d on d.project_id = $1 and d.id = dp.device_id
  join device_report r on r.project_id = $1 and r.device_id = dp.device_id and r.ability is distinct from dp.ability
  join unnest($3::uuid[], $4::uuid[], $5::uuid[], $6::int[], $7::text[]) as j (release_id, type_id, ability, error_code, reason)
    on j.release_id = dp.release_id and j.type_id = d.type_id and j.ability = r.ability
  where ro.project_id = $1 and ro.id = $2
  order by dp.number
  for update of dp
)
update deployment dp set ability = c.ability, 
  state = case when c.reason is not null then 'incompatible' when c.held_back then 'control' else 'waiting' end,
  error_code = c.error_code, reason = coalesce(c.reason, case when c.held_back then 'held back for comparison' else '' end), updated_at = now(), finished_at = case when c.reason is not null then now() end
from changed c
where dp.project_id = $1 and dp.rollout_id = $2 and dp.device_id = c.device_id
