-- Predictions kept for labelling. A row that already has its label is completed here and counted in accuracy_hour by
-- the same statement; a pick that is there already changes nothing, so each counts once.
with pick as (
  select * from unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::bigint[], $5::timestamptz[], $6::uuid[], $7::uuid[], $8::text[],
      $9::smallint[], $10::smallint[])
    as t (project_id, device_id, boot_id, inference_index, at, model_version_id, type_id, site, predicted, confidence)
), known as (
  -- A device that was removed meanwhile has no row to refer to.
  select distinct on (p.project_id, p.device_id, p.boot_id, p.inference_index) p.*
  from pick p join device d on d.project_id = p.project_id and d.id = p.device_id
  order by p.project_id, p.device_id, p.boot_id, p.inference_index
), stored as (
  insert into prediction as x (project_id, device_id, boot_id, inference_index, at, model_version_id, type_id, site, predicted, confidence)
  select project_id, device_id, boot_id, inference_index, at, model_version_id, type_id, site, predicted, confidence from known
  on conflict (project_id, device_id, boot_id, inference_index) do update
    set at = excluded.at, model_version_id = excluded.model_version_id, type_id = excluded.type_id, site = excluded.site,
        predicted = excluded.predicted, confidence = excluded.confidence
    where x.predicted is null
  returning x.*
), sums as (
  select row(project_id, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, count(*), sum(confidence),
    confidence / 16, true)::accuracy_hour as sum
  from stored where label is not null
  group by project_id, model_version_id, type_id, site, date_trunc('hour', at, 'UTC'), label, predicted, confidence / 16
), summed as (
  insert into accuracy_hour as a select (sum).* from sums
  order by (sum).project_id, (sum).model_version_id, (sum).type_id, (sum).site, (sum).hour, (sum).label, (sum).predicted, (sum).confidence_bin
  on conflict (project_id, model_version_id, type_id, site, hour, label, predicted, confidence_bin, by_chance) do update
    set n = a.n + excluded.n, confidence_sum = a.confidence_sum + excluded.confidence_sum
)
select count_labelled(array_agg(sum)) from sums
