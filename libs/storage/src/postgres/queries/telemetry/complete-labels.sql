-- Labelled predictions of one day that are missing in the sums of labels. What is summed already stays: of removed devices, and of
-- predictions that are not kept any more, it is all that is left. One statement, so that a label that comes meanwhile counts once.
-- $1 project, $2 midnight, $3 the next one. Answers how many were missing.
with kept as (
  select p.model_version_id, p.type_id, p.site, date_trunc('hour', p.at, 'UTC') as hour, p.label, p.predicted,
    (p.confidence / 16)::smallint as confidence_bin, coalesce(t.reason, 'chance') = 'chance' as by_chance, count(*) as n,
    sum(p.confidence) as confidence_sum
  from prediction p left join label_task t using (project_id, device_id, boot_id, inference_index)
  where p.project_id = $1 and p.at >= $2 and p.at < $3 and p.label is not null and p.predicted is not null
    and p.model_version_id is not null
  group by 1, 2, 3, 4, 5, 6, 7, 8
), sums as (
  select row($1, k.model_version_id, k.type_id, k.site, k.hour, k.label, k.predicted, k.n - coalesce(a.n, 0),
    greatest(0, k.confidence_sum - coalesce(a.confidence_sum, 0)), k.confidence_bin, k.by_chance)::accuracy_hour as sum
  from kept k left join accuracy_hour a on a.project_id = $1 and a.model_version_id = k.model_version_id and a.type_id = k.type_id
    and a.site = k.site and a.hour = k.hour and a.label = k.label and a.predicted = k.predicted
    and a.confidence_bin = k.confidence_bin and a.by_chance = k.by_chance
  where k.n > coalesce(a.n, 0)
), summed as (
  insert into accuracy_hour as a select (sum).* from sums
  order by (sum).model_version_id, (sum).type_id, (sum).site, (sum).hour, (sum).label, (sum).predicted, (sum).confidence_bin, (sum).by_chance
  on conflict (project_id, model_version_id, type_id, site, hour, label, predicted, confidence_bin, by_chance) do update
    set n = a.n + excluded.n, confidence_sum = a.confidence_sum + excluded.confidence_sum
)
select coalesce(sum((sum).n), 0)::int as labels, count_labelled(array_agg(sum))::text as counted from sums
