-- Models and monitors with windows of the last day that nothing watches, and how long the newest window of one of their devices lasted.
-- Those that came in the last ten minutes may be watched in a moment: a history comes before the windows of now. $1 project
with seen as (
  select v.model_id, s.schema_crc, s.confidence_bins, min(s.at) as first_at, (array_agg(s.model_version_id order by s.at desc))[1] as newest
  from rollup_span s
  join model_version v on v.project_id = s.project_id and v.id = s.model_version_id
  where s.project_id = $1 and s.part = 'all' and s.span_h = 1 and s.at >= date_trunc('hour', now() - interval '1 day', 'UTC')
  group by v.model_id, s.schema_crc, s.confidence_bins
)
select m.name as model, s.schema_crc::float8 as "schema", s.first_at as "firstAt", last.window_ms::float8 as "windowMs"
from seen s
join model m on m.project_id = $1 and m.id = s.model_id
cross join lateral (
  select d.device_id from rollup_device_day d
  where d.project_id = $1 and d.model_version_id = s.newest and d.schema_crc = s.schema_crc
    and d.confidence_bins = s.confidence_bins and d.day >= (now() at time zone 'UTC')::date - 1
  limit 1
) one
cross join lateral (
  select w.window_ms from telemetry_window w
  where w.project_id = $1 and w.device_id = one.device_id and w.time_known and w.model_version_id = s.newest
    and w.schema_crc = s.schema_crc and w.window_start >= now() - interval '2 days' and w.received_at < now() - interval '10 minutes'
  order by w.window_start desc
  limit 1
) last
where not exists (
  select from quality_watch w
  where w.project_id = $1 and w.model_id = s.model_id and w.schema_crc = s.schema_crc and w.confidence_bins = s.confidence_bins
)
order by m.name, s.schema_crc
