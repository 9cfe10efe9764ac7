-- What somebody holds still, for so long again: the oldest first. Answers their keys.
-- $1 project, $2 who, $3 seconds, $4 most, $5 device or null, $6 release or null
with held as (
  select t.device_id, t.boot_id, t.inference_index
  from label_task t join prediction p using (project_id, device_id, boot_id, inference_index)
  where t.project_id = $1 and t.state = 'claimed' and t.claimed_by = $2 and t.claimed_until > now() and p.label is null
    and ($5::text is null or p.device_id = (select id from device d where d.project_id = $1 and d.name = $5))
    and ($6::text is null or p.model_version_id = (
      select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
      where v.project_id = $1 and m.name || '@' || v.version = $6))
  order by t.claimed_until, t.created_at limit $4::integer
)
update label_task t set claimed_until = now() + make_interval(secs => $3)
from held h
where t.project_id = $1 and t.device_id = h.device_id and t.boot_id = h.boot_id and t.inference_index = h.inference_index
returning t.device_id, t.boot_id::text, t.inference_index::float8
