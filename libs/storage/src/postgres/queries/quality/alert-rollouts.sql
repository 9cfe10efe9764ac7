-- Rollouts that have to do with an alert: they are of its model, and brought what a device concerned runs now; when the alert names a
-- version, it is theirs. Of a device that fell silent nobody knows what it runs: there an offer is enough,
-- and when the alert names no model, one of any model.
-- $1 project, $2 alert, $3 states
select ro.number::int as number
from alert al
join rollout ro on ro.project_id = al.project_id and ro.kind = 'update' and ro.state = any ($3::text[])
join release r on r.project_id = ro.project_id and r.id = ro.release_id
join model_version v on v.project_id = r.project_id and v.id = r.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where al.project_id = $1 and al.number = $2 and (m.name = al.model or al.model is null and al.kind = 'silence')
  and (position(' version=' in ' ' || al.subject) = 0
    or position(' version=' || m.name || '@' || v.version || ' ' in ' ' || al.subject || ' ') > 0)
  and exists (
    select from alert_devices(al) c
    join deployment dp on dp.project_id = ro.project_id and dp.rollout_id = ro.id and dp.device_id = c.device_id
    left join device_report dr on dr.project_id = dp.project_id and dr.device_id = dp.device_id
    where case when al.kind = 'silence' then dp.offered_at is not null else dr.active_digest = dp.digest end)
order by ro.number desc
