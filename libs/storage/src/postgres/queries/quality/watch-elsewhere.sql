-- Those of some devices with windows of another model or schema of monitors that begin in [$5, $6).
-- $1 project, $2 model, $3 schema, $4 devices
select distinct w.device_id as device
from telemetry_window w
where w.project_id = $1 and w.device_id = any ($4::uuid[]) and w.time_known and w.window_start >= $5 and w.window_start < $6
  and (w.schema_crc <> $3 or w.model_version_id not in (select id from model_version where project_id = $1 and model_id = $2))
