-- Moves the stage into the partitions, each window once. Answers what was new, by project in ascending order (the order in which
-- events have to be emitted). Rows go in by key: two batches with the same windows wait for each other in one order, and
-- neighbours share index pages.
with fresh as (
  insert into telemetry_window (
    project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component, time_known,
    model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes, features, ood, switches,
    saturated, stuck, dropped_frames, invalid, cycles_mean, cycles_max, arena_bytes, stack_bytes, battery_percent,
    resets, first_index)
  select
    project_id, device_id, boot_id, seq, window_start, window_ms, batch_id, received_at, component, time_known,
    model_version_id, type_id, site, build_prefix, schema_crc, n, confidence_bins, classes, features, ood, switches,
    saturated, stuck, dropped_frames, invalid, cycles_mean, cycles_max, arena_bytes, stack_bytes, battery_percent,
    resets, first_index
  from telemetry_stage
  order by device_id, boot_id, seq
  on conflict do nothing
  returning project_id, device_id, n
)
select project_id as "projectId", count(*)::int as windows, count(distinct device_id)::int as devices, sum(n)::int as inferences
from fresh group by project_id order by project_id
