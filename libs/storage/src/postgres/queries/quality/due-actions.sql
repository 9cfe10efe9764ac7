-- Actions of alerts whose time has come, those that wait longest first, with devices concerned: the connected ones before others.
-- $1 most actions, $2 most devices of each
select a.project_id as "projectId", p.name as project, a.alert, a.action, a.attempts, al.model,
  array(
    select d.name from device d
    left join presence x on x.project_id = d.project_id and x.device_id = d.id
    where d.project_id = a.project_id and d.id in (select device_id from alert_devices(al))
    order by coalesce(x.connected, false) desc, d.name limit $2) as devices
from alert_action a
join alert al on al.project_id = a.project_id and al.number = a.alert
join project p on p.id = a.project_id
where a.state = 'due' and a.next_attempt_at <= now()
order by a.next_attempt_at, a.project_id, a.alert, a.action limit $1
