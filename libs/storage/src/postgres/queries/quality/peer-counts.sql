-- How many windows devices have of one model and schema of monitors that begin from $6 on and have $7 inferences or more.
-- $1 project, $2 model, $3 schema, $4 confidence bins, $5 classes
select w.device_id as device, count(*)::int as windows
from telemetry_window w
join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
where w.project_id = $1 and w.time_known and w.schema_crc = $3 and w.confidence_bins = $4 and b.classes = $5
  and w.model_version_id in (select id from model_version where project_id = $1 and model_id = $2)
  and w.window_start >= $6 and w.n >= $7 and w.features is not null
group by w.device_id
order by w.device_id
