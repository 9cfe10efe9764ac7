-- Windows that devices made with a release. $1 project, $2 release, $3 devices by name, $4 and $5 from and to.
with wanted as (
  select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
  where v.project_id = $1 and m.name || '@' || v.version = $2
), labelled as (
  select p.device_id, p.boot_id, p.at, count(*)::int as labelled, count(*) filter (where p.label = p.predicted)::int as correct
  from prediction p join device d on d.project_id = p.project_id and d.id = p.device_id
  where p.project_id = $1 and d.name = any ($3::text[]) and p.at >= $4 and p.at < $5
    and p.label is not null and p.predicted is not null and p.model_version_id = (select id from wanted)
  group by p.device_id, p.boot_id, p.at
)
select d.name as device, t.name as type, w.site, extract(epoch from w.window_start)::float8 * 1000 as "windowStartMs",
  w.window_ms as "windowMs", w.n, w.confidence_bins::int as "confidenceBins", b.classes::int as "classCount", w.classes as histogram, w.ood,
  array[w.switches, w.saturated, w.stuck, w.dropped_frames, w.invalid, w.resets] as counters, w.cycles_mean::float8 as "cyclesMean",
  w.battery_percent::int as "batteryPercent", coalesce(l.labelled, 0) as labelled, coalesce(l.correct, 0) as correct
from telemetry_window w
join device d on d.project_id = w.project_id and d.id = w.device_id
join device_type t on t.project_id = w.project_id and t.id = w.type_id
join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
left join labelled l on l.device_id = w.device_id and l.boot_id = w.boot_id and l.at = w.window_start
where w.project_id = $1 and w.model_version_id = (select id from wanted) and d.name = any ($3::text[])
  and w.window_start >= $4 and w.window_start < $5
order by w.device_id, w.window_start
