-- Windows of the batches in $1; $2 and $3 bound their start and prune partitions.
select w.project_id as "projectId", w.device_id as "deviceId", w.window_start as "windowStart", w.time_known as "timeKnown",
  w.model_version_id as "modelVersionId", w.type_id as "typeId", w.site, w.build_prefix as "buildPrefix",
  w.schema_crc::float8 as "schemaCrc", w.n, w.confidence_bins as "confidenceBins", w.classes, w.features, w.ood, w.switches,
  w.saturated, w.stuck, w.dropped_frames as "droppedFrames", w.invalid, w.cycles_mean::float8 as "cyclesMean",
  w.cycles_max::float8 as "cyclesMax", w.resets
from telemetry_window w
join project p on p.id = w.project_id
where w.batch_id = any ($1::bigint[]) and w.window_start between $2 and $3
