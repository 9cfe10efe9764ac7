-- Devices that sent windows of a version, by day. $1 project, $2 from, $3 to
select (extract(epoch from c.day::timestamp at time zone 'UTC') * 1000)::float8 as at_ms, m.name || '@' || v.version as release,
  c.devices::float8 as devices
from device_count_day c
join model_version v on v.project_id = c.project_id and v.id = c.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where c.project_id = $1 and c.day >= ($2::timestamptz at time zone 'UTC')::date and c.day <= ($3::timestamptz at time zone 'UTC')::date
order by c.day, v.version_order, release
