-- Deployments that wait or could not, whose device is not what it was when it was judged. $1 project, $2 rollout.
select dp.release_id as "releaseId", d.type_id as "typeId", t.name as type, r.ability, count(*)::int as devices, '{}'::text[] as sample
from rollout ro
join deployment dp on dp.project_id = $1 and dp.rollout_id = ro.id
  and (dp.state = 'waiting' or dp.state = 'incompatible' and ro.kind <> 'shadow')
join device_report r on r.project_id = $1 and r.device_id = dp.device_id and r.ability is distinct from dp.ability
join device d on d.project_id = $1 and d.id = dp.device_id
join device_type t on t.project_id = $1 and t.id = d.type_id
where ro.project_id = $1 and ro.id = $2
group by 1, 2, 3, 4
