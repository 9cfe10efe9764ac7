-- Stores labels; those that complete a prediction are added to the hourly sums in the same statement, so each counts
-- once whichever side comes first. Predictions that were asked for, not drawn, are counted apart. Returns how many were new.
-- $1 project, $2 device ids, $3 boot ids, $4 inference indexes, $5 classes, $6 source, $7 who
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
  returning p.device_id, p.boot_id, p.inference_index, p.at, p.model_version_id, p.type_id, p.site, p.label, p.predicted, p.confidence
), tasks as (
  update label_task t set state = 'done', claimed_by = $7, claimed_until = null
  from stored s where t.project_id = $1 and t.device_id = s.device_id and t.boot_id = s.boot_id and t.inference_index = s.inference_index
  returning t.device_id, t.boot_id, t.inference_index, t.reason
), sums as (
  select row($1, s.model_version_id, s.type_id, s.site, date_trunc('hour', s.at, 'UTC'), s.label, s.predicted, count(*),
    sum(s.confidence), s.confidence / 16, coalesce(t.reason, 'chance') = 'chance')::accuracy_hour as sum
  from stored s left join tasks t using (device_id, boot_id, inference_index)
  where s.predicted is not null and s.at is not null and s.model_version_id is not null
  group by s.model_version_id, s.type_id, s.site, date_trunc('hour', s.at, 'UTC'), s.label, s.predicted, s.confidence / 16,
    coalesce(t.reason, 'chance') = 'chance'
), summed as (
  insert into accuracy_hour as a select (sum).* from sums
  order by (sum).model_version_id, (sum).type_id, (sum).site, (sum).hour, (sum).label, (sum).predicted, (sum).confidence_bin, (sum).by_chance
  on conflict (project_id, model_version_id, type_id, site, hour, label, predicted, confidence_bin, by_chance) do update
    set n = a.n + excluded.n, confidence_sum = a.confidence_sum + excluded.confidence_sum
)
select (select count(*) from stored)::int as accepted, count_labelled(array_agg(sum))::text as counted from sums
