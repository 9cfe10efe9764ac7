-- Windows whose bundle became known. $1 project; arrays: $2 devices, $3 boots, $4 numbers, $5 starts, $6 model versions.
update telemetry_window w set model_version_id = t.version
from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::uuid[]) as t (device_id, boot_id, seq, window_start, version)
where w.project_id = $1 and w.device_id = t.device_id and w.boot_id = t.boot_id and w.seq = t.seq and w.window_start = t.window_start
