-- Devices of rollout $2 of project $1 by step and state. Of a type or site that went back while the rest goes on nobody takes part any
-- more, and what failed there is held against nobody else.
select dp.step, dp.state, count(*)::int as count
from rollout ro
join deployment dp on dp.project_id = ro.project_id and dp.rollout_id = ro.id
where ro.project_id = $1 and ro.id = $2 and (ro.rolled_back = '[]' or ro.state = 'rolling-back' or not exists (
  select from device d join device_type t on t.project_id = d.project_id and t.id = d.type_id
  where d.project_id = dp.project_id and d.id = dp.device_id and is_in_segment(ro.rolled_back, t.name, d.site)))
group by dp.step, dp.state order by dp.step, dp.state
