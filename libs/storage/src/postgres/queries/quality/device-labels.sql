-- Labels of predictions that chance chose, by device: how many, and how many were predicted so. As long as predictions are kept.
-- $1 project, $2 release, $3 days in UTC, today among them; a filter of devices stands for its comment
select count(*)::float8 as n, count(*) filter (where r.label = r.predicted)::float8 as correct
from prediction r
left join label_task t on t.project_id = r.project_id and t.device_id = r.device_id and t.boot_id = r.boot_id
  and t.inference_index = r.inference_index
where r.project_id = $1 and r.label is not null and r.predicted is not null and coalesce(t.reason, 'chance') = 'chance'
  and r.at >= ((now() at time zone 'UTC')::date - $3::integer + 1) at time zone 'UTC'
  and r.model_version_id = (
    select v.id from model_version v join model m on m.project_id = v.project_id and m.id = v.model_id
    where v.project_id = $1 and m.name || '@' || v.version = $2
  )
  /* filter */
group by r.device_id
