-- The next predictions to label, taken for one person; the caller holds the queue's lock. Half of all predictions is kept for chance:
-- nothing that was predicted decides whether one of them is labelled, or estimates would rest on the hardest ones. Of the other half
-- those that were asked for come first, then the least sure; one that was asked for is never taken as anything else.
-- Answers their keys.
-- $1 project, $2 who, $3 seconds, $4 by chance, $5 asked, $6 asked and unsure together, $7 device or null, $8 release or null
with chosen as (
  select p.device_id, p.boot_id, p.inference_index, 'chance' as reason, 1 as turn
  from prediction p
  where p.project_id = $1 and p.label is null and p.predicted is not null and p.at is not null
    and ($7::text is null or p.device_id = (select id from device d where d.project_id = $1 and d.name = $7))
    and ($8::text is null or p.model_version_id = (
      select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
      where v.project_id = $1 and m.name || '@' || v.version = $8))
    and not exists (
    select from label_task t where t.project_id = p.project_id and t.device_id = p.device_id and t.boot_id = p.boot_id
      and t.inference_index = p.inference_index and (t.state <> 'claimed' or t.claimed_until > now() or t.reason = 'asked'))
    and chance_of(p.boot_id, p.inference_index) < 0
  order by chance_of(p.boot_id, p.inference_index) limit $4::integer
), asked as (
  select p.device_id, p.boot_id, p.inference_index, t.reason, 0 as turn
  from label_task t join prediction p using (project_id, device_id, boot_id, inference_index)
  where p.project_id = $1 and p.label is null and p.predicted is not null and p.at is not null
    and ($7::text is null or p.device_id = (select id from device d where d.project_id = $1 and d.name = $7))
    and ($8::text is null or p.model_version_id = (
      select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
      where v.project_id = $1 and m.name || '@' || v.version = $8))
    and (t.state = 'open' or t.state = 'claimed' and t.claimed_until <= now() and t.reason = 'asked')
  order by t.created_at limit $5::integer
), unsure as (
  select p.device_id, p.boot_id, p.inference_index, 'unsure' as reason, 2 as turn
  from prediction p
  where p.project_id = $1 and p.label is null and p.predicted is not null and p.at is not null
    and ($7::text is null or p.device_id = (select id from device d where d.project_id = $1 and d.name = $7))
    and ($8::text is null or p.model_version_id = (
      select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
      where v.project_id = $1 and m.name || '@' || v.version = $8))
    and not exists (
    select from label_task t where t.project_id = p.project_id and t.device_id = p.device_id and t.boot_id = p.boot_id
      and t.inference_index = p.inference_index and (t.state <> 'claimed' or t.claimed_until > now() or t.reason = 'asked'))
    and chance_of(p.boot_id, p.inference_index) >= 0
  order by p.confidence limit greatest(0, $6::integer - (select count(*) from asked))::integer
), taken as (
  insert into label_task as t (project_id, device_id, boot_id, inference_index, reason, state, claimed_by, claimed_until)
  select $1, device_id, boot_id, inference_index, reason, 'claimed', $2, now() + make_interval(secs => $3)
  from (select * from chosen union all select * from asked union all select * from unsure) as all_of
  on conflict (project_id, device_id, boot_id, inference_index) do update
    set state = 'claimed', claimed_by = excluded.claimed_by, claimed_until = excluded.claimed_until
  returning t.*
)
select device_id, boot_id::text, inference_index::float8 from taken
