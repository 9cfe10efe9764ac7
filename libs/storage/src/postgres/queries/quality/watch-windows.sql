-- Windows of one model and schema of monitors: those that begin in [$6, $7), and those of [$8, $6) that were received from $9 on.
-- $1 project, $2 model, $3 schema, $4 confidence bins, $5 classes
select w.device_id as device, w.model_version_id as version, extract(epoch from w.window_start)::float8 * 1000 as "atMs",
  extract(epoch from w.received_at)::float8 * 1000 as "receivedAtMs", w.n, w.classes, w.ood, w.features,
  array[coalesce(w.saturated, 0), coalesce(w.stuck, 0), coalesce(w.dropped_frames, 0), coalesce(w.invalid, 0)] as counters
from telemetry_window w
join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
where w.project_id = $1 and w.time_known and w.schema_crc = $3 and w.confidence_bins = $4 and b.classes = $5
  and w.model_version_id in (select id from model_version where project_id = $1 and model_id = $2)
  and w.window_start >= least($6::timestamptz, $8::timestamptz) and w.window_start < $7
  and (w.window_start >= $6 or w.received_at >= $9)
order by w.window_start, w.device_id, w.seq
