-- Shadow runs of rollout $2 of project $1, by device.
select d.name as device, t.name as type, d.site, dp.state, c.runs::float8 as runs,
  c.agreed::float8 as agreed, c.skipped::float8 as skipped
from rollout ro
join shadow_count c on c.project_id = ro.project_id and c.rollout_id = ro.id
join deployment dp on dp.project_id = c.project_id and dp.rollout_id = c.rollout_id and dp.device_id = c.device_id
join device d on d.project_id = c.project_id and d.id = c.device_id
join device_type t on t.project_id = d.project_id and t.id = d.type_id
where ro.project_id = $1 and ro.number = $2
order by d.name
