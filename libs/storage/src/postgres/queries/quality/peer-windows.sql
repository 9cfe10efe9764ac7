-- The newest $8 windows of each of the devices $9, as peer-counts.sql counts them.
-- $1 project, $2 model, $3 schema, $4 confidence bins, $5 classes, $6 from, $7 least inferences
select device, "atMs", n, classes, features, counters
from (
  select w.device_id as device, extract(epoch from w.window_start)::float8 * 1000 as "atMs", w.n, w.classes, w.features,
    array[coalesce(w.saturated, 0), coalesce(w.stuck, 0), coalesce(w.dropped_frames, 0), coalesce(w.invalid, 0)] as counters,
    row_number() over (partition by w.device_id order by w.window_start desc, w.seq desc) as place
  from telemetry_window w
  join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
  where w.project_id = $1 and w.time_known and w.schema_crc = $3 and w.confidence_bins = $4 and b.classes = $5
    and w.model_version_id in (select id from model_version where project_id = $1 and model_id = $2)
    and w.window_start >= $6 and w.n >= $7 and w.features is not null and w.device_id = any ($9::uuid[])
) of_device
where place <= $8
order by device, place desc
