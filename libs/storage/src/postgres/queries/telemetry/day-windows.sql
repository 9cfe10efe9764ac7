-- Windows of one day whose batches are folded, in pages by key. $1 project, $2 midnight, $3 the next one, $4-$7 behind this device, boot,
-- number and start, $8 limit.
select w.project_id as "projectId", w.device_id as "deviceId", w.boot_id::text as "storedBoot", w.seq::float8 as sequence,
  w.window_start as "windowStart", w.time_known as "timeKnown", w.model_version_id as "modelVersionId", w.type_id as "typeId", w.site,
  w.build_prefix as "buildPrefix", w.schema_crc::float8 as "schemaCrc", w.n, w.confidence_bins as "confidenceBins", w.classes,
  w.features, w.ood, w.switches, w.saturated, w.stuck, w.dropped_frames as "droppedFrames", w.invalid,
  w.cycles_mean::float8 as "cyclesMean", w.cycles_max::float8 as "cyclesMax", w.resets
from telemetry_window w
where w.project_id = $1 and w.window_start >= $2 and w.window_start < $3
  and ($4::uuid is null or (w.device_id, w.boot_id, w.seq, w.window_start) > ($4::uuid, $5::bigint, $6::bigint, $7::timestamptz))
  and not exists (select from telemetry_batch b where b.id = w.batch_id and b.folded_at is null)
order by w.device_id, w.boot_id, w.seq, w.window_start
limit $8
