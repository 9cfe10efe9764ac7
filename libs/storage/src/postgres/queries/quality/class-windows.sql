-- Packed class histograms of single windows: short ranges only, the caller unpacks and adds.
-- $1 project, $2 from, $3 to, $4 bucket seconds, $5 model name or null
select (extract(epoch from date_bin(make_interval(secs => $4), w.window_start, to_timestamp(0))) * 1000)::float8 as at_ms,
       m.name || '@' || v.version as release,
       v.labels,
       b.classes,
       w.confidence_bins,
       w.classes as histogram
from telemetry_window w
join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
join model_version v on v.project_id = w.project_id and v.id = w.model_version_id
join model m on m.project_id = v.project_id and m.id = v.model_id
where w.project_id = $1 and w.window_start >= $2 and w.window_start < $3 and w.time_known
  and ($5::text is null or m.name = $5)
order by 1, v.version_order, 2
