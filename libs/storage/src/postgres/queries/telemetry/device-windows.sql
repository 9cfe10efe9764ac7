-- Windows of one device, newest first. $1 project, $2 device name, $3 from, $4 to, $5/$6 cursor (start, sequence), $7 limit.
select w.boot_id as "bootId", w.seq::float8 as sequence, w.window_start as "startAt", w.window_ms as "lengthMs", w.n,
  w.confidence_bins as "confidenceBins", w.classes, b.classes::int as "classCount",
  case when v.id is null then null else m.name || '@' || v.version end as release, w.switches, w.saturated,
  w.cycles_mean::float8 as "cyclesMean", w.cycles_max::float8 as "cyclesMax", w.arena_bytes::float8 as "arenaBytes",
  w.battery_percent as "batteryPercent"
from telemetry_window w
join device d on d.project_id = w.project_id and d.id = w.device_id
left join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
left join model_version v on v.project_id = w.project_id and v.id = w.model_version_id
left join model m on m.project_id = v.project_id and m.id = v.model_id
where w.project_id = $1 and d.name = $2 and w.window_start >= $3 and w.window_start < $4
  and ($5::timestamptz is null or (w.window_start, w.seq) < ($5::timestamptz, $6::bigint))
order by w.window_start desc, w.seq desc
limit $7
