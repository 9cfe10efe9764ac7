-- Devices that sent windows of a version on one day, from the windows whose batches are folded. $1 project, $2 midnight, $3 the next one.
with counted as (
  select w.model_version_id, count(distinct w.device_id) as devices
  from telemetry_window w
  join bundle_name b on b.project_id = w.project_id and b.prefix = w.build_prefix
  where w.project_id = $1 and w.window_start >= $2 and w.window_start < $3 and w.time_known
    and w.model_version_id <> '00000000-0000-0000-0000-000000000000'
    and not exists (select from telemetry_batch o where o.id = w.batch_id and o.folded_at is null)
  group by 1
), gone as (
  delete from device_count_day d
  where d.project_id = $1 and d.day = ($2::timestamptz at time zone 'UTC')::date and $3::timestamptz > $2
    and not exists (select from counted c where c.model_version_id = d.model_version_id)
)
insert into device_count_day (project_id, day, model_version_id, devices)
select $1, ($2::timestamptz at time zone 'UTC')::date, model_version_id, devices from counted order by model_version_id
on conflict (project_id, day, model_version_id) do update set devices = excluded.devices
