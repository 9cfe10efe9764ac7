-- Ground truth from outside, the other half of insert-picks. $1 project; arrays: device names, boot ids, inference
-- indexes, labels; $6 source. Answers how many were new and which device names are unknown.
with label as (
  select * from unnest($2::text[], $3::bigint[], $4::bigint[], $5::smallint[]) as t (device, boot_id, inference_index, label)
), known as (
  select distinct on (d.id, l.boot_id, l.inference_index) d.id as device_id, l.boot_id, l.inference_index, l.label
  from label l join device d on d.project_id = $1 and d.name = l.device
  order by d.id, l.boot_id, l.inference_index
), stored as (
  insert into prediction as x (project_id, device_id, boot_id, inference_index, label, label_source)
  select $1, device_id, boot_id, inference_index, label, $6 from known
  on conflict (project_id, device_id, boot_id, inference_index) do update
    set label = excluded.label, label_source = excluded.label_source
    where x.label is null
  returning x.*
), counted as (
  insert into accuracy_hour as a (project_id, model_version_id, type_id, site, hour, label, predicted, n, confidence_sum)
  select project_id, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, count(*), sum(confidence)
  from stored where predicted is not null
  group by 1, 2, 3, 4, 5, 6, 7 order by 1, 2, 3, 4, 5, 6, 7
  on conflict (project_id, model_version_id, type_id, site, hour, label, predicted) do update
    set n = a.n + excluded.n, confidence_sum = a.confidence_sum + excluded.confidence_sum
)
select (select count(*)::int from stored) as accepted,
  (select array_agg(distinct l.device) from label l
   where not exists (select 1 from device d where d.project_id = $1 and d.name = l.device)) as unknown
