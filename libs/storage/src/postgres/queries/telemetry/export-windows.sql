-- Windows of one day as they are exported, in pages by key, with what was kept of their predictions. $1 project, $2 from, $3 to, $4 device
-- or null, $5-$8 behind this device, boot, number and start, $9 limit.
select d.name as device, w.device_id as "deviceId", w.boot_id::text as "storedBoot", w.seq::float8 as sequence,
  w.window_start as "windowStart", w.window_ms as "windowMs", w.component, w.time_known as "timeKnown",
  w.build_prefix as "buildPrefix", w.schema_crc::float8 as "schemaCrc", w.n, w.confidence_bins as "confidenceBins", w.classes, w.features,
  w.ood, w.switches, w.saturated, w.stuck, w.dropped_frames as "droppedFrames", w.invalid, w.cycles_mean::float8 as "cyclesMean",
  w.cycles_max::float8 as "cyclesMax", w.arena_bytes::float8 as "arenaBytes", w.stack_bytes::float8 as "stackBytes",
  w.battery_percent as "batteryPercent", w.resets, w.first_index::float8 as "firstIndex", c.offset_ms::float8 as "bootOffsetMs",
  kept.picks
from telemetry_window w
join device d on d.project_id = w.project_id and d.id = w.device_id
left join boot_clock c on c.project_id = w.project_id and c.device_id = w.device_id and c.boot_id = w.boot_id
cross join lateral (
  select coalesce(jsonb_agg(jsonb_build_object('offset', p.inference_index - w.first_index, 'predicted', p.predicted,
    'confidence', p.confidence) order by p.inference_index), '[]') as picks
  from prediction p
  where p.project_id = w.project_id and p.device_id = w.device_id and p.boot_id = w.boot_id and p.inference_index >= w.first_index
    and p.inference_index < w.first_index + 65536 and p.at = w.window_start and p.predicted is not null
) kept
where w.project_id = $1 and w.window_start >= $2 and w.window_start < $3 and ($4::uuid is null or w.device_id = $4)
  and ($5::uuid is null or (w.device_id, w.boot_id, w.seq, w.window_start) > ($5::uuid, $6::bigint, $7::bigint, $8::timestamptz))
order by w.device_id, w.boot_id, w.seq, w.window_start
limit $9
