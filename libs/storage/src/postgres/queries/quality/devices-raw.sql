-- Devices that sent windows of a version, from single windows; a version the project does not know is null.
-- $1 project, $2 from, $3 to, $4 bucket seconds
select (extract(epoch from seen.at) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       count(*)::float8 as devices
from (
  select distinct date_bin(make_interval(secs => $4), window_start, to_timestamp(0)) as at, model_version_id, device_id
  from telemetry_window
  where project_id = $1 and window_start >= $2 and window_start < $3 and time_known
) seen
left join model_version v on v.project_id = $1 and v.id = seen.model_version_id
left join model m on m.project_id = $1 and m.id = v.model_id
group by seen.at, m.name, v.version, v.version_order
order by 1, v.version_order, 2
