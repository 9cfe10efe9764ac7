-- Registered errors of one device, by day: those that it reported, and those for which its messages were refused.
-- $1 project, $2 device name, $3-$5 cursor (day, by, key), $6 limit.
with one as (select project_id, id from device where project_id = $1 and name = $2)
select to_char(l.day, 'YYYY-MM-DD') as day, l.by, l.key, l.number, l.count::float8 as count, l.first_at as "firstAt", l.last_at as "lastAt",
  ro.number::int as rollout, m.name || '@' || v.version as release
from one
cross join lateral (
  select e.day, 'device' as by, e.code::text as key, e.number, e.count, e.first_at, e.last_at, e.rollout_id
  from device_error e where e.project_id = one.project_id and e.device_id = one.id
  union all
  select r.day, 'server', r.code, null, r.count, null, r.last_at, null
  from ingest_refusal r where r.project_id = one.project_id and r.device_id = one.id
) as l
left join deployment dp on dp.project_id = one.project_id and dp.rollout_id = l.rollout_id and dp.device_id = one.id
left join rollout ro on ro.project_id = dp.project_id and ro.id = dp.rollout_id
left join release re on re.project_id = dp.project_id and re.id = dp.release_id
left join model_version v on v.project_id = re.project_id and v.id = re.model_version_id
left join model m on m.project_id = v.project_id and m.id = v.model_id
where $3::date is null or l.day < $3::date or (l.day = $3::date and (l.by, l.key) > ($4::text, $5::text))
order by l.day desc, l.by, l.key
limit $6
