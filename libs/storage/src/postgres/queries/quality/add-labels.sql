-- Stores labels; those that complete a prediction are added to the hourly sums in the same statement, so each counts
-- once whichever side comes first. Returns how many were new.
-- $1 project, $2 device ids, $3 boot ids, $4 inference indexes, $5 classes, $6 source
with given as (
  select distinct on (device_id, boot_id, inference_index) device_id, boot_id, inference_index, class
  from unnest($2::uuid[], $3::bigint[], $4::bigint[], $5::smallint[]) as one (device_id, boot_id, inference_index, class)
  order by device_id, boot_id, inference_index
), stored as (
  insert into prediction as p (project_id, device_id, boot_id, inference_index, label, label_source)
  select $1, device_id, boot_id, inference_index, class, $6 from given
  on conflict (project_id, device_id, boot_id, inference_index) do update
    set label = excluded.label, label_source = excluded.label_source
    where p.label is null
  returning p.at, p.model_version_id, p.type_id, p.site, p.label, p.predicted, p.confidence
), summed as (
  insert into accuracy_hour as a
    (project_id, model_version_id, type_id, site, hour, label, predicted, n, confidence_sum)
  select $1, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, count(*), sum(confidence)
  from stored
  where predicted is not null and at is not null and model_version_id is not null
  group by 2, 3, 4, 5, 6, 7
  order by 2, 3, 4, 5, 6, 7
  on conflict (project_id, model_version_id, type_id, site, hour, label, predicted) do update
    set n = a.n + excluded.n, confidence_sum = a.confidence_sum + excluded.confidence_sum
)
select count(*)::int as accepted from stored
