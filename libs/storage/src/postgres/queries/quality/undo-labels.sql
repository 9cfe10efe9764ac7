-- Takes back labels and skips by one person: out of the hourly sums, where each was counted once when it was given, and the predictions
-- are kept for this person again. Answers their keys. A sum that falls to none stays, as none.
-- $1 project, $2 who, $3 seconds, $4 devices by name, $5 boot ids, $6 inference indexes
with taken as (
  update label_task t set state = 'claimed', claimed_until = now() + make_interval(secs => $3)
  where t.project_id = $1 and t.claimed_by = $2 and t.state in ('done', 'skipped') and exists (
    select from unnest($4::text[], $5::bigint[], $6::bigint[]) as g (name, boot_id, inference_index)
    join device d on d.project_id = $1 and d.name = g.name
    where d.id = t.device_id and g.boot_id = t.boot_id and g.inference_index = t.inference_index)
  returning t.device_id, t.boot_id, t.inference_index, t.reason
), given as (
  select p.device_id, p.boot_id, p.inference_index, p.label, t.reason
  from taken t join prediction p on p.project_id = $1 and p.device_id = t.device_id and p.boot_id = t.boot_id
    and p.inference_index = t.inference_index
  where p.label is not null
), freed as (
  update prediction p set label = null, label_source = null
  from given g
  where p.project_id = $1 and p.device_id = g.device_id and p.boot_id = g.boot_id and p.inference_index = g.inference_index
  returning p.model_version_id, p.type_id, p.site, date_trunc('hour', p.at, 'UTC') as hour, g.label, p.predicted,
    p.confidence / 16 as bin, g.reason = 'chance' as by_chance, p.confidence
), sums as (
  select row($1, model_version_id, type_id, site, hour, label, predicted, -count(*), -sum(confidence), bin, by_chance)::accuracy_hour as sum
  from freed group by model_version_id, type_id, site, hour, label, predicted, bin, by_chance
), summed as (
  update accuracy_hour a set n = a.n + (s.sum).n, confidence_sum = a.confidence_sum + (s.sum).confidence_sum
  from sums s
  where a.project_id = $1 and a.model_version_id = (s.sum).model_version_id and a.type_id = (s.sum).type_id and a.site = (s.sum).site
    and a.hour = (s.sum).hour and a.label = (s.sum).label and a.predicted = (s.sum).predicted
    and a.confidence_bin = (s.sum).confidence_bin and a.by_chance = (s.sum).by_chance
)
select device_id, boot_id::text, inference_index::float8, (select count_labelled(array_agg(sum))::text from sums) as counted from taken
