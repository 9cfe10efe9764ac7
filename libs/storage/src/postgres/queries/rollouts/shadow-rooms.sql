-- What devices have for a shadow run, $2 their ids: from their hello, the build of what they run, and the newest window of
-- the last hour. $1 project.
select d.id as "deviceId", report.hello is not null as "hasGreeted",
  coalesce((report.hello ->> 'capabilities')::bigint & 8, 0) <> 0 as "isAble",
  coalesce((report.hello ->> 'shadowStateBytes')::float8, 0) as "stateBytes",
  report.active_digest as digest, b.report -> 'needs' as needs, (b.report ->> 'macs')::float8 as macs,
  case when w.n > 0 then w.window_ms * 1000.0 / w.n end::float8 as "periodUs",
  case when w.cycles_mean > 0 then w.cycles_mean * 1e6 / nullif((t.spec ->> 'clockHz')::float8, 0) end::float8 as "measuredUs"
from device d
join device_type t on t.project_id = d.project_id and t.id = d.type_id
left join device_report report on report.project_id = d.project_id and report.device_id = d.id
left join lateral (
  select build.report from build
  where build.project_id = d.project_id and build.type_id = d.type_id and build.bundle_digest = report.active_digest limit 1
) as b on true
left join lateral (
  select n, window_ms, cycles_mean from telemetry_window
  where project_id = d.project_id and device_id = d.id and component = 0
    and build_prefix = substring(report.active_digest for 8)
    and window_start > now() - interval '1 hour' and window_start <= now()
  order by window_start desc limit 1
) as w on true
where d.project_id = $1 and d.id = any ($2::uuid[])
