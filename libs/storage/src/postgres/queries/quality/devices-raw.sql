-- Devices by the version of their last window in each bucket, from single windows; an unknown version is null.
-- $1 project, $2 from, $3 to, $4 bucket seconds
select (extract(epoch from seen.at) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       count(*)::float8 as devices
from (
  select distinct on (1, device_id)
         date_bin(make_interval(secs => $4), window_start, to_timestamp(0)) as at, device_id, model_version_id
  from telemetry_window
  where project_id = $1 and window_start >= $2 and window_start < $3 and time_known
  order by 1, device_id, window_start desc
) seen
left join model_version v on v.project_id = $1 and v.id = seen.model_version_id
left join model m on m.project_id = $1 and m.id = v.model_id
group by seen.at, m.name, v.version, v.version_order
order by 1, v.version_order, 2
