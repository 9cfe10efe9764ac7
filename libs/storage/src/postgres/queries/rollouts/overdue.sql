-- Devices under way that have not moved for $3 seconds. $1 project, $2 rollout. `heard`: of the device something was heard
-- within that time, or it is a sleeper whose next contact is still ahead, which is not looked at at all.
select dp.device_id as "deviceId", d.name as device, dp.state, dp.attempts,
  coalesce(p.connected or p.last_seen_at > now() - make_interval(secs => $3), false) as heard
from deployment dp
join device d on d.project_id = dp.project_id and d.id = dp.device_id
left join presence p on p.project_id = dp.project_id and p.device_id = dp.device_id
where dp.project_id = $1 and dp.rollout_id = $2
  and dp.state in ('offered', 'fetching', 'verified', 'staged', 'trial')
  and dp.updated_at < now() - make_interval(secs => $3)
  and not (coalesce(p.next_contact_by > now(), false) and not p.connected)
order by dp.number
for update of dp
